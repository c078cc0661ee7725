"""Events in any order, and what is no event at all: told, never an unhandled error, and the server goes on."""

import asyncio
import json
import random
import threading
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest
import websockets
from serving import Web, endless, listening

from qwen_tts.chunks import AudioChunk
from qwen_tts.errors import BusyError
from qwen_tts.server import recordings
from qwen_tts.server.session import Session
from qwen_tts.server.sockets import JsonSocket

VALUES = [None, True, -1, 2**70, 1e308, "", "x" * 5000, "\ud800", "\x00", [], [[]], {}, {"a": {}}, "ryan", "pcm", "The house."]
KEYS = (
    "voice text session mode response_format sample_rate speed seed language input model type items task_type ref_audio".split()
)
TYPES = {
    "/v1/audio/speech/stream": "session.config input.text input.done session.close x".split(),
    "/api-ws/v1/realtime?model=qwen3-tts-flash-realtime": "session.update input_text_buffer.append input_text_buffer.commit "
    "input_text_buffer.clear response.cancel session.finish x".split(),
}


def message(draw: random.Random, kinds: list[str]) -> str | bytes:
    if draw.random() < 0.15:
        return draw.choice(
            ["", "{", "[]", "null", '{"type":[]}', "[" * 9000, b"", b"\xff\x00", '{"type":"x"' + " " * 99_999 + "}"]
        )
    made: dict[str, Any] = {draw.choice(KEYS): draw.choice(VALUES) for _ in range(draw.randrange(4))}
    made |= {"type": draw.choice(kinds)}
    if made["type"] == "session.update" and draw.random() < 0.8:
        made["session"] = {draw.choice(KEYS): draw.choice(VALUES) for _ in range(draw.randrange(3))}
    if made["type"] == "session.config" and draw.random() < 0.7:
        made |= {"max_new_tokens": 3, "voice": "ryan"}
    return json.dumps(made)


@pytest.mark.parametrize("path", TYPES, ids=["stream", "realtime"])
def test_random_events(make: Callable[..., Session], path: str, caplog: pytest.LogCaptureFixture) -> None:
    session = make("mini-CustomVoice", max_text=30, max_seconds=0.3)

    async def run(seed: int) -> None:
        draw = random.Random(seed)
        async with websockets.connect(f"ws://{address}{path}") as socket:
            try:
                for _ in range(draw.randrange(1, 12)):
                    await socket.send(message(draw, TYPES[path]))
                    if draw.random() < 0.3:
                        await asyncio.wait_for(socket.recv(), 0.05)
            except (TimeoutError, websockets.ConnectionClosed):
                pass

    with listening(session) as address:
        for seed in range(40):
            asyncio.run(asyncio.wait_for(run(seed), 30))
        asyncio.run(asyncio.wait_for(session.idle(), 60))
    assert [record for record in caplog.records if record.exc_info or record.levelname == "ERROR"] == []
    assert session.source.playing == session.source.waiting == 0


@pytest.mark.parametrize("steps", range(5))
def test_a_cancel_that_crosses_a_message_is_not_lost(steps: int) -> None:
    """Else a session that has come to its end would wait for the client to leave."""

    async def run() -> None:
        came = asyncio.get_running_loop().create_future()

        class Client:
            async def receive(self) -> Any:
                return await came

        receiving = asyncio.ensure_future(JsonSocket(Client(), 10, 99).receive())  # type: ignore[arg-type]
        await asyncio.sleep(0.01)
        came.set_result({"type": "websocket.receive", "text": '{"type": "x"}'})
        for _ in range(steps):
            await asyncio.sleep(0)
        late = receiving.done()
        receiving.cancel()
        await asyncio.wait([receiving])
        assert late or receiving.cancelled()

    asyncio.run(run())


