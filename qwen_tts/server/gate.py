"""What every request passes, whatever its protocol: an id, the size of its body, its key, a count, and a line in the log."""

import re
import time
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .callers import Caller
from .logs import log
from .refusals import Answer
from .session import Session
from .settings import ApiKey
from .shapes import error_response

OPEN = ("/health", "/ready", "/api/v1/audio-files/")  # without a key: probes, and files whose names nobody can guess
SANE = re.compile(r"[\w.-]{1,128}", re.ASCII)
NO_KEY = "the API key is missing or wrong: send the header 'Authorization: Bearer KEY'"


class Gate:
    """ASGI middleware around all of the application."""

    def __init__(self, app: ASGIApp, session: Session) -> None:
        self._app, self._session, self._sockets = app, session, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers, path, started = Headers(scope=scope), scope["path"], time.monotonic()
        given = headers.get("x-request-id", "")
        request_id = given if SANE.fullmatch(given) else uuid.uuid4().hex
        key = self._key(scope, headers)
        caller = Caller(request_id, _protocol(path), key)
        scope["state"] = {**scope.get("state", {}), "caller": caller}
        status = [0]

        async def noted(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status[0] = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        try:
            refused = self._refused(scope, headers, key)
            if refused is not None:
                await _refuse(scope, receive, noted, refused, request_id)
            elif scope["type"] == "websocket":
                await self._socket(scope, receive, noted)
            else:
                await self._app(scope, self._limited(receive), noted)
        finally:
            if status[0]:
                self._session.metrics.answers.labels(caller.protocol, str(status[0])).inc()
            seconds = round(time.monotonic() - started, 4)
            log("request", request_id=request_id, method=scope.get("method", "WS"), path=path[:200], status=status[0] or None,
                seconds=seconds, key=key and key.name)  # fmt: skip

    def _key(self, scope: Scope, headers: Headers) -> ApiKey | None:
        """From the header, or (browsers cannot set headers of WebSockets) from the query."""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            given = headers.get("x-api-key", "")
        if not given and scope["type"] == "websocket":
            given = parse_qs(scope["query_string"].decode("latin-1")).get("api_key", [""])[0]
        return self._session.settings.key(given.strip())

    def _refused(self, scope: Scope, headers: Headers, key: ApiKey | None) -> Answer | None:
        settings = self._session.settings
        if settings.keys and key is None and not scope["path"].startswith(OPEN):
            return Answer(401, NO_KEY, "invalid_api_key")
        if scope["type"] == "websocket" and key is None and not self._from_here(headers):
            origin = headers["origin"][:200]
            return Answer(403, f"web pages of {origin} may not call: allow it with --cors-origin, or give a key", "forbidden")
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length[:20]) > settings.max_body:
            return Answer(413, f"the body is larger than {settings.max_body} bytes", "too_large")
        if scope["type"] == "websocket" and self._sockets >= settings.max_sockets:
            return Answer(503, f"{self._sockets} WebSockets are open; try again later", "unavailable", retry_after=5)
        return None

    def _from_here(self, headers: Headers) -> bool:
        """Whether no web page of another origin asks: browsers let any page open a WebSocket, and leave it to us to refuse."""
        origin, allowed = headers.get("origin"), self._session.settings.cors
        return origin is None or bool({origin, "*"} & set(allowed)) or urlsplit(origin).netloc == headers.get("host")

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._sockets += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._sockets -= 1

    def _limited(self, receive: Receive) -> Receive:
        left = self._session.settings.max_body

        async def counted() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(413, f"the body is larger than {self._session.settings.max_body} bytes")
            return message

        return counted


async def _refuse(scope: Scope, receive: Receive, send: Send, told: Answer, request_id: str) -> None:
    response = error_response(scope["path"], told, request_id)
    if scope["type"] == "http":
        await response(scope, receive, send)
    elif "websocket.http.response" in scope.get("extensions", {}):
        start: dict[str, Any] = {
            "type": "websocket.http.response.start",
            "status": told.status,
            "headers": response.raw_headers,
        }
        await send(start)
        await send({"type": "websocket.http.response.body", "body": response.body})
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": told.message[:100]})


def _protocol(path: str) -> str:
    if path.startswith(("/api/", "/api-ws/")):
        return "dashscope"
    return "stream" if path.endswith("/speech/stream") else "batch" if path.endswith("/batch") else "openai"
