"""`qwen-tts train pack`: from manifests to a training set, whole or not at all."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner, Result

from qwen_tts.cli import app
from qwen_tts.train.data import Pack

RATE = 24_000


def train(*words: object) -> Result:
    return CliRunner().invoke(app, ["train", *map(str, words)])


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


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"text": None}, "text is no string"),
        ({"text": " "}, "its text is empty"),
        ({"speaker": 3}, "speaker is no string"),
        ({"audio": "none.wav"}, "there is no file"),
    ],
)
def test_a_clip_that_cannot_be_used_leaves_the_set_as_it_was(manifest: Path, tmp_path: Path, more: dict, message: str) -> None:
    assert train("pack", tmp_path / "pack", manifest).exit_code == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "pack").iterdir()}
    lines = manifest.read_text("utf-8").splitlines()
    lines[1] = json.dumps(json.loads(lines[1]) | more)
    manifest.write_text("\n".join(lines), "utf-8")
    found = train("pack", tmp_path / "pack", manifest)
    assert found.exit_code == 2 and "clips.jsonl, line 2" in found.output and message in " ".join(found.output.split())
    assert {path.name: path.read_bytes() for path in (tmp_path / "pack").iterdir()} == before


def test_manifests_are_read_as_they_are_written(manifest: Path, tmp_path: Path) -> None:
    """By editors that mark UTF-8 and end lines their way, with characters that Unicode calls the end of a line."""
    rows = [json.loads(line) | {"text": "the\u2028house\x85there"} for line in manifest.read_text("utf-8").splitlines()]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    (folder := tmp_path / "rate=3").mkdir()
    for number in range(3):
        (tmp_path / f"{number}.wav").rename(folder / f"{number}.wav")
    path = folder / "clips.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n\r\n".join([*lines, ""]).encode())
    made = train("pack", tmp_path / "pack", path)
    assert made.exit_code == 0, made.output
    assert [clip.text for clip in Pack(tmp_path / "pack").clips] == ["the\u2028house\x85there"] * 3
    path.write_bytes(path.read_bytes().replace(b"Ryan", b"Ren\xe9", 1))
    refused = train("pack", tmp_path / "pack", path)
    assert refused.exit_code == 2 and "line 1: it is not UTF-8" in refused.output


def test_what_is_no_sound_is_not_packed_and_old_codes_go(
    manifest: Path, tmp_path: Path, model_dir: Callable[[str], Path]
) -> None:
    pack = tmp_path / "pack"
    assert train("pack", pack, manifest).exit_code == 0 and train("codes", pack, model_dir("custom_voice")).exit_code == 0
    soundfile.write(tmp_path / "1.wav", np.zeros(RATE), RATE)
    shorter = train("pack", pack, manifest)
    assert shorter.exit_code == 0 and "1.wav is left out" in " ".join(shorter.output.split())
    assert len(Pack(pack).clips) == 2 and sorted(path.name for path in pack.iterdir()) == [
        "audio.i16",
        "audio.json",
        "clips.jsonl",
    ]
    (tmp_path / "2.wav").write_text("no sound")
    damaged = train("pack", pack, manifest)
    assert damaged.exit_code == 2 and "2.wav cannot be read" in " ".join(damaged.output.split())
    for number in range(3):
        soundfile.write(tmp_path / f"{number}.wav", np.zeros(RATE), RATE)
    silent = train("pack", pack, manifest)
    assert silent.exit_code == 2 and "no clips" in silent.output and len(Pack(pack).clips) == 2
