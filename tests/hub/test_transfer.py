"""Transfers that go wrong: cut, spoiled, without room, without permission. The same for both hubs."""

import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from stand_in_hub import StandInHub, files_of

from qwen_tts.errors import DownloadError
from qwen_tts.hub import huggingface, transfer
from qwen_tts.hub.request import Request
from qwen_tts.hub.sources import locate
from qwen_tts.resolve import resolve

NAME = "Qwen/Qwen3-TTS-12Hz-1.7B-Base"
BIG = "model.safetensors"


@pytest.fixture(params=["huggingface", "modelscope"])
def fetch(request: pytest.FixtureRequest, hub: StandInHub, model_dir: Callable[[str], Path]) -> Callable[..., Path]:
    """Resolves a model that both hubs have."""
    folder = model_dir("base")
    hub.repos[NAME] = {"main": folder, "master": folder}
    return lambda **options: resolve(NAME, source=request.param, **options)


def same_weights(path: Path, model_dir: Callable[[str], Path]) -> bool:
    return (path / BIG).read_bytes() == (model_dir("base") / BIG).read_bytes()


def leftovers(root: Path) -> list[Path]:
    return [path for path in root.rglob("*.part") if path.stat().st_size]


def test_a_cut_transfer_goes_on_where_it_was(fetch, hub, model_dir, tmp_path):
    hub.cuts[BIG] = [1000, 20_000]
    path = fetch()
    assert hub.asked(BIG) == [None, "bytes=1000-", "bytes=21000-"]
    assert same_weights(path, model_dir) and leftovers(tmp_path) == []


def test_after_many_cuts_the_part_stays_and_the_next_call_goes_on(fetch, hub, model_dir, tmp_path):
    hub.cuts[BIG] = [1000, 0, 0, 0, 0]
    with pytest.raises(DownloadError, match=rf"{BIG}: .* 1000 of \d+ bytes are kept in .*: the same call goes on"):
        fetch()
    assert len(hub.asked(BIG)) == transfer.TRIES == 5
    assert [part.stat().st_size for part in leftovers(tmp_path)] == [1000]
    path = fetch()
    assert hub.asked(BIG)[5:] == ["bytes=1000-"] and same_weights(path, model_dir)
    assert len(hub.asked("config.json")) == 1  # what was whole is not fetched again


def test_a_server_without_ranges_begins_again(fetch, hub, model_dir):
    hub.ranges, hub.cuts[BIG] = False, [1000]
    assert same_weights(fetch(), model_dir)


def test_a_part_that_is_too_long_is_thrown_away(fetch, hub, model_dir, tmp_path):
    hub.cuts[BIG] = [1000, 0, 0, 0, 0]
    with pytest.raises(DownloadError):
        fetch()
    (part,) = leftovers(tmp_path)
    part.write_bytes(bytes((model_dir("base") / BIG).stat().st_size + 1))
    assert same_weights(fetch(), model_dir)


@pytest.mark.parametrize("file", [BIG, "config.json", "merges.txt", "speech_tokenizer/config.json"])
def test_wrong_content_is_fetched_once_more(fetch, hub, model_dir, file):
    hub.spoiled[file] = 1
    path = fetch()
    assert len(hub.asked(file)) == 2
    assert (path / file).read_bytes() == (model_dir("base") / file).read_bytes()


@pytest.mark.parametrize("file", [BIG, "config.json"])
def test_content_that_stays_wrong_is_not_kept(fetch, hub, tmp_path, file):
    hub.spoiled[file] = 2
    with pytest.raises(DownloadError, match=rf"{file}: .* twice; nothing of it was kept"):
        fetch()
    assert len(hub.asked(file)) == 2 and leftovers(tmp_path) == []
    with pytest.raises(DownloadError, match="not in the cache"):
        fetch(local_files_only=True)
    assert fetch().is_dir()


def test_a_server_that_is_busy_is_asked_again(fetch, hub, monkeypatch):
    hub.refuse[BIG] = (429, "")
    monkeypatch.setattr(transfer.time, "sleep", lambda seconds: hub.refuse.clear())
    assert fetch().is_dir() and len(hub.asked(BIG)) == 2


def test_no_room(fetch, hub, monkeypatch):
    monkeypatch.setattr(transfer.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1, 1, 10))
    with pytest.raises(DownloadError, match=r"0\.0 GB are free .* cache_dir="):
        fetch()
    assert hub.asked(BIG) == []


