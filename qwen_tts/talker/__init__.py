"""The language model: text and voice in, frames of codec codes out. It knows nothing about audio."""
