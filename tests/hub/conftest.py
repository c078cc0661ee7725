"""Hubs with something in them."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import constants
from stand_in_hub import StandInHub

NAME = "Qwen/Qwen3-TTS-12Hz-1.7B-CustomVoice"
CODEC = "Qwen/Qwen3-TTS-Tokenizer-12Hz"


@pytest.fixture
def filled(hub: StandInHub, model_dir: Callable[[str], Path]) -> StandInHub:
    """Both hubs have a model and the codec that stands alone."""
    folder = model_dir("custom_voice")
    hub.repos[NAME] = {"main": folder, "master": folder}
    hub.repos[CODEC] = {"main": folder / "speech_tokenizer", "master": folder / "speech_tokenizer"}
    return hub


@pytest.fixture
def blocked(filled: StandInHub, monkeypatch: pytest.MonkeyPatch) -> StandInHub:
    """Only ModelScope can be reached: where the other should be, nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{unused.getsockname()[1]}")
    return filled
