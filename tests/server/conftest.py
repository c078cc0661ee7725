"""A server with miniature models, and a recording to clone."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from serving import Web

from qwen_tts.model import Qwen3TTSModel
from qwen_tts.server.run import make_session
from qwen_tts.server.session import Session
from qwen_tts.server.settings import Settings

KINDS = {"mini-CustomVoice": "custom_voice", "mini-Base": "base", "mini-VoiceDesign": "voice_design"}


@pytest.fixture(scope="session")
def miniatures(model_dir: Callable[[str], Path]) -> dict[str, Qwen3TTSModel]:
    """One of each kind, by the names that clients use."""
    return {name: Qwen3TTSModel.from_pretrained(model_dir(kind), engine="eager") for name, kind in KINDS.items()}


@pytest.fixture
def make(miniatures: dict[str, Qwen3TTSModel], tmp_path: Path) -> Iterator[Callable[..., Session]]:
    """Makes a session with these models (all, by default) and settings."""
    made: list[Session] = []

    def session(*names: str, **settings: Any) -> Session:
        chosen = {name: miniatures[name] for name in names or KINDS}
        made.append(make_session(chosen, Settings(**settings), tmp_path / "voices"))
        return made[-1]

    yield session
    for one in made:
        one.close()


@pytest.fixture
def web(make: Callable[..., Session]) -> Web:
    """An application with all three models."""
    return Web(make())


@pytest.fixture
def recording() -> bytes:
    """Two seconds that can be cloned, as a WAV file."""
    file = io.BytesIO()
    wave = 0.1 * np.random.default_rng(0).standard_normal(48_000)
    soundfile.write(file, wave, 24_000, format="WAV", subtype="PCM_16")
    return file.getvalue()
