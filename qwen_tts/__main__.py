"""`python -m qwen_tts` is `qwen-tts`."""

from .cli import app

app()
