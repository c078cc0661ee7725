"""Building blocks that know nothing about speech: transformer, key-value cache, rotary positions, causal convolutions."""
