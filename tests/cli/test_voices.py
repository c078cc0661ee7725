"""`qwen-tts voices` and `--help`."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qwen_tts.cli import app


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_voices_and_languages_are_listed(model_dir: Callable[[str], Path]) -> None:
    lines = run("voices", "--model", str(model_dir("custom_voice"))).splitlines()
    assert lines[1:] == ["  dylan (beijing dialect)", "  ryan", "  serena", "languages:", "  auto", "  chinese", "  english"]


@pytest.mark.parametrize(("kind", "words"), [("base", "recording"), ("voice_design", "description")])
def test_models_without_voices_say_where_theirs_come_from(model_dir: Callable[[str], Path], kind: str, words: str) -> None:
    assert words in run("voices", "--model", str(model_dir(kind)))


def test_an_unknown_model_is_one_line() -> None:
    result = CliRunner().invoke(app, ["voices", "--model", "huge"])
    assert result.exit_code == 2 and result.stdout == ""
    assert result.stderr.startswith("qwen-tts: unknown model 'huge'") and len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", [["--help"], ["say", "--help"], ["voices", "--help"], ["codec", "--help"], ["codec", "encode", "--help"]]
)
def test_help(arguments: list[str]) -> None:
    assert "Usage" in run(*arguments)
