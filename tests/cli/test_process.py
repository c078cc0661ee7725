"""The command as a process: interrupted before it has begun, and with standard streams that are closed, or are left."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from qwen_tts.voice_store import VoiceStore

MODULE = f"{sys.executable} -m qwen_tts"


def shell(line: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a line of the shell that ends as the command in it does."""
    here = os.environ | {"OMP_NUM_THREADS": "1"} | environment
    return subprocess.run(["sh", "-c", line], cwd=folder, env=here, capture_output=True, text=True, timeout=60, check=False)


def test_ctrl_c_while_the_command_is_imported(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    done = shell(f"exec {MODULE} say hi -o a.wav", tmp_path, PYTHONPATH=path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "qwen-tts: interrupted\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("say hi --stream-to - >&-", "--stream-to - writes to standard output, which is closed"),
        ("say - -o a.wav <&-", "cannot read the text: standard input is closed"),
    ],
)
def test_a_stream_that_is_needed_and_closed_is_said_in_one_line(tmp_path: Path, arguments: str, words: str) -> None:
    done = shell(f"{MODULE} {arguments}", tmp_path)
    assert done.returncode == 2 and done.stderr.startswith(f"qwen-tts: {words}") and done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("command", ["voices", "voice list"])
def test_a_list_that_finds_no_room_is_said_in_one_line(tmp_path: Path, command: str) -> None:
    done = shell(f"{MODULE} {command} >/dev/full", tmp_path)
    assert (done.returncode, done.stderr) == (2, "qwen-tts: [Errno 28] No space left on device\n")


def test_closed_streams_are_not_needed_for_a_file(tmp_path: Path, model_dir: Callable[[str], Path]) -> None:
    done = shell(f"{MODULE} say hi -o a.wav --seed 1 --model {model_dir('custom_voice')} <&- >&- 2>&-", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "a.wav").stat().st_size > 1000


def test_a_reader_that_goes_away_does_not_take_the_voice_with_it(tmp_path: Path, model_dir: Callable[[str], Path]) -> None:
    models = f"--model {model_dir('voice_design')} --clone-model {model_dir('base')} --voices-dir {tmp_path}"
    design = f"design 'the house' --instruct low --seed 1 --max-new-tokens 9 {models} --save-voice low --stream-to -"
    done = shell(f"exec 3>&1; {{ {MODULE} {design}; echo $? >&3; }} | true", tmp_path)
    assert done.stdout == "0\n" and "goes on into the voice 'low'" in done.stderr
    assert VoiceStore(tmp_path).load("low").ref_text == "the house"
