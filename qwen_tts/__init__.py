"""Qwen3-TTS from scratch: text to speech that streams while it speaks. Importing this loads nothing heavy."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .model import Qwen3TTSModel
    from .tokenizer import Qwen3TTSTokenizer
    from .voice import VoiceClonePromptItem

__version__ = "0.1.0"
__all__ = ["Qwen3TTSModel", "Qwen3TTSTokenizer", "VoiceClonePromptItem", "__version__"]

_HOMES = {"Qwen3TTSModel": "model", "Qwen3TTSTokenizer": "tokenizer", "VoiceClonePromptItem": "voice"}


def __getattr__(name: str) -> Any:
    """Imports a public name, and torch with it, when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
