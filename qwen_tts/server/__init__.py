"""`qwen-tts serve`: speech for clients that exist. One file a protocol; `session.py` is under all of them."""
