"""More models than memory: loaded when they are asked for, unloaded when another needs the room, never while they speak."""

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from serving import SHORT, Web, same

from qwen_tts.batching.making import Making
from qwen_tts.errors import BusyError, CheckpointError, DownloadError, OptionError
from qwen_tts.model import Qwen3TTSModel
from qwen_tts.server.models import Offer, offer_loaded, offer_named
from qwen_tts.server.run import make_session
from qwen_tts.server.session import Session
from qwen_tts.server.settings import Settings
from qwen_tts.server.source import Job

PRESET, BASE = "mini-CustomVoice", "mini-Base"


@pytest.fixture
def crowded(miniatures: dict[str, Qwen3TTSModel], tmp_path: Path) -> Iterator[tuple[Session, list[str]]]:
    """A session of two models with room for one, and the names of what was loaded, in order."""
    order: list[str] = []

    def offer(name: str) -> Offer:
        def load() -> Qwen3TTSModel:
            order.append(name)
            return miniatures[name]

        return replace(offer_loaded(miniatures[name]), size=60, load=load)

    session = make_session({name: offer(name) for name in (PRESET, BASE)}, Settings(max_memory=100), tmp_path)
    yield session, order
    session.close()


def test_a_model_is_loaded_when_it_is_asked_for_and_leaves_for_another(
    crowded: tuple[Session, list[str]], recording: bytes
) -> None:
    session, order = crowded
    web = Web(session)
    assert [model["id"] for model in web("GET", "/v1/models").json()["data"]] == [PRESET, BASE]
    assert web("GET", "/ready").json()["loaded"] == order == []
    first = web.speak(response_format="wav")
    assert first.status_code == 200 and order == [PRESET]
    assert web.speak(input="").status_code == 400 and order == [PRESET]
    made = web(
        "POST", "/v1/audio/voices", data={"name": "anna", "consent": "yes"}, files={"audio_sample": ("a.wav", recording)}
    )
    assert made.status_code == 200, made.text
    assert order == [PRESET, BASE] and web("GET", "/ready").json()["loaded"] == [BASE]
    assert web.speak(voice="anna").status_code == 200 and order == [PRESET, BASE]
    again = web.speak(response_format="wav")
    assert same(again.content[44:], first.content[44:])
    assert order == [PRESET, BASE, PRESET]


def test_a_model_that_speaks_stays(crowded: tuple[Session, list[str]]) -> None:
    session, _ = crowded
    app = Web(session).app
    body = {"model": "tts-1", "input": "the house", "voice": "ryan", "response_format": "pcm"} | SHORT

    async def run() -> tuple[httpx.Response, int]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://server") as client:
            async with session.models.use(PRESET):  # as a stream does
                other = {"task_type": "Base", "speaker_embedding": [0.1] * 32}
                refused = await client.post("/v1/audio/speech", json=body | other)
            return refused, (await client.post("/v1/audio/speech", json=body | other)).status_code

    refused, later = asyncio.run(run())
    assert refused.status_code == 429 and "retry-after" in refused.headers
    assert PRESET in refused.json()["error"]["message"]
    assert later == 200


@pytest.mark.parametrize("error", [CheckpointError("/srv/weights is damaged"), DownloadError("no route")], ids=["files", "hub"])
def test_a_model_that_cannot_be_loaded_is_the_fault_of_the_server(
    miniatures: dict[str, Qwen3TTSModel], tmp_path: Path, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def load() -> Qwen3TTSModel:
        raise error

    session = make_session({PRESET: replace(offer_loaded(miniatures[PRESET]), load=load)}, Settings(max_memory=50), tmp_path)
    told = Web(session).speak()
    assert told.status_code == 500 and f"{PRESET} cannot be loaded" in told.json()["error"]["message"]
    assert str(error) not in told.text
    assert any(getattr(record, "fields", {}).get("error") == str(error) for record in caplog.records)
    session.close()


def test_who_waits_for_a_model_holds_up_nobody_else(miniatures: dict[str, Qwen3TTSModel], tmp_path: Path) -> None:
    release = threading.Event()

    def load() -> Qwen3TTSModel:
        release.wait(30)
        return miniatures[PRESET]

    session = make_session({PRESET: replace(offer_loaded(miniatures[PRESET]), load=load)}, Settings(max_memory=50), tmp_path)

    async def use() -> None:
        async with session.models.use(PRESET):
            pass

    async def run() -> None:
        waiting = [asyncio.create_task(use()) for _ in range(40)]
        await asyncio.sleep(0.1)
        await asyncio.wait_for(asyncio.to_thread(lambda: None), 5)
        release.set()
        await asyncio.gather(*waiting)

    asyncio.run(run())
    session.close()


def test_a_model_that_leaves_keeps_nobody_waiting(
    miniatures: dict[str, Qwen3TTSModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Larger than the limit, it leaves when its speech ends, while its threads may still be at a step."""
    session = make_session({PRESET: replace(offer_loaded(miniatures[PRESET]), size=60)}, Settings(max_memory=50), tmp_path)
    step, begun, ended, in_time = Making.step, threading.Event(), threading.Event(), queue.SimpleQueue[bool]()

    def slow(self: Making, moving: Any) -> Any:
        begun.set()
        in_time.put(ended.wait(2))
        return step(self, moving)

    async def hear() -> None:
        async with session.models.use(PRESET) as model:
            async for _ in session.source.speak(Job(model, "custom_voice", "the house", {"speaker": "ryan"})):
                pass

    async def run() -> None:
        hearing = asyncio.create_task(hear())
        await asyncio.to_thread(begun.wait, 30)
        hearing.cancel()
        await asyncio.wait([hearing])
        ended.set()

    monkeypatch.setattr(Making, "step", slow)
    asyncio.run(run())
    assert session.models.loaded == [] and in_time.get(timeout=5)
    session.close()


def test_who_leaves_while_a_model_is_loaded_leaves_it_for_the_next(crowded: tuple[Session, list[str]]) -> None:
    session, order = crowded

    async def run() -> None:
        using = asyncio.ensure_future(anext(aiter_of(session)))
        await asyncio.sleep(0)
        using.cancel()
        with pytest.raises(asyncio.CancelledError):
            await using
        for _ in range(100):  # until the one that was begun is loaded, and nobody's
            with suppress(BusyError):
                async with session.models.use(BASE):
                    return
            await asyncio.sleep(0.05)

    asyncio.run(run())
    assert order[-1] == BASE


async def aiter_of(session: Session):
    async with session.models.use(PRESET) as model:
        yield model


def test_what_is_known_of_a_model_by_its_name(model_dir: Callable[[str], Path], tmp_path: Path) -> None:
    offer = offer_named(str(model_dir("base")), tmp_path, engine="eager")
    assert (offer.config.tts_model_type, offer.rate) == ("base", 24_000)
    assert offer.size > 10_000
    model = offer.load()
    assert model.config == offer.config
    assert offer.text.encode("the house") == model.loaded.text.encode("the house")
    with pytest.raises(OptionError, match="nothing here"):
        offer_named("nothing here", tmp_path)
