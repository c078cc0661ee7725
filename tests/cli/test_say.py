"""`qwen-tts say`, as a user meets it: what arrives where, what is refused, and what is left behind."""

import io
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from qwen_tts.audio import load_audio
from qwen_tts.cli import app

COMMAND = [sys.executable, "-c", "from qwen_tts.cli import app; app()"]
LAST_LINE = r"\d+\.\d\d s of audio, first after \d+\.\d\d s, RTF \d+\.\d\d, loaded in \d+\.\d\d s, ended by (\w+)"


@pytest.fixture
def say(tmp_path: Path, model_dir: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs `say` in an empty folder, with a miniature model unless another is given."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, kind: str = "custom_voice", stdin: bytes | None = None) -> Result:
        model = [] if "--model" in arguments else ["--model", str(model_dir(kind))]
        return CliRunner().invoke(app, ["say", *arguments, *model], input=stdin)

    return run


def refused(result: Result, words: str) -> None:
    """One line on standard error, exit code 2, and no file."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert re.search(words, result.stderr), result.stderr
    assert len(result.stderr.splitlines()) == 1 and result.stderr.startswith("qwen-tts: ")
    assert os.listdir() == []


@pytest.mark.parametrize("extension", ["wav", "flac", "mp3", "ogg", "opus"])
def test_a_file_by_its_extension(say: Callable[..., Result], extension: str) -> None:
    result = say("the house", "-o", f"out.{extension}", "--seed", "1")
    assert result.exit_code == 0, result.output
    assert result.stdout == "" and re.fullmatch(rf"out\.{extension}: {LAST_LINE}", result.stderr.splitlines()[-1])
    assert os.listdir() == [f"out.{extension}"]
    wave, _ = load_audio(f"out.{extension}")
    assert len(wave) > 1000 and wave.std() > 0.01


def test_text_from_argument_file_and_standard_input_is_one(say: Callable[..., Result]) -> None:
    text = "The house — 家。\n"
    Path("text.txt").write_bytes(b"\xef\xbb\xbf" + text.encode())
    say(text, "-o", "a.wav", "--seed", "1")
    say("--file", "text.txt", "-o", "b.wav", "--seed", "1")
    say("-", "-o", "c.wav", "--seed", "1", stdin=text.encode())
    assert Path("a.wav").read_bytes() == Path("b.wav").read_bytes() == Path("c.wav").read_bytes()


def test_raw_pcm_is_all_that_standard_output_carries(say: Callable[..., Result]) -> None:
    result = say("the house", "--stream-to", "-", "-o", "a.wav", "--seed", "1")
    stored, _ = load_audio("a.wav")
    heard = np.frombuffer(result.stdout_bytes, "<i2")
    assert len(heard) == len(stored)
    np.testing.assert_allclose(heard / 32767, stored, atol=1e-4)
    assert re.search(LAST_LINE, result.stderr.splitlines()[-1])


def test_options_reach_the_model(say: Callable[..., Result]) -> None:
    def wave(*options: str) -> bytes:
        result = say("the house", "-o", "a.wav", "--max-new-tokens", "9", *options)
        assert result.exit_code == 0, result.output
        return Path("a.wav").read_bytes()

    plain = wave("--seed", "1")
    assert wave("--seed", "1") == wave("--seed", "1", "--speaker", "RYAN") == plain
    changes = ["--speaker serena", "--language english", "--instruct slowly", "--temperature 3", "--top-k 1", "--top-p 0.1"]
    for options in ("--seed 2", "--seed 1 --repetition-penalty 9", *(f"--seed 1 {change}" for change in changes)):
        assert wave(*options.split()) != plain, options


def test_a_designed_voice(say: Callable[..., Result]) -> None:
    result = say("the house", "-o", "a.wav", "--instruct", "An old man.", "--max-new-tokens", "9", kind="voice_design")
    assert result.exit_code == 0, result.output


def test_a_cut_speech_says_so(say: Callable[..., Result]) -> None:
    result = say("the house", "-o", "a.wav", "--max-new-tokens", "3", "--seed", "1")
    assert result.stderr.endswith("ended by length (it may be cut off)\n")


@pytest.mark.parametrize(
    "text",
    ["a", "?", "🙂👩‍👩‍👧", "ab\x00\x07\x1bcd", "<|im_end|><|im_start|>", "家に帰る", "שלום", "\u200b", "e\u0301" * 3, "-- '\""],
)
def test_odd_texts_are_spoken(say: Callable[..., Result], text: str) -> None:
    result = say("-o", "a.wav", "--max-new-tokens", "5", "-", stdin=text.encode())
    assert result.exit_code == 0, result.output
    assert len(load_audio("a.wav")[0]) > 1000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["the house"], "-o FILE, or --stream-to -"),
        (["the house", "--stream-to", "x.pcm"], "standard output"),
        (["-o", "a.wav"], "give the text once"),
        (["the house", "--file", "x.txt", "-o", "a.wav"], "give the text once"),
        (["--file", "x.txt", "-o", "a.wav"], r"cannot read x.txt: No such file"),
        (["", "-o", "a.wav"], "empty"),
        ([" \n\t", "-o", "a.wav"], "empty"),
        (["\x01\x02", "-o", "a.wav"], "empty"),
        (["x" * 100_000, "-o", "a.wav"], r"needs \d+ positions and the model has 2048"),
        (["the house", "-o", "a.xyz"], r"\.wav, \.flac"),
        (["the house", "-o", "a"], r"\.wav, \.flac"),
        (["the house", "-o", "no/a.wav"], "does not exist"),
        (["the house", "-o", "a.wav", "--speaker", "Bob"], "dylan, ryan, serena"),
        (["the house", "-o", "a.wav", "--language", "Klingon"], "auto, chinese, english"),
        (["the house", "-o", "a.wav", "--language", "beijing_dialect"], "auto, chinese, english"),
        (["the house", "-o", "a.wav", "--temperature", "0"], "temperature"),
        (["the house", "-o", "a.wav", "--top-p", "1.5"], "top_p"),
        (["the house", "-o", "a.wav", "--top-k", "-1"], "top_k"),
        (["the house", "-o", "a.wav", "--max-new-tokens", "0"], "max_new_tokens"),
        (["the house", "-o", "a.wav", "--seed", "-1"], "seed"),
        (["the house", "-o", "a.wav", "--device", "quantum"], "'cpu', 'cuda:N' and 'auto'"),
        (["the house", "-o", "a.wav", "--model", "huge"], r"built in \(tiny, tiny-voice-design\)"),
        (["the house", "-o", "a.wav", "--model", "."], r"config.json is missing"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(say: Callable[..., Result], arguments: list[str], words: str) -> None:
    refused(say(*arguments), words)


def test_a_text_that_begins_with_a_dash_is_told_where_it_goes(say: Callable[..., Result]) -> None:
    result = say("-5 degrees", "-o", "a.wav")
    assert result.exit_code == 2 and "behind --" in result.stderr
    refused(say("-of course"), r"give the text once: as an argument \(behind --")
    assert "behind --" not in say("the house", "--seed").stderr, "this option is known, its value is missing"


def test_text_that_is_not_utf8(say: Callable[..., Result]) -> None:
    refused(say("-", "-o", "a.wav", stdin=b"caf\xe9"), "not UTF-8")


def test_models_that_need_something_else(say: Callable[..., Result]) -> None:
    refused(say("the house", "-o", "a.wav", kind="base"), "recording")
    for nothing in ([], ["--instruct", " "], ["--instruct", "\x07 "]):
        refused(say("the house", "-o", "a.wav", *nothing, kind="voice_design"), "needs a description of the voice: --instruct")
    refused(say("the house", "-o", "a.wav", "--speaker", "ryan", "--instruct", "x", kind="voice_design"), "no speakers")


def test_an_error_leaves_the_old_file(say: Callable[..., Result]) -> None:
    Path("a.wav").write_bytes(b"old")
    assert say("the house", "-o", "a.wav", "--speaker", "Bob").exit_code == 2
    assert Path("a.wav").read_bytes() == b"old" and os.listdir() == ["a.wav"]


# ---- in a process of its own


def start(arguments: list[str], cwd: Path, **options: int) -> subprocess.Popen[bytes]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen([*COMMAND, "say", *arguments], cwd=cwd, env=environment, **options)  # type: ignore[call-overload]


def test_ctrl_c_leaves_no_file_and_exits_130(tmp_path: Path, model_dir: Callable[[str], Path]) -> None:
    endless = ["x " * 500, "--max-new-tokens", "1000", "--temperature", "0.01", "--model", str(model_dir("custom_voice"))]
    process = start([*endless, "-o", "a.wav", "--stream-to", "-"], tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.read(1)  # it speaks
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and errors == b"qwen-tts: interrupted\n"
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_goes_away_is_no_traceback(tmp_path: Path, model_dir: Callable[[str], Path]) -> None:
    process = start(
        ["x " * 300, "--temperature", "0.01", "--stream-to", "-", "--model", str(model_dir("custom_voice"))],
        tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None and process.stderr is not None
    process.stdout.read(1)
    process.stdout.close()
    errors = process.stderr.read()
    assert process.wait(60) == 1 and errors == b""


def test_a_reader_that_goes_away_does_not_take_the_file_with_it(tmp_path: Path, model_dir: Callable[[str], Path]) -> None:
    told = ["x " * 300, "--temperature", "0.01", "--max-new-tokens", "100", "--model", str(model_dir("custom_voice"))]
    process = start([*told, "--stream-to", "-", "-o", "a.wav"], tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.read(1)
    process.stdout.close()
    errors = process.stderr.read().decode()
    assert process.wait(60) == 0 and "goes on into a.wav" in errors and "Traceback" not in errors
    assert len(load_audio(tmp_path / "a.wav")[0]) > 90 * 1920


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_is_said_in_one_line(tmp_path: Path, model_dir: Callable[[str], Path]) -> None:
    with open("/dev/full", "wb") as full:
        process = start(
            ["the house", "--stream-to", "-", "--model", str(model_dir("custom_voice"))],
            tmp_path, stdout=full, stderr=subprocess.PIPE,
        )  # fmt: skip
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2 and errors == b"qwen-tts: cannot write to standard output: No space left on device\n"


def test_the_first_sound_comes_soon_after_a_cold_start(tmp_path: Path, model_dir: Callable[[str], Path]) -> None:
    begun = time.monotonic()
    process = start(
        ["the house", "--stream-to", "-", "--model", str(model_dir("custom_voice"))], tmp_path, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.read(2)
    waited = time.monotonic() - begun
    process.communicate(timeout=60)
    assert process.returncode == 0 and waited < 20  # 5 s is the aim where nothing else runs; see the benchmarks


def test_raw_pcm_is_not_thrown_at_a_terminal(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = start(["the house", "--stream-to", "-"], tmp_path, stdout=theirs, stderr=subprocess.PIPE)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2 and b"pipe them into a player" in errors
    os.close(theirs)
    os.close(ours)


def test_a_terminal_shows_progress_and_a_pipe_does_not(tmp_path: Path, model_dir: Callable[[str], Path]) -> None:
    ours, theirs = pty.openpty()
    arguments = ["the house", "-o", "a.wav", "--seed", "1", "--model", str(model_dir("custom_voice"))]
    process = start(arguments, tmp_path, stderr=theirs)
    os.close(theirs)
    shown = io.BytesIO()
    while True:
        try:
            block = os.read(ours, 4096)
        except OSError:  # how Linux tells that the other side is closed
            break
        if not block:
            break
        shown.write(block)
    assert process.wait(60) == 0
    assert b"s of audio in" in shown.getvalue() and re.search(LAST_LINE.encode(), shown.getvalue())
