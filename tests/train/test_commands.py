"""`qwen-tts train`: from clips to a talker, a stage at a time, and on from where a stage was."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from miniature import GROUPS, codec_config, model_config
from typer.testing import CliRunner, Result

from qwen_tts.cli import app
from qwen_tts.train.data import Codes, Pack, write_codes

RATE = 24_000
run = CliRunner()


def train(*words: object) -> Result:
    return run.invoke(app, ["train", *map(str, words)])


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Three clips of a second and a half, and a preset speaker's name."""
    rng = np.random.default_rng(0)
    lines = []
    for number in range(3):
        soundfile.write(tmp_path / f"{number}.wav", 0.1 * rng.standard_normal(RATE * 3 // 2), RATE)
        row = {
            "audio": f"{number}.wav",
            "text": f"The house {number}.",
            "speaker": "Ryan",
            "language": "English",
            "seconds": 1.5,
        }
        lines.append(json.dumps(row))
    path = tmp_path / "clips.jsonl"
    path.write_text("\n".join(lines), "utf-8")
    return path


def config(folder: Path, name: str, content: dict) -> Path:
    path = folder / name
    path.write_text(json.dumps(content), "utf-8")
    return path


def logged(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text("utf-8").splitlines()]


def steps(folder: Path) -> list[int]:
    return [row["step"] for row in logged(folder)]


def test_every_stage_from_clips_on(manifest: Path, tmp_path: Path, model_dir: Callable[[str], Path]) -> None:
    pack, sizes = tmp_path / "pack", codec_config()
    sizes["encoder_config"]["num_quantizers"] = GROUPS
    codec = config(tmp_path, "codec.json", sizes)
    assert train("pack", pack, manifest).exit_code == 0
    clips = Pack(pack).clips
    assert len(clips) == 3 and {clip.speaker for clip in clips} == {"Ryan"}
    frames = [-(-clip.samples // 1920) for clip in clips]
    rng = np.random.default_rng(1)
    write_codes([rng.integers(0, 60, (n, GROUPS)) for n in frames], pack)

    learned = train("codec", pack, tmp_path / "a", "--config", codec, "--steps", 2)
    assert learned.exit_code == 0, learned.output
    state = tmp_path / "a" / "state.pt"
    assert train("context", pack, state, tmp_path / "b", "--config", codec, "--steps", 2).exit_code == 0
    options = ["--config", codec, "--context", tmp_path / "b" / "state.pt"]
    assert train("decoder", pack, state, tmp_path / "c", *options, "--steps", 2).exit_code == 0
    assert train("decoder", pack, state, tmp_path / "c", *options, "--steps", 3).exit_code == 0
    assert steps(tmp_path / "c") == [2, 3]

    talker = config(tmp_path, "config.json", model_config("custom_voice"))
    text = model_dir("custom_voice")
    assert train("talker", pack, text, tmp_path / "d", "--config", talker, "--steps", 1).exit_code == 0
    more = ["--config", talker, "--steps", 1, "--start", tmp_path / "d" / "state.pt", "--guessed", pack]
    assert train("talker", pack, text, tmp_path / "e", *more, "--described", 0.5).exit_code == 0
    assert train("talker", pack, text, tmp_path / "f", *more, "--beginning", 20).exit_code == 0
    plain, begun = logged(tmp_path / "e")[0], logged(tmp_path / "f")[0]
    assert plain["code0"] == begun["code0"] and plain["rest"] != begun["rest"]
    refused = train("talker", pack, text, tmp_path / "g", *more, "--described", 1.5)
    assert refused.exit_code == 2 and "than or equal to 1" in refused.output
    assert Codes(pack).rows.shape == (sum(frames), GROUPS)


def test_hours_bound_what_is_taken_of_a_manifest(manifest: Path, tmp_path: Path) -> None:
    assert train("pack", tmp_path / "pack", f"{manifest}={3.1 / 3600}").exit_code == 0
    assert len(Pack(tmp_path / "pack").clips) == 2


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"audio": "0.wav"}', '{"audio": 3, "text": "a", "speaker": "b", "language": "c"}']
)
def test_a_line_that_cannot_be_used_is_named(manifest: Path, tmp_path: Path, line: str) -> None:
    manifest.write_text(manifest.read_text("utf-8") + f"\n{line}", "utf-8")
    found = train("pack", tmp_path / "pack", manifest)
    assert found.exit_code == 2 and "clips.jsonl, line 4" in found.output


def test_what_is_no_training_set_is_refused(tmp_path: Path, manifest: Path) -> None:
    found = train("talker", tmp_path / "nothing", tmp_path, tmp_path / "out", "--config", manifest)
    assert found.exit_code == 2 and "make one with qwen-tts train pack" in found.output
    assert train("pack", tmp_path / "pack", tmp_path / "none.jsonl").exit_code == 2
