"""Which hub a model comes from, what a hub may answer, and what stays when there is no network."""

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import constants, snapshot_download
from stand_in_hub import Handler, commit_of, files_of, running

from qwen_tts import Qwen3TTSModel, Qwen3TTSTokenizer
from qwen_tts.errors import DownloadError, OptionError
from qwen_tts.hub import http
from qwen_tts.resolve import HubKeywords, resolve

NAME = "Qwen/Qwen3-TTS-12Hz-1.7B-CustomVoice"
CODEC = "Qwen/Qwen3-TTS-Tokenizer-12Hz"


@pytest.mark.parametrize("source", [None, "huggingface", "modelscope"])
def test_a_name_is_loaded_and_speaks(filled, source):
    model = Qwen3TTSModel.from_pretrained(NAME, source=source)
    with pytest.warns(UserWarning, match="ended by 'length'"):
        waves, rate = model.generate_custom_voice("the house", "ryan", seed=1, max_new_tokens=4)
    assert rate == 24_000 and len(waves[0]) == 3 * 1920
    codec = Qwen3TTSTokenizer.from_pretrained(CODEC, source=source)
    assert len(codec.encode(waves[0], rate).audio_codes[0]) == 3


def test_the_options_are_checked_before_anything_is_fetched(filled):
    for wrong in ({"dtype": "int3"}, {"device_map": "gpu"}, {"attn_implementation": "flash"}, {"revison": "x"}):
        for loader in (Qwen3TTSModel, Qwen3TTSTokenizer):
            with pytest.raises(OptionError):
                loader.from_pretrained(NAME, **wrong)  # type: ignore[arg-type]
    assert filled.log == []


def test_modelscope_takes_over(blocked):
    with pytest.warns(UserWarning, match=r"127.0.0.1:\d+ cannot be reached .*: taking Qwen/.* from ModelScope"):
        path = resolve(NAME)
    assert path.parts[-3:] == ("modelscope", "Qwen--Qwen3-TTS-12Hz-1.7B-CustomVoice", "master")
    Qwen3TTSModel.from_pretrained(path)


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_gateway_that_answers_is_not_the_hub(filled, status, monkeypatch):
    with running() as gateway:
        gateway.refuse[NAME] = (status, "")
        monkeypatch.setattr(constants, "ENDPOINT", gateway.url)
        with pytest.warns(UserWarning, match=f"answered {status}: taking"):
            assert "modelscope" in resolve(NAME).parts


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
def test_a_hub_that_says_no_is_not_replaced(filled, status):
    filled.refuse[NAME] = (status, "")
    with pytest.raises(DownloadError, match="Hugging Face hub"):
        resolve(NAME)
    assert len(filled.log) == 1


@pytest.mark.parametrize("answer", [b"<html>Log in to the hotel's network</html>", b"[]", b"{}", b'{"siblings": 3}'])
def test_somebody_in_between_is_no_hub(filled, answer, monkeypatch):
    monkeypatch.setattr(Handler, "_listing", lambda self, *_: self._answer(200, answer))
    with pytest.warns(UserWarning, match="does not answer as a hub does: taking"):
        assert "modelscope" in resolve(NAME).parts


