"""JSON over a WebSocket, from clients that may send anything."""

import asyncio
import contextlib
import json
import time
from collections.abc import Coroutine
from typing import Any

from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from .quiet import Quiet, taken
from .refusals import Refusal

GONE = (WebSocketDisconnect, RuntimeError, OSError)  # of sending on what was closed meanwhile: the reader finds out, too


class JsonSocket:
    """A WebSocket that was accepted. Sending on one that is closed does nothing.

    Args:
        socket: that is spoken on.
        idle: seconds to wait for a message while none is sent, or owed, either; and for one that is sent to be taken.
        largest: characters of one message.

    Attributes:
        owed: answers that the client waits for.
    """

    def __init__(self, socket: WebSocket, idle: float, largest: int) -> None:
        self._socket, self._idle, self._largest, self.owed = socket, idle, largest, 0
        self._sending, self._moved = asyncio.Lock(), time.monotonic()

    async def receive(self) -> dict[str, Any]:
        """The next message.

        Raises:
            Refusal: it is no JSON object; the next one may be.
            WebSocketDisconnect: the client is gone.
            Quiet: nothing came.
        """
        message = await self._message()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code") or 1000)
        text = message.get("text")
        if text is None:
            raise Refusal(400, "a binary message came; send JSON as text")
        if len(text) > self._largest:
            raise Refusal(413, f"the message has {len(text)} characters; the limit is {self._largest}")
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            raise Refusal(400, "the message is not JSON") from None
        if not isinstance(found, dict) or not isinstance(found.get("type"), str):
            raise Refusal(400, "a message must be a JSON object with a 'type'")
        return found

    async def _message(self) -> Message:
        self._moved = time.monotonic()
        while (left := self._moved + self._idle - time.monotonic()) > 0 or self.owed:
            try:
                async with asyncio.timeout(left if left > 0 else self._idle):  # Python 3.11's wait_for can lose a cancel
                    return await self._socket.receive()
            except TimeoutError:  # unless something was sent meanwhile: somebody who listens need not speak
                continue
        raise Quiet

    async def send(self, data: dict[str, Any] | bytes) -> None:
        """Sends an object as JSON, or bytes as they are.

        Raises:
            Quiet: the client takes nothing.
        """
        async with self._sending:
            self._moved = time.monotonic()
            if self._socket.client_state is not WebSocketState.CONNECTED:
                return
            packed = self._socket.send_bytes(data) if isinstance(data, bytes) else self._socket.send_text(json.dumps(data))
            with contextlib.suppress(*GONE):
                await taken(packed, self._idle)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Closes it, if it is open. One that takes nothing is not told: its connection ends without a word."""
        async with self._sending:
            if WebSocketState.DISCONNECTED not in (self._socket.client_state, self._socket.application_state):
                with contextlib.suppress(*GONE, Quiet):
                    await taken(self._socket.close(code, reason), self._idle)


async def beside(listening: Coroutine[Any, Any, object], speaking: Coroutine[Any, Any, object]) -> None:
    """Runs both until one of them ends, which ends the other. Raises what it failed with."""
    both = [asyncio.ensure_future(listening), asyncio.ensure_future(speaking)]
    try:
        done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for one in done:
            one.result()
    finally:
        for one in both:
            one.cancel()
        await asyncio.gather(*both, return_exceptions=True)


def text_of(message: dict[str, Any], field: str = "text") -> str:
    """A field that must be a string of valid characters.

    Raises:
        Refusal: it is missing, or something else.
    """
    value = message.get(field)
    if not isinstance(value, str):
        raise Refusal(400, f"{message['type'][:64]!r} needs {field!r}, a string", field)
    if any("\ud800" <= sign <= "\udfff" for sign in value):
        raise Refusal(400, f"{field!r} holds half characters (lone surrogates)", field)
    return value