def test_the_disk_fills_up_meanwhile(fetch, monkeypatch, tmp_path):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(transfer.os, "replace", full)
    with pytest.raises(DownloadError, match=rf"cannot write in {tmp_path}.*No space left.*make room.*cache_dir="):
        fetch()


def test_a_cache_that_cannot_be_written(fetch, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DownloadError, match=rf"cannot write in {tmp_path}/file/.*cache_dir="):
        fetch(cache_dir=tmp_path / "file")


def test_a_full_cache_is_read_and_not_written(fetch, hub, tmp_path):
    path = fetch(cache_dir=tmp_path / "kept")
    before = {file: file.lstat().st_mtime_ns for file in (tmp_path / "kept").rglob("*")}
    assert fetch(cache_dir=tmp_path / "kept") == fetch(cache_dir=tmp_path / "kept", local_files_only=True) == path
    assert {file: file.lstat().st_mtime_ns for file in (tmp_path / "kept").rglob("*")} == before
    assert len(hub.asked(BIG)) == 1


def test_a_full_cache_that_cannot_be_written_is_read(fetch, tmp_path, monkeypatch):
    path = fetch(cache_dir=tmp_path / "kept")

    def no(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(transfer, "WeakFileLock", no)
    monkeypatch.setattr(Path, "write_text", no)
    assert fetch(cache_dir=tmp_path / "kept") == path


def test_force_fetches_again(fetch, hub, model_dir):
    (fetch() / BIG).resolve().write_bytes(b"broken")
    path = fetch(force_download=True)
    assert same_weights(path, model_dir) and len(hub.asked(BIG)) == 2


def test_only_what_loading_needs_is_fetched(fetch, hub, model_dir, tmp_path):
    shutil.copytree(model_dir("base"), tmp_path / "repo")
    folder = tmp_path / "repo"
    for name in (
        "pytorch_model.bin",
        "voice.pt",
        "modeling.py",
        "README.md",
        "old/model.safetensors",
        "speech_tokenizer/x.pkl",
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("no")
    hub.repos[NAME] = {"main": folder, "master": folder}
    path = fetch()
    assert {name for name in files_of(path) if not name.startswith(".cache")} == set(files_of(model_dir("base")))


def at_once(count: int, fetch: Callable[[], Path]) -> list[Path]:
    with ThreadPoolExecutor(count) as pool:
        return [done.result() for done in [pool.submit(fetch) for _ in range(count)]]


def test_several_at_once_do_not_write_into_one_part(fetch, hub, model_dir, tmp_path):
    paths = at_once(4, fetch)
    assert len(set(paths)) == 1 and same_weights(paths[0], model_dir) and leftovers(tmp_path) == []


@pytest.mark.parametrize("source", ["huggingface", "modelscope"])
def test_several_at_once_fill_one_plain_directory(hub, model_dir, tmp_path, source):
    hub.repos[NAME] = {"main": model_dir("base"), "master": model_dir("base")}
    for n in range(5):
        request = Request(NAME, local_dir=tmp_path / f"here{n}", keep=lambda name: True)
        at_once(6, lambda request=request: locate(request, source))
        assert set(files_of(tmp_path / f"here{n}")) == set(files_of(model_dir("base")))
    assert len(hub.asked(BIG)) == 5


def test_what_another_has_fetched_since_is_not_fetched_again(tmp_path):
    target = tmp_path / "file"
    job = transfer.Job(transfer.RemoteFile("file", 3, "http://nowhere"), target, tmp_path / "part", tmp_path / "lock")
    target.write_text("all")
    assert [done.target for done in transfer.fetch([job], {}, "")] == [target]  # and nobody was asked


def test_a_part_may_go_while_it_is_weighed(tmp_path):
    """As when another process has just put it in its place."""
    part, end = tmp_path / "part", time.monotonic() + 0.5
    job = transfer.Job(transfer.RemoteFile("file", 10, "http://nowhere"), tmp_path / "file", part, tmp_path / "lock")

    def come_and_go() -> None:
        while time.monotonic() < end:
            part.touch()
            part.unlink()

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(come_and_go)
        while time.monotonic() < end:
            transfer._check_room([job])
        other.result()


def test_a_link_may_be_made_by_another(tmp_path):
    (tmp_path / "blob").write_text("weights")
    for n in range(200):
        at_once(2, lambda n=n: huggingface._link(tmp_path / "snapshot" / f"file{n}", tmp_path / "blob"))
    assert {path.read_text() for path in (tmp_path / "snapshot").iterdir()} == {"weights"}
