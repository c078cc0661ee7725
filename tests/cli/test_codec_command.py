"""`qwen-tts codec`: there and back, and what is refused."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from safetensors.numpy import load_file, save_file
from typer.testing import CliRunner, Result

from qwen_tts.audio import load_audio
from qwen_tts.cli import app
from qwen_tts.tokenizer import Qwen3TTSTokenizer

FRAME, GROUPS = 1920, 4


@pytest.fixture
def codec(tmp_path: Path, model_dir: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs `codec` in a folder that holds `in.wav`, 3 frames long, with a miniature model."""
    monkeypatch.chdir(tmp_path)
    soundfile.write("in.wav", 0.1 * np.random.default_rng(0).standard_normal(3 * FRAME - 5), 24_000)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["codec", *arguments, "--model", str(model_dir("base"))])

    return run


@pytest.mark.parametrize("name", ["codes.safetensors", "codes.npy"])
def test_there_and_back(codec: Callable[..., Result], model_dir: Callable[[str], Path], name: str) -> None:
    assert codec("encode", "in.wav", "-o", name).exit_code == 0
    codes = np.load(name) if name.endswith("npy") else load_file(name)["audio_codes"]
    assert codes.shape == (3, GROUPS) and codes.dtype == np.int32
    result = codec("decode", name, "-o", "out.flac")
    assert result.exit_code == 0 and "0.24 s of audio" in result.stderr and result.stdout == ""
    tokenizer = Qwen3TTSTokenizer.from_pretrained(model_dir("base"))
    waves, _ = tokenizer.decode(tokenizer.encode("in.wav"))
    np.testing.assert_allclose(load_audio("out.flac")[0], waves[0], atol=1e-4)
    assert sorted(os.listdir()) == sorted(["in.wav", name, "out.flac"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["encode", "none.wav", "-o", "a.npy"], "No such file"),
        (["encode", "bad.npy", "-o", "a.npy"], "not audio"),
        (["encode", "in.wav", "-o", "a.txt"], ".safetensors or .npy"),
        (["encode", "in.wav", "-o", "no/a.npy"], "does not exist"),
        (["encode", "in.wav", "-o", "n" * 240 + ".npy"], "cannot write"),
        (["encode", "in.wav", "-o", "n" * 240 + ".safetensors"], "cannot write"),
        (["decode", "none.npy", "-o", "a.wav"], "none.npy"),
        (["decode", "bad.npy", "-o", "a.wav"], "bad.npy cannot be read"),
        (["decode", "bad.safetensors", "-o", "a.wav"], "bad.safetensors cannot be read"),
        (["decode", "other.safetensors", "-o", "a.wav"], "it holds other, and no audio_codes"),
        (["decode", "pickle.npy", "-o", "a.wav"], "pickle.npy cannot be read"),
        (["decode", "in.wav", "-o", "a.wav"], ".safetensors or .npy"),
        (["decode", "wide.npy", "-o", "a.wav"], r"expected integers [T, 4]"),
        (["decode", "high.npy", "-o", "a.wav"], "legal are 0 to 63"),
        (["decode", "high.npy", "-o", "a.xyz"], ".wav, .flac"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(codec: Callable[..., Result], arguments: list[str], words: str) -> None:
    for name in ("bad.npy", "bad.safetensors"):
        Path(name).write_bytes(b"no codes")
    save_file({"other": np.zeros(1)}, "other.safetensors")
    np.save("pickle.npy", np.array([{}]), allow_pickle=True)
    np.save("wide.npy", np.zeros((3, GROUPS + 1), np.int64))
    np.save("high.npy", np.full((3, GROUPS), 64))
    before = sorted(os.listdir())
    result = codec(*arguments)
    assert result.exit_code == 2 and result.stdout == "", result.output
    assert words in result.stderr and len(result.stderr.splitlines()) == 1
    assert sorted(os.listdir()) == before
