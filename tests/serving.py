"""What the server's tests share: an application in this process, a real server on a port, and what to ask of both."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np

from qwen_tts.chunks import AudioChunk
from qwen_tts.server.app import application
from qwen_tts.server.run import Address, server
from qwen_tts.server.session import Session

SHORT = {"max_new_tokens": 5, "seed": 1}  # a miniature model hardly ever ends by itself


@dataclass
class Web:
    """Calls an application in this process; each call is a loop of its own."""

    session: Session

    def __post_init__(self) -> None:
        self.app = application(self.session)

    def __call__(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def call() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
                return await asyncio.wait_for(client.request(method, path, **options), 60)

        return asyncio.run(call())

    def speak(self, **body: Any) -> httpx.Response:
        return self("POST", "/v1/audio/speech", json={"model": "tts-1", "input": "the house", "voice": "ryan"} | SHORT | body)


async def endless(job: Any) -> AsyncGenerator[AudioChunk, None]:
    """What a `Source` may give for a job: speech that never ends by itself."""
    while True:
        yield AudioChunk(np.zeros(1920, np.float32), 24_000, 0, 0, 1, None, np.zeros((1, 4), np.int64))
        await asyncio.sleep(0.02)


@contextmanager
def listening(session: Session, **options: Any) -> Iterator[str]:
    """A real server for a session, on a free port, while the block runs; gives its address, HOST:PORT."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
        made = server(session, Address(port=port, **options))
        thread = threading.Thread(target=lambda: asyncio.run(made.serve(sockets=[bound])), daemon=True)
        thread.start()
        try:
            while not made.started:
                assert thread.is_alive()
                time.sleep(0.01)
            yield f"127.0.0.1:{port}"
        finally:
            made.should_exit = True
            thread.join(30)
            assert not thread.is_alive()


def samples(data: bytes) -> np.ndarray:
    """Of a streamed WAV file, whose header does not know its length."""
    assert data[:4] == b"RIFF" and data[36:40] == b"data"
    return np.frombuffer(data[44:], "<i2")


def same(found: bytes, expected: bytes) -> bool:
    """Whether two pieces of PCM are one but for rounding: how speech is batched and cut changes the last bit."""
    a, b = (np.frombuffer(data, "<i2").astype(int) for data in (found, expected))
    return len(a) == len(b) > 500 and int(np.abs(a - b).max()) <= 4
