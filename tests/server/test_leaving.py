"""Clients that leave, and clients that stay and take nothing: what is made for nobody is ended."""

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Callable
from typing import Any

import httpx
import numpy as np
import pytest
import websockets
from serving import endless, listening

from qwen_tts.chunks import AudioChunk
from qwen_tts.server import wyoming
from qwen_tts.server.session import Session

DESIGN = {"action": "create", "target_model": "qwen3-tts-vd", "voice_prompt": "a deep voice", "preferred_name": "deep"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/audio/voices", {"name": "drawn", "type": "prompt", "prompt": "a deep voice"}),
        ("/api/v1/services/audio/tts/customization", {"model": "qwen-voice-design", "input": DESIGN}),
    ],
    ids=["openai", "dashscope"],
)
def test_who_leaves_ends_the_design_of_a_voice(
    make: Callable[..., Session], monkeypatch: pytest.MonkeyPatch, path: str, body: dict[str, Any]
) -> None:
    session, begun = make(max_seconds=1e9), threading.Event()

    async def speak(job: Any) -> AsyncGenerator[AudioChunk, None]:
        begun.set()
        async for chunk in endless(job):
            yield chunk

    async def leave() -> None:
        async with httpx.AsyncClient(base_url=f"http://{address}", timeout=30) as client:
            asking = asyncio.create_task(client.post(path, json=body))
            await asyncio.to_thread(begun.wait, 30)
            asking.cancel()

    monkeypatch.setattr(session.source, "speak", speak)
    with listening(session) as address:
        asyncio.run(leave())
        asyncio.run(asyncio.wait_for(session.idle(), 10))
    assert 'outcome="cancelled"' in session.metrics.text().decode() and session.voices.all() == []


async def flood(job: Any) -> AsyncGenerator[AudioChunk, None]:
    """Speech that fills all buffers on the way to a client, however it is packed; it never ends by itself."""
    noise = np.random.default_rng(0).uniform(-1, 1, 480_000).astype(np.float32)
    while True:
        yield AudioChunk(noise, 24_000, 0, 0, 250, None, np.zeros((250, 4), np.int64))
        await asyncio.sleep(0)


BODY = json.dumps({"input": "the house", "voice": "ryan", "response_format": "pcm"})
POST = f"POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n"
SOCKETS: dict[str, list[dict[str, Any]]] = {
    "/v1/audio/speech/stream": [
        {"type": "session.config", "voice": "ryan", "response_format": "pcm", "stream_audio": True},
        {"type": "input.text", "text": "the house"},
        {"type": "input.done"},
    ],
    "/api-ws/v1/realtime": [{"type": "input_text_buffer.append", "text": "the house"}, {"type": "session.finish"}],
}


@pytest.fixture
def impatient(make: Callable[..., Session], monkeypatch: pytest.MonkeyPatch) -> Session:
    session = make("mini-CustomVoice", max_seconds=1e9, idle_seconds=0.3)
    monkeypatch.setattr(session.source, "speak", flood)
    return session


async def let_go(session: Session) -> None:
    """Waits until a client that was spoken to is spoken to no more."""
    while 'outcome="cancelled"' not in session.metrics.text().decode():
        await asyncio.sleep(0.02)
    await session.idle()


def test_who_takes_nothing_over_http_is_let_go(impatient: Session) -> None:
    async def stay(address: str) -> None:
        reader, writer = await asyncio.open_connection(*address.split(":"), limit=1024)
        writer.write(f"{POST}\r\n{BODY}".encode())
        await asyncio.wait_for(let_go(impatient), 20)
        writer.transport.abort()

    with listening(impatient) as address:
        asyncio.run(stay(address))


@pytest.mark.parametrize("path", SOCKETS)
def test_who_takes_nothing_of_a_websocket_is_let_go(impatient: Session, path: str) -> None:
    async def stay(address: str) -> None:
        async with websockets.connect(f"ws://{address}{path}", max_queue=1, compression=None, close_timeout=0.1) as socket:
            for message in SOCKETS[path]:
                await socket.send(json.dumps(message))
            await asyncio.wait_for(let_go(impatient), 20)

    with listening(impatient) as address:
        asyncio.run(stay(address))


def test_who_takes_nothing_of_wyoming_is_let_go(impatient: Session) -> None:
    async def stay() -> None:
        server = await wyoming.listen(impatient, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname(), limit=1024)
        writer.write(b'{"type": "synthesize", "data": {"text": "the house"}}\n')
        await asyncio.wait_for(let_go(impatient), 20)
        writer.transport.abort()
        server.close()

    asyncio.run(stay())
