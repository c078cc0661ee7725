"""vLLM-Omni's WebSocket: text goes in while audio comes out.

    session.config ─> input.text* ─> input.done      (again and again)      session.close
    <─ audio.start, binary*, audio.done  for each part; session.done after input.done

This follows version 0.30: the connection stays open after input.done, and `split_granularity` is "none" unless said otherwise.
Then all text up to input.done is one utterance, which begins with its first word.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, Literal

from fastapi import APIRouter, WebSocket
from pydantic import ConfigDict, ValidationError
from starlette.websockets import WebSocketDisconnect

from ..errors import QwenTTSError
from .access import CallerOf, SessionOf
from .bodies import Speech
from .callers import Caller
from .plan import Plan
from .quiet import Quiet
from .refusals import Refusal, answer
from .sentences import Sentences
from .session import Session
from .sockets import JsonSocket, beside, text_of
from .sound import Recorder, whole

router = APIRouter()
WAITING = 1024  # pieces of text that may wait to be spoken
Texts = asyncio.Queue[str | None]  # None ends an utterance


class StreamConfig(Speech):
    """The first message: all about the speech but the text."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)

    type: Literal["session.config"]
    stream_audio: bool = False
    split_granularity: Literal["none", "sentence", "clause"] = "none"


@router.websocket("/v1/audio/speech/stream")
async def speech_stream(websocket: WebSocket, session: SessionOf, caller: CallerOf) -> None:
    """Text in, audio out."""
    socket = JsonSocket(websocket, session.settings.idle_seconds, 4 * 2**20)
    try:
        await websocket.accept()
        config, plan = await _configured(socket, session, caller)
        texts: Texts = asyncio.Queue(WAITING)
        await beside(_read(socket, texts, session.settings.max_text), _speak_all(socket, session, caller, config, plan, texts))
    except (WebSocketDisconnect, Quiet):
        pass
    except QwenTTSError as error:
        await _tell(socket, error)
    finally:
        await socket.close()


async def _configured(socket: JsonSocket, session: Session, caller: Caller) -> tuple[StreamConfig, Plan]:
    while True:
        try:
            message = await socket.receive()
            if message["type"] != "session.config":
                raise Refusal(400, "the first message must be of type session.config")
            config = StreamConfig.model_validate(
                message | ({"response_format": "wav"} if not message.get("response_format") else {})
            )
            if config.stream_audio and config.format() != "pcm":
                raise Refusal(400, "stream_audio needs response_format pcm", "response_format")
            return config, await session.plan(config.request(), caller)
        except ValidationError as error:
            first = error.errors()[0]
            await _tell(socket, Refusal(400, f"{'.'.join(map(str, first['loc']))}: {first['msg']}"))
        except QwenTTSError as error:
            await _tell(socket, error)


async def _read(socket: JsonSocket, texts: Texts, largest: int) -> None:
    """Takes messages until the client closes the session, or is gone."""
    while True:
        try:
            message = await socket.receive()
            kind = message["type"]
            if kind == "input.text":
                piece = text_of(message)
                if len(piece) > largest:
                    raise Refusal(413, f"the text has {len(piece)} characters; the limit is {largest}: send it in parts")
                _put(texts, piece)
            elif kind == "input.done":
                _put(texts, None)
                socket.owed += 1
            elif kind == "session.close":
                return
            else:
                raise Refusal(400, f"unknown message type {kind[:64]!r}; legal are input.text, input.done, session.close")
        except QwenTTSError as error:
            await _tell(socket, error)


def _put(texts: Texts, piece: str | None) -> None:
    try:
        texts.put_nowait(piece)
    except asyncio.QueueFull:
        raise Refusal(429, f"{WAITING} pieces of text are waiting to be spoken; send larger ones, or later") from None


async def _speak_all(
    socket: JsonSocket, session: Session, caller: Caller, config: StreamConfig, plan: Plan, texts: Texts
) -> None:
    """One utterance after the other, each up to its input.done."""
    utterance = 0
    while True:
        parts = _parts(config, plan, texts)
        number = 0
        async with aclosing(parts):
            async for text in parts:
                await _speak(socket, session, caller, config, plan.with_seed(plan.seed + number), text, (utterance, number))
                number += 1
        await socket.send({"type": "session.done", "utterance_index": utterance, "total_sentences": number})
        utterance, socket.owed = utterance + 1, socket.owed - 1


async def _parts(config: StreamConfig, plan: Plan, texts: Texts) -> AsyncGenerator[str | AsyncIterator[str], None]:
    """What is spoken by itself: sentences, clauses, or all of it while it comes."""
    if config.split_granularity == "none":
        coming = Coming(texts)
        if await coming.begun():
            yield coming
        async for _ in coming:  # what was left when the speech ended, or failed
            pass
        return
    cut = Sentences(plan.arguments["language"], config.split_granularity == "clause")
    while (piece := await texts.get()) is not None:
        for part in cut.add(piece):
            yield part
    for part in cut.rest():
        yield part


class Coming(AsyncIterator[str]):
    """The pieces of one utterance, up to its end. Whoever is cancelled while waiting for one loses none."""

    def __init__(self, texts: Texts) -> None:
        self._texts, self._first, self._ended = texts, "", False

    async def begun(self) -> bool:
        """Waits for text that is not blank; False if the utterance ends before there is any."""
        while not self._first.strip() and not self._ended:
            piece = await self._texts.get()
            self._ended, self._first = piece is None, self._first + (piece or "")
        return bool(self._first.strip())

    async def __anext__(self) -> str:
        if self._first:
            piece, self._first = self._first, ""
            return piece
        if self._ended or (piece := await self._texts.get()) is None:
            self._ended = True
            raise StopAsyncIteration
        return piece


async def _speak(
    socket: JsonSocket, session: Session, caller: Caller, config: StreamConfig, plan: Plan, text: str | AsyncIterator[str],
    place: tuple[int, int],
) -> None:  # fmt: skip
    where = {"utterance_index": place[0], "sentence_index": place[1]}
    recorder, kept, total, failed = Recorder(plan.sound, plan.offer.rate), [], 0, False
    shown = text if isinstance(text, str) else ""
    ignored = [*plan.ignored, *config.unheard()]
    start: dict[str, Any] = {"type": "audio.start", **where, "sentence_text": shown, "format": plan.sound.format}
    await socket.send(start | {"sample_rate": recorder.rate} | ({"ignored": ignored} if ignored else {}))
    try:
        async with aclosing(session.speak(plan, text, caller)) as chunks:
            async for chunk in chunks:
                data = recorder.add(chunk)
                total += len(data)
                if config.stream_audio and data:
                    await socket.send(data)
                else:
                    kept.append(data)
    except QwenTTSError as error:
        failed = True
        await _tell(socket, error)
    if not config.stream_audio and not failed:
        await socket.send(whole(b"".join(kept), plan.sound, recorder.rate))
    await socket.send({"type": "audio.done", **where, "total_bytes": 0 if failed else total, "error": failed})


async def _tell(socket: JsonSocket, error: QwenTTSError) -> None:
    await socket.send({"type": "error", "message": answer(error).message, "code": answer(error).status})
