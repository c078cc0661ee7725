"""Fixtures that many tests share: miniature models, written once."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from stand_in_hub import StandInHub

    from qwen_tts.checkpoint import LoadedModel

# A shell starts what it runs in the background with Ctrl-C ignored, and so would be every process that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The directory of a miniature model, by kind: base, custom_voice or voice_design. Copy it before changing it."""
    from tests import miniature

    root = tmp_path_factory.mktemp("models")
    return {kind: miniature.write_model(root / kind, kind) for kind in miniature.KINDS}.__getitem__


@pytest.fixture(scope="session")
def loaded(model_dir: Callable[[str], Path]) -> "Callable[[str], LoadedModel]":
    """A miniature model, loaded, by kind."""
    from qwen_tts.checkpoint import load_model

    return {kind: load_model(model_dir(kind)) for kind in ("base", "custom_voice", "voice_design")}.__getitem__


@pytest.fixture
def two_threads() -> Iterator[None]:
    """For PyTorch, however many there are elsewhere."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Iterator[StandInHub]":
    """Both hubs, on this machine, with nothing in them; empty caches; no token. Child processes find them too."""
    from huggingface_hub import constants
    from stand_in_hub import running

    with running() as server:
        cache = tmp_path / "cache" / "hub"
        for name, value in {"ENDPOINT": server.url, "HF_HUB_CACHE": str(cache), "HF_HUB_OFFLINE": False}.items():
            monkeypatch.setattr(constants, name, value)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + "/{repo_id}/resolve/{revision}/{filename}")
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
        for name in "HF_TOKEN HUGGING_FACE_HUB_TOKEN HF_HUB_OFFLINE TRANSFORMERS_OFFLINE http_proxy HTTP_PROXY".split():
            monkeypatch.delenv(name, raising=False)
        paths = {"HF_HUB_CACHE": cache, "HF_TOKEN_PATH": tmp_path / "token", "QWEN_TTS_CACHE": tmp_path / "cache" / "ours"}
        for name, value in {"HF_ENDPOINT": server.url, "MODELSCOPE_ENDPOINT": server.url, **paths}.items():
            monkeypatch.setenv(name, str(value))
        monkeypatch.setattr("qwen_tts.hub.transfer.PAUSE", 0.01)
        yield server
