"""Training: data, losses, the codec, the talker. Uses the models and `prompt.py`; never the server or the command line."""
