"""An answer that is made while it is sent, and no longer than somebody listens."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import aclosing, suppress
from typing import Any

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from .quiet import Quiet, taken
from .shapes import as_json


class Streamed(Response):
    """Sends parts as they come. What is wrong before the first one is an answer of its own, with its own status.

    A client that goes away ends the work at once, whatever is waited for at that moment; so does one that takes nothing for too
    long, and its connection is cut.

    Args:
        parts: of the body.
        media_type, headers: of the answer.
    """

    def __init__(self, parts: AsyncGenerator[bytes, None], media_type: str, headers: Mapping[str, str]) -> None:
        super().__init__(None, 200, {**headers, "cache-control": "no-store"}, media_type)
        self.raw_headers = [(name, value) for name, value in self.raw_headers if name != b"content-length"]
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        patience = scope["app"].state.session.settings.idle_seconds

        def bounded(message: Message) -> Coroutine[Any, Any, None]:
            return taken(send(message), patience)

        sending = asyncio.create_task(self._send(bounded))
        gone = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():  # else nobody is left to answer
                with suppress(Quiet):
                    sending.result()
        finally:
            sending.cancel()
            gone.cancel()
            await asyncio.gather(sending, gone, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        async with aclosing(self._parts) as parts:
            first = await anext(parts, b"")
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": first, "more_body": True})
            async for part in parts:
                await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class Made(Streamed):
    """JSON of what some work gives, when it is done.

    Args:
        work: gives what JSON can hold.
        headers: of the answer.
    """

    def __init__(self, work: Coroutine[Any, Any, Any], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(_alone(work), "application/json", headers or {})


async def _alone(work: Coroutine[Any, Any, Any]) -> AsyncGenerator[bytes, None]:
    yield as_json(await work)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
