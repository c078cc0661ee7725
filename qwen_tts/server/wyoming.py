"""Wyoming, the protocol of Home Assistant's voice services: events over plain TCP. Without keys and TLS: for a trusted network.

{"type", "data", "data_length", "payload_length"}\\n  data as JSON  payload
"""

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from .. import __version__
from ..errors import QwenTTSError
from ..prompt import supported_languages
from .callers import Caller
from .logs import log
from .names import table
from .plan import SpeechRequest
from .quiet import Quiet, taken
from .refusals import Refusal, answer
from .session import Session
from .sound import Recorder, Sound
from .text_stream import Coming

LARGEST = 2**20  # bytes of an event's data or payload
LINE = 2**16
QUIET = 600.0  # seconds without an event after which a connection is closed
WAITING = 1024
Event = tuple[str, dict[str, Any]]


async def listen(session: Session, host: str, port: int) -> asyncio.Server:
    """A server for a session; closing it ends its connections' work."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(session, reader, writer)
        try:
            await connection.serve()
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            pass
        except Refusal as error:
            log("wyoming", request_id=connection.caller.request_id, error=str(error))
        finally:
            await connection.stop()
            writer.close()

    return await asyncio.start_server(connected, host, port, limit=LINE)


class Connection:
    """One client. Its utterances are spoken one after the other."""

    def __init__(self, session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.caller = Caller(uuid.uuid4().hex, "wyoming")
        self._session, self._reader, self._writer = session, reader, writer
        self._sending = asyncio.Lock()
        self._pieces: asyncio.Queue[str | None] | None = None  # of the text that is coming in
        self._work: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        """Answers until the client goes away.

        Raises:
            Refusal: what came is not Wyoming; nothing after it can be understood.
        """
        while (came := await self._read()) is not None:
            kind, data = came
            if kind == "describe":
                await self._send("info", self._info())
            elif kind == "ping":
                await self._send("pong", {"text": data.get("text")})
            elif kind == "synthesize" and self._pieces is None:  # within a stream it repeats the text for older servers
                await self._after(self._whole(data))
            elif kind == "synthesize-start":
                self._pieces = asyncio.Queue(WAITING)
                await self._after(self._stream(data, self._pieces))
            elif kind == "synthesize-chunk" and self._pieces is not None:
                await self._pieces.put(_text(data))
            elif kind == "synthesize-stop" and self._pieces is not None:
                await self._pieces.put(None)
                self._pieces = None

    async def stop(self) -> None:
        """Ends what is being spoken."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)

    async def _after(self, work: Any) -> None:
        if self._work is not None:
            await asyncio.gather(self._work, return_exceptions=True)
        self._work = asyncio.create_task(work)

    async def _whole(self, data: dict[str, Any]) -> None:
        await self._speak(data, _text(data))

    async def _stream(self, data: dict[str, Any], pieces: "asyncio.Queue[str | None]") -> None:
        coming = Coming(pieces)
        with contextlib.suppress(ConnectionError):  # the reader finds out, too
            await self._speak(data, coming)
        async for _ in coming:  # what was left when the speech ended, or failed
            pass
        await self._send("synthesize-stopped", {})

    async def _speak(self, data: dict[str, Any], text: str | AsyncIterator[str]) -> None:
        voice = data.get("voice") if isinstance(data.get("voice"), dict) else {}
        name, language = (voice or {}).get("name"), (voice or {}).get("language")
        try:
            plan = await self._session.plan(
                SpeechRequest(
                    voice=name if isinstance(name, str) else None, language=language if isinstance(language, str) else None,
                    sound=Sound("pcm"),
                ),
                self.caller,
            )  # fmt: skip
            recorder = Recorder(plan.sound, plan.offer.rate)
            form = {"rate": recorder.rate, "width": 2, "channels": 1}
            await self._send("audio-start", form)
            async with aclosing(self._session.speak(plan, text, self.caller)) as chunks:
                async for chunk in chunks:
                    if part := recorder.add(chunk):
                        await self._send("audio-chunk", form, part)
        except QwenTTSError as error:
            await self._send("error", {"text": answer(error).message, "code": answer(error).code})
        await self._send("audio-stop", {})

    def _info(self) -> dict[str, Any]:
        made = {"attribution": {"name": "qwen-tts", "url": "https://github.com/QwenLM/Qwen3-TTS"}, "installed": True}
        made |= {"version": __version__}
        codes = {language: code for code, language in table()["languages"].items()}
        spoken = {name for offer in self._session.models.offers.values() for name in supported_languages(offer.config)}
        languages = [codes[name] for name in sorted(spoken & set(codes))]
        voices = [{"name": name, "description": name, "languages": languages, **made} for name in self._session.voices.names()]
        program = {"name": "qwen-tts", "description": "Speech that is heard while it is made", "voices": voices, **made}
        return {"tts": [program | {"supports_synthesize_streaming": True}]}

    async def _read(self) -> Event | None:
        try:
            line = await asyncio.wait_for(self._reader.readuntil(b"\n"), QUIET) if not self._reader.at_eof() else b""
        except asyncio.LimitOverrunError:
            raise Refusal(400, f"an event's line is longer than {LINE >> 10} KiB: send its data after it") from None
        if not line.strip():
            return None
        head = _object(line)
        sizes = [head.get(name) or 0 for name in ("data_length", "payload_length")]
        if not isinstance(head.get("type"), str) or any(type(size) is not int or not 0 <= size <= LARGEST for size in sizes):
            raise Refusal(400, "an event needs a type, and lengths of at most 1 MiB")
        data = head.get("data") if isinstance(head.get("data"), dict) else {}
        if sizes[0]:
            data = {**(data or {}), **_object(await self._reader.readexactly(sizes[0]))}
        await self._reader.readexactly(sizes[1])  # audio that nobody here listens to
        return head["type"], data or {}

    async def _send(self, kind: str, data: dict[str, Any], payload: bytes = b"") -> None:
        body = json.dumps(data).encode()
        head = {"type": kind, "version": __version__, "data_length": len(body), "payload_length": len(payload)}
        async with self._sending:
            self._writer.write(json.dumps(head).encode() + b"\n" + body + payload)
            try:
                await taken(self._writer.drain(), self._session.settings.idle_seconds)
            except Quiet:
                self._writer.transport.abort()  # the reader finds out, too
                raise ConnectionResetError("the client takes nothing") from None


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise Refusal(400, "an event is not JSON") from None
    if not isinstance(found, dict):
        raise Refusal(400, "an event must be a JSON object")
    return found


def _text(data: dict[str, Any]) -> str:
    text = data.get("text")
    return text.encode("utf-8", "replace").decode() if isinstance(text, str) else ""