def test_a_server_that_says_nothing(filled, monkeypatch):
    monkeypatch.setattr(http, "LISTING_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.warns(UserWarning, match="timed out"):
            assert "modelscope" in resolve(NAME).parts


def test_a_chosen_hub_is_not_replaced(blocked):
    with pytest.raises(DownloadError, match="source='modelscope'"):
        resolve(NAME, source="huggingface")
    with pytest.raises(DownloadError, match="'v1' is one of the Hugging Face hub"):
        resolve(NAME, revision="v1")
    assert blocked.log == []


def test_no_hub_can_be_reached(blocked, monkeypatch):
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", constants.ENDPOINT)
    with (
        pytest.warns(UserWarning, match="taking"),
        pytest.raises(DownloadError, match=r"cannot be reached.*cannot be reached.*no copy"),
    ):
        resolve(NAME)
    with pytest.raises(DownloadError, match="cannot be reached"):
        resolve(NAME, source="modelscope")
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", "nonsense")
    with pytest.raises(DownloadError, match="'nonsense/.* is no address"):
        resolve(NAME, source="modelscope")


def test_a_copy_in_the_cache_is_better_than_another_hub(filled, monkeypatch):
    path, codec = resolve(NAME), resolve(CODEC)
    asked = len(filled.log)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert (resolve(NAME), resolve(CODEC)) == (path, codec) and len(filled.log) == asked


def test_a_copy_from_modelscope_when_that_is_gone(filled, monkeypatch):
    path = resolve(NAME, source="modelscope")
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", "http://127.0.0.1:9")
    assert resolve(NAME, source="modelscope") == path


@pytest.mark.parametrize("source", ["huggingface", "modelscope"])
def test_offline(filled, source, monkeypatch):
    with pytest.raises(DownloadError, match=f"not in the cache.*qwen-tts download {NAME}"):
        resolve(NAME, local_files_only=True)
    path = resolve(NAME, source=source)
    asked = len(filled.log)
    assert resolve(NAME, local_files_only=True) == resolve(NAME, local_files_only=True, source=source) == path
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert resolve(NAME) == path
    with pytest.raises(OptionError, match="needs the network"):
        resolve(NAME, force_download=True)
    with pytest.raises(DownloadError, match="not in the cache"):
        resolve(NAME, revision="v1")
    assert len(filled.log) == asked


@pytest.mark.parametrize("gone", ["model.safetensors", "config.json", "merges.txt", "speech_tokenizer/config.json"])
@pytest.mark.parametrize("source", ["huggingface", "modelscope"])
def test_half_a_copy_is_none(filled, source, gone):
    (resolve(NAME, source=source) / gone).unlink()
    with pytest.raises(DownloadError, match="not in the cache"):
        resolve(NAME, local_files_only=True)
    Qwen3TTSModel.from_pretrained(NAME, source=source)


@pytest.mark.parametrize("source", ["huggingface", "modelscope"])
def test_revisions(filled, source, model_dir):
    filled.repos[NAME]["v1"] = model_dir("base")
    path = resolve(NAME, source=source, revision="v1")
    assert (path / "config.json").read_bytes() == (model_dir("base") / "config.json").read_bytes()
    assert resolve(NAME, source=source) != path == resolve(NAME, source=source, revision="v1", local_files_only=True)
    with pytest.raises(DownloadError, match="not revision 'v9'"):
        resolve(NAME, source=source, revision="v9")
    if source == "huggingface":
        commit = commit_of(model_dir("base"))
        assert resolve(NAME, revision=commit) == path and commit in path.parts


@pytest.mark.parametrize("source", ["huggingface", "modelscope"])
def test_a_branch_that_moved_is_followed(filled, source, model_dir):
    resolve(NAME, source=source)
    filled.repos[NAME] = {"main": model_dir("base"), "master": model_dir("base")}
    for path in (resolve(NAME, source=source), resolve(NAME, source=source, local_files_only=True)):
        assert {name: (path / name).read_bytes() for name in files_of(model_dir("base"))} == {
            name: file.read_bytes() for name, file in files_of(model_dir("base")).items()
        }
    same = [f for f in files_of(model_dir("base")) if f.startswith("speech_tokenizer/")]
    assert all(len(filled.asked(file)) == 1 for file in same)  # what did not change is not fetched again


def test_huggingface_hub_and_we_share_the_cache(filled):
    path = resolve(NAME)
    before = len(filled.asked("model.safetensors"))
    assert Path(snapshot_download(NAME, local_files_only=True)) == path
    assert Path(snapshot_download(NAME)) == path and len(filled.asked("model.safetensors")) == before
    assert (path / "model.safetensors").is_symlink()


def test_what_huggingface_hub_fetched_is_used(filled):
    path = Path(snapshot_download(NAME))
    before = len(filled.asked("model.safetensors"))
    assert resolve(NAME) == resolve(NAME, local_files_only=True) == path
    assert len(filled.asked("model.safetensors")) == before


def test_what_is_here_needs_no_hub(filled, tmp_path, model_dir):
    shutil.copytree(model_dir("base"), tmp_path / "mine")
    assert resolve(tmp_path / "mine", local_files_only=True, revision="main") == tmp_path / "mine"
    for name in ("tiny", str(tmp_path / "mine")):
        for wrong in ({"revision": "v1"}, {"source": "modelscope"}):
            with pytest.raises(OptionError, match="on this disk"):
                resolve(name, **wrong)  # type: ignore[arg-type]
    assert filled.log == []


def test_unknown_options():
    with pytest.raises(OptionError, match="legal are huggingface, modelscope"):
        resolve(NAME, source="github")
    with pytest.raises(OptionError, match="unknown keyword 'revison'; legal are " + ", ".join(HubKeywords.__annotations__)):
        resolve("tiny", revison="x")  # type: ignore[call-arg]


def test_what_is_here_loads_no_hub_client(tmp_path):
    code = "import sys; from qwen_tts.resolve import resolve; resolve('tiny'); resolve('.'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"huggingface_hub", "qwen_tts.hub", "torch"}.isdisjoint(done.stdout.split())


def test_where_there_are_no_symbolic_links(filled, monkeypatch):
    def refuse(*_, **__):
        raise OSError("A required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    path = resolve(NAME)
    assert not (path / "model.safetensors").is_symlink() and resolve(NAME, local_files_only=True) == path
    Qwen3TTSModel.from_pretrained(path)
    assert resolve(NAME, force_download=True) == path and len(filled.asked("model.safetensors")) == 2