def test_what_fails_in_the_midst_is_told_by_every_protocol(
    make: Callable[..., Session], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    session = make("mini-CustomVoice")

    async def broken(job: Any) -> AsyncGenerator[AudioChunk, None]:
        yield await anext(endless(job))
        raise RuntimeError("a secret of the server")

    async def tell(path: str, last: str, *messages: dict[str, Any]) -> list[dict[str, Any]]:
        came: list[dict[str, Any]] = []
        async with websockets.connect(f"ws://{address}{path}") as socket:
            for one in messages:
                await socket.send(json.dumps(one))
            while not came or came[-1]["type"] != last:
                came.append(json.loads(await socket.recv()))
        return came

    monkeypatch.setattr(session.source, "speak", broken)
    web, body = Web(session), {"input": "the house", "voice": "ryan"}
    events = web.speak(stream_format="sse", response_format="pcm").text
    assert "event: speech.audio.error" in events
    batch = web("POST", "/v1/audio/speech/batch", json={"items": [body, body]}).json()
    assert [result["status"] for result in batch["results"]] == ["error", "error"]
    stream, realtime = TYPES
    with listening(session) as address:
        texts = {"type": "session.config"}, {"type": "input.text", "text": "the house"}, {"type": "input.done"}
        told = asyncio.run(asyncio.wait_for(tell(stream, "session.done", *texts), 30))
        assert [event["type"] for event in told] == ["audio.start", "error", "audio.done", "session.done"]
        texts = {"type": "input_text_buffer.append", "text": "the house"}, {"type": "session.finish"}
        spoken = asyncio.run(asyncio.wait_for(tell(realtime, "session.finished", *texts), 30))
        assert "error" in [event["type"] for event in spoken] and spoken[-2]["response"]["status"] == "failed"
    assert "secret" not in f"{events}{batch}{told}{spoken}"
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 5


def test_random_bodies(make: Callable[..., Session]) -> None:
    web = Web(make("mini-CustomVoice", max_text=30, max_seconds=0.3))
    draw = random.Random(0)
    paths = ["/v1/audio/speech", "/v1/audio/speech/batch", "/v1/audio/voices", "/api/v1/services/audio/tts/customization",
             "/api/v1/services/aigc/multimodal-generation/generation"]  # fmt: skip
    for _ in range(150):
        body: dict[str, Any] = {draw.choice(KEYS): draw.choice(VALUES) for _ in range(draw.randrange(6))}
        if draw.random() < 0.5:
            body |= {
                "input": draw.choice([{"text": "a"}, {"action": "list"}, {"action": draw.choice(VALUES)}, "a"]),
                "model": "tts-1",
            }
            body |= {"items": [draw.choice([{}, {"input": "a"}, {"input": None}])], "max_new_tokens": 3}
        reply = web("POST", draw.choice(paths), content=json.dumps(body), headers={"content-type": "application/json"})
        assert reply.status_code < 500, (body, reply.text)


def test_slow_addresses_hold_up_nothing_but_addresses(
    make: Callable[..., Session], monkeypatch: pytest.MonkeyPatch, recording: bytes
) -> None:
    session, asked, go = make(), threading.Semaphore(0), threading.Event()

    def slow(*wanted: Any) -> bytes:
        asked.release()
        assert go.wait(30)
        return recording

    async def all_at_once() -> list[Any]:
        def cloned(audio: str | bytes) -> Any:
            reference = recordings.Reference(audio, vector_only=True)
            return session.recordings.voice(session.models, "mini-Base", reference)

        waiting = [asyncio.ensure_future(cloned(f"http://example.com/{number}.wav")) for number in range(60)]
        while not asked.acquire(blocking=False):
            await asyncio.sleep(0.01)
        await asyncio.wait_for(cloned(recording), 10)
        assert not any(one.done() for one in waiting)
        go.set()
        return await asyncio.gather(*waiting)

    monkeypatch.setattr(recordings, "fetch", slow)
    assert len(asyncio.run(all_at_once())) == 60


def test_who_waits_too_long_for_slow_addresses_is_told_when_to_ask_again(
    make: Callable[..., Session], monkeypatch: pytest.MonkeyPatch, recording: bytes
) -> None:
    session, go = make(), threading.Event()

    async def run() -> None:
        def cloned(number: int) -> Any:
            reference = recordings.Reference(f"http://example.com/{number}.wav", vector_only=True)
            return asyncio.ensure_future(session.recordings.voice(session.models, "mini-Base", reference))

        waiting = [cloned(number) for number in range(recordings.FETCHING + 1)]
        await asyncio.sleep(0.3)
        go.set()
        with pytest.raises(BusyError, match="slow addresses; try again"):
            await waiting.pop()
        await asyncio.gather(*waiting)

    monkeypatch.setattr(recordings, "fetch", lambda *wanted: recording if go.wait(30) else b"")
    monkeypatch.setattr(recordings, "SECONDS", 0.2)
    asyncio.run(run())
