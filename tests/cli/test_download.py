"""`qwen-tts download`: the same files that the two official recipes bring, and what a terminal shows of it."""

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import constants, snapshot_download
from stand_in_hub import StandInHub, files_of
from typer.testing import CliRunner, Result

from qwen_tts import Qwen3TTSModel
from qwen_tts.cli import app

NAME = "Qwen/Qwen3-TTS-12Hz-1.7B-CustomVoice"
COMMAND = [sys.executable, "-c", "from qwen_tts.cli import app; app()", "download", NAME]


@pytest.fixture
def repo(hub: StandInHub, model_dir: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What both hubs hold, with files that loading does not need."""
    folder = tmp_path / "repo"
    folder.mkdir()
    for path, file in files_of(model_dir("custom_voice")).items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(file.read_bytes())
    (folder / "README.md").write_text("A card.")
    (folder / "assets").mkdir()
    (folder / "assets" / "a picture.pt").write_bytes(b"\0" * 10)
    (folder / "empty").touch()
    hub.repos[NAME] = {"main": folder, "master": folder, "v1": model_dir("base")}
    monkeypatch.chdir(tmp_path)
    return folder


def download(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["download", *arguments])


def contents(folder: Path) -> dict[str, bytes]:
    return {path: file.read_bytes() for path, file in files_of(folder).items() if not path.startswith(".cache/")}


def refused(result: Result, words: str) -> None:
    assert result.exit_code == 2 and result.stdout == "", result.output
    assert words in result.stderr and len(result.stderr.splitlines()) == 1 and result.stderr.startswith("qwen-tts: ")


@pytest.mark.parametrize("option", ["--local-dir", "--local_dir"])  # the official tools know the second one
@pytest.mark.parametrize("source", [[], ["--from", "huggingface"], ["--from", "modelscope"]])
def test_all_files_as_the_official_recipes(repo, source, option, tmp_path):
    result = download(NAME, option, "./mine", *source)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "mine\n", "")
    snapshot_download(NAME, local_dir=tmp_path / "theirs")
    assert contents(Path("mine")) == contents(repo) == contents(tmp_path / "theirs")
    assert not Path("mine/.cache").exists()
    Qwen3TTSModel.from_pretrained("mine")


def test_a_second_time_only_what_is_wrong_is_fetched(repo, hub):
    download(NAME, "--local-dir", "mine")
    Path("mine/model.safetensors").write_bytes(b"damaged")
    Path("mine/config.json").unlink()
    asked = len(hub.log)
    assert download(NAME, "--local-dir", "mine", "--from", "modelscope").exit_code == 0
    assert contents(Path("mine")) == contents(repo)
    assert {what for _, what, _ in hub.log[asked:]} == {NAME, "model.safetensors", "config.json"}


def test_into_the_cache(repo):
    result = download(NAME)
    path = Path(result.stdout.strip())
    assert contents(path) == contents(repo) and path.is_relative_to(constants.HF_HUB_CACHE)
    assert download(NAME, "--offline").stdout == result.stdout
    assert contents(Path(download(NAME, "--cache-dir", "other", "--revision", "v1").stdout.strip())) != contents(repo)


def test_modelscope_is_named_when_it_takes_over(repo, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    result = download(NAME, "--local-dir", "mine")
    assert result.exit_code == 0 and contents(Path("mine")) == contents(repo)
    assert result.stderr.startswith("qwen-tts: 127.0.0.1:9 cannot be reached") and "from ModelScope" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tiny"], "built in"),
        (["Base"], "OWNER/NAME"),
        (["./repo"], "OWNER/NAME"),
        (["Qwen/Nothing"], "Released are"),
        ([NAME, "--from", "github"], "huggingface, modelscope"),
        ([NAME, "--revision", "v9"], "not revision 'v9'"),
        ([NAME, "--offline"], "not in the cache"),
        ([NAME, "--offline", "--local-dir", "none"], "none does not hold all of Qwen/"),
        ([NAME, "--offline", "--force"], "choose one"),
        ([NAME, "--local-dir", "a", "--cache-dir", "b"], "choose one"),
        ([NAME, "--local-dir", "repo/README.md"], "cannot write in"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(repo, arguments, words):
    refused(download(*arguments), words)


def test_offline_says_where_a_whole_model_is(repo):
    download(NAME, "--local-dir", "mine")
    assert download(NAME, "--local-dir", "mine", "--offline").stdout == "mine\n"


def test_a_terminal_shows_how_far_it_is(repo, tmp_path):
    ours, theirs = pty.openpty()
    process = subprocess.Popen([*COMMAND, "--local-dir", "mine"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while block := os.read(ours, 4096):
            shown += block
    except OSError:  # how Linux tells that the other side is closed
        pass
    os.close(ours)
    assert process.communicate(timeout=60)[0] == b"mine\n" and process.returncode == 0
    assert (NAME.encode() in shown and b"MB" in shown) or b"kB" in shown


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_after_an_interruption_it_goes_on(repo, hub, tmp_path, how):
    hub.pauses["model.safetensors"] = 30_000
    process = subprocess.Popen([*COMMAND, "--local-dir", "mine"], cwd=tmp_path, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while sum(part.stat().st_size for part in tmp_path.rglob("model.safetensors*.part")) < 30_000:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(how)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == (130 if how == signal.SIGINT else -how)
    assert errors == (b"qwen-tts: interrupted\n" if how == signal.SIGINT else b"")
    hub.pauses.clear()
    assert download(NAME, "--local-dir", "mine").exit_code == 0 and contents(Path("mine")) == contents(repo)
    assert hub.asked("model.safetensors") == [None, "bytes=30000-"]
