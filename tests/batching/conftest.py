"""A miniature preset model, and a talker that speaks on and on."""

from collections.abc import Callable

import pytest

from qwen_tts.checkpoint import LoadedModel
from qwen_tts.engine import eager


@pytest.fixture(scope="module")
def model(loaded: Callable[[str], LoadedModel]) -> LoadedModel:
    return loaded("custom_voice")


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> None:
    """The talker never says that it is done."""
    monkeypatch.setattr(eager, "MIN_FRAMES", 10**6)
