"""Every script of examples/ runs, and what it writes can be heard."""

import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from scripts.run_document import serve

EXAMPLES = Path(__file__).parent.parent / "examples"
MODELS = {
    "custom_voice": ["custom_voice"], "stream_custom_voice": ["custom_voice"], "words_while_speaking": ["custom_voice"],
    "voice_design": ["voice_design"], "stream_voice_design": ["voice_design"],
    "voice_clone": ["base", "me.wav", "a mouse", "URL"], "stream_voice_clone": ["base", "me.wav", "a mouse"],
    "reuse_voice": ["base", "me.wav", "a mouse"], "stream_reuse_voice": ["base", "me.wav", "a mouse"],
    "design_then_clone": ["voice_design", "base"], "stream_design_then_clone": ["voice_design", "base"],
    "codec": ["base", "me.wav"], "stream_codec": ["base", "me.wav"],
}  # fmt: skip
pytestmark = pytest.mark.filterwarnings("ignore:the speech of text")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where an example runs, with a recording."""
    noise = 0.1 * np.random.default_rng(0).standard_normal(20_000)
    soundfile.write(tmp_path / "me.wav", noise, 24_000)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_each_script_is_known_here_and_in_the_readme() -> None:
    scripts = sorted(path.stem for path in EXAMPLES.glob("*.py"))
    assert scripts == sorted(MODELS)
    readme = (EXAMPLES / "README.md").read_text("utf-8")
    assert [name for name in scripts if f"({name}.py)" not in readme] == []
    for name in scripts:
        assert name.startswith("stream_") or name == "words_while_speaking" or f"stream_{name}" in scripts


@pytest.mark.parametrize("name", MODELS)
def test_the_script_runs(name: str, folder: Path, model_dir: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(folder) as address:
        known: dict[str, Any] = {"URL": f"{address}/me.wav"}
        arguments = [
            known.get(word) or (str(model_dir(word)) if word in ("base", "custom_voice", "voice_design") else word)
            for word in MODELS[name]
        ]
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    written = [path for path in folder.glob("*.wav") if path.name != "me.wav"]
    assert written
    for path in written:
        samples, rate = soundfile.read(path)
        assert rate == 24_000 and len(samples) >= 1920 and samples.std() > 1e-3, path.name
