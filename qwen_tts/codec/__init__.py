"""The 12.5 Hz codec: 24 kHz audio to 16 codes a frame and back. Knows nothing about text or the talker."""
