"""`qwen-tts batch`: the commands of the documentation, with miniature models."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner, Result

from qwen_tts.cli import app

KINDS = {"CustomVoice": "custom_voice", "VoiceDesign": "voice_design", "Base": "base"}


@pytest.fixture
def batch(tmp_path: Path, model_dir: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.chdir(tmp_path)
    soundfile.write("me.wav", 0.1 * np.random.default_rng(0).standard_normal(48_000), 24_000)

    def run(kind: str, *more: str) -> Result:
        model = ["--model", str(model_dir(KINDS[kind])), "--max-new-tokens", "4", "--seed", "1"]
        voice = ["--audio-path", "me.wav"] if kind == "Base" and "--audio-path" not in more else []
        return CliRunner().invoke(app, ["batch", "--query-type", kind, *more, *model, *voice])

    return run


@pytest.mark.parametrize(
    ("kind", "more", "count"),
    [("VoiceDesign", [], 1), ("VoiceDesign", ["--use-batch-sample"], 2), ("Base", ["--mode-tag", "xvec_only"], 1),
     ("Base", ["--mode-tag", "icl", "--ref-text", "the house", "--use-batch-sample", "--batch-size", "1"], 2)],
)  # fmt: skip
def test_samples(batch: Callable[..., Result], kind: str, more: list[str], count: int) -> None:
    done = batch(kind, *more)
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in Path("output_audio").iterdir()) == [f"output_{i}.wav" for i in range(count)]


def test_texts_of_a_file(batch: Callable[..., Result]) -> None:
    Path("texts.txt").write_text("One.\n\nTwo.\n", "utf-8")
    done = batch("CustomVoice", "--txt-prompts", "texts.txt", "--num-prompts", "3", "--output-dir", "out")
    assert done.exit_code == 2 and "dylan" in done.stderr  # this model lacks the speaker of the samples
    done = batch("VoiceDesign", "--txt-prompts", "texts.txt", "--num-prompts", "3", "--output-dir", "out")
    assert done.exit_code == 0 and len(list(Path("out").iterdir())) == 3


@pytest.mark.parametrize(
    "more", [["--txt-prompts", "none.txt"], ["--mode-tag", "icl"], ["--output-dir", "file", "--ref-text", "x"]]
)
def test_what_is_wrong(batch: Callable[..., Result], more: list[str]) -> None:
    Path("file").touch()
    done = batch("Base", *more)
    assert done.exit_code == 2 and done.stderr.startswith("qwen-tts: ")
