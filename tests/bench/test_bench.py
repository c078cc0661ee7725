"""The benchmark: models with random weights load, and the last line is JSON."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qwen_tts.bench.random_model import NAMES, SENTENCE, SHAPES, write_random_model
from qwen_tts.checkpoint import load_model
from qwen_tts.cli import app

ROOT = Path(__file__).parents[2]
RELEASED = {"0.6b": "0.6B-CustomVoice", "1.7b": "1.7B-CustomVoice"}


def test_shapes_are_those_of_the_released_files():
    assert NAMES == ("0.6b", "1.7b", "tiny")
    for shape, name in RELEASED.items():
        originals = {
            "config.json": f"{name}.config.json",
            "codec.json": "speech_tokenizer.config.json",
            "generation_config.json": "generation_config.json",
        }
        for ours, theirs in originals.items():
            assert (SHAPES / shape / ours).read_bytes() == (ROOT / "tests" / "released" / theirs).read_bytes()
    for file in (SHAPES / "tiny").iterdir():
        assert file.read_bytes() == (ROOT / "recipes" / "tiny" / "config" / file.name).read_bytes()


def test_a_random_model_speaks_and_the_last_line_is_json(tmp_path):
    write_random_model("tiny", tmp_path)
    assert len(load_model(tmp_path).text.target_ids(SENTENCE)) == 13  # a word is a token
    done = CliRunner().invoke(app, ["bench", "--model", str(tmp_path), "--engine", "eager", "--frames", "3", "--runs", "1"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.output.splitlines()[-1])
    assert found["engine"] == "eager" and found["frames"] == 3 and found["runs"] == 1
    assert min(found[name] for name in ("rtf", "ttfa_ms", "peak_rss_mb", "threads", "load_s", "talker_ms_per_frame")) > 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "say what to measure"),
        (["--shape", "tiny", "--model", "x"], "say what to measure"),
        (["--model", "x", "--random"], "say what to measure"),
        (["--shape", "Tiny", "--random", "--engine", "fast"], "unknown engine 'fast'"),
        (["--shape", "7b"], "unknown shape '7b'; legal are 0.6b, 1.7b, tiny"),
        (["--shape", "tiny", "--engine", "fast"], "unknown engine 'fast'"),
    ],
)
def test_what_cannot_be_measured_is_told(arguments, words):
    done = CliRunner().invoke(app, ["bench", *arguments])
    assert done.exit_code == 2 and words in done.output
