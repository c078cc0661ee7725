"""What a hub may answer: refusals, other hosts, names that lead astray; and what it gets to know."""

from pathlib import Path

import pytest
from stand_in_hub import Handler

from qwen_tts.errors import DownloadError, OptionError
from qwen_tts.hub.request import Request
from qwen_tts.hub.sources import locate
from qwen_tts.resolve import resolve

NAME = "Qwen/Qwen3-TTS-12Hz-1.7B-CustomVoice"


@pytest.mark.parametrize("source", ["huggingface", "modelscope"])
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((404, "RepoNotFound"), "shows no .* no directory has that name"),
        ((401, "RepoNotFound"), "shows no .* If it is private, pass token"),
        ((403, "GatedRepo"), "those who were admitted.*token="),
        ((403, ""), "those who were admitted.*token="),
        ((418, ""), "does not give .* answered 418"),
    ],
)
def test_refusals_say_what_to_do(filled, source, answer, words):
    filled.refuse[NAME] = answer
    with pytest.raises(DownloadError, match=words):
        resolve(NAME, source=source)


def test_a_gate_before_the_files(filled):
    filled.refuse["model.safetensors"] = (403, "GatedRepo")
    with pytest.raises(DownloadError, match="those who were admitted"):
        resolve(NAME)


def test_an_unknown_name_gets_the_known_ones(filled):
    with pytest.raises(DownloadError, match=r"Released are .*Qwen/Qwen3-TTS-12Hz-0\.6B-Base.*Tokenizer-12Hz"):
        resolve("Qwen/Qwen3-TTS-9B")
    for name in ("Tiny", "", "a/b/c", "./models/mine", "../mine", "Qwen/", "Qwen3-TTS-12Hz-1.7B-Base", Path("Qwen/Mine")):
        with pytest.raises(
            OptionError, match=r"unknown model .* built in \(tiny, tiny-voice-design\), nor a directory, nor a name on a hub"
        ):
            resolve(name)
    assert len(filled.log) == 1


@pytest.mark.parametrize("source", ["huggingface", "modelscope"])
def test_a_token_is_shown_where_it_belongs_and_nowhere_else(filled, source):
    filled.token = "secret"
    with pytest.raises(DownloadError, match="token="):
        resolve(NAME, source=source)
    path = resolve(NAME, source=source, token="secret")
    assert path.is_dir() and "secret" not in "".join(file.read_text("latin-1") for file in path.rglob("*.json"))


def test_the_stored_token(filled, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "secret")
    filled.token = "secret"
    assert resolve(NAME).is_dir() and resolve(NAME, token=True, force_download=True).is_dir()
    with pytest.raises(DownloadError, match="token="):
        resolve(NAME, token=False)
    with pytest.raises(DownloadError, match="no stored token for ModelScope"):
        resolve(NAME, token=True, source="modelscope")


def test_modelscope_never_sees_the_other_hubs_token(blocked, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "secret-1")
    with pytest.warns(UserWarning, match="taking"):
        resolve(NAME, token="secret-2")
    assert blocked.headers and "secret" not in str(blocked.headers)


def test_a_token_does_not_follow_to_another_host(filled, monkeypatch):
    here = Handler._file

    def file(self: Handler, repo: str, revision: str, path: str) -> None:
        if "/resolve/" in self.path:
            place = f"http://localhost:{self.server.server_port}/api/v1/models/{repo}/repo?Revision=main&FilePath={path}"
            self._answer(302, b"", {"Location": place})
        else:
            here(self, repo, revision, path)

    monkeypatch.setattr(Handler, "_file", file)
    resolve(NAME, token="secret")
    there = [headers for headers in filled.headers if headers["Host"].startswith("localhost")]
    assert there and "secret" not in str(there) and "secret" in str(filled.headers)


@pytest.mark.parametrize("path", ["../config.json", "/etc/model.safetensors", "a\\..\\b", "C:evil"])
def test_names_that_lead_out_of_the_directory(filled, path, tmp_path):
    filled.listed_more = [path]
    with pytest.raises(DownloadError, match="a file that no model has"):
        locate(Request(NAME, local_dir=tmp_path / "a" / "b", keep=lambda name: True), "huggingface")
    assert not (tmp_path / "a").exists()
    assert resolve(NAME).is_dir()  # loading does not even look at it


@pytest.mark.parametrize("source", ["huggingface", "modelscope"])
def test_checksums_that_are_none(filled, source, monkeypatch):
    monkeypatch.setattr("stand_in_hub.hash_of", lambda file, git=False: "../../../there")
    with pytest.raises(DownloadError, match="a checksum that is none"):
        resolve(NAME, source=source)


@pytest.mark.parametrize("source", ["huggingface", "modelscope"])
def test_a_token_from_a_file_may_end_in_a_newline_but_not_hold_everything(filled, source):
    filled.token = "secret"
    assert resolve(NAME, source=source, token="secret\n").is_dir()
    for token in ("secret…", "sec\nret"):
        with pytest.raises(DownloadError) as caught:
            resolve(NAME, source=source, token=token)
        assert "the token" in str(caught.value) and "sec" not in str(caught.value)
