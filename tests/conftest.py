"""Fixtures that many tests share: miniature models, written once."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from qwen_tts.checkpoint import LoadedModel


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
