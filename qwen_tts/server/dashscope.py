"""DashScope's synthesis over HTTP, whole and as server-sent events, and the files that it leaves for a day."""

import base64
import re
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any
from uuid import uuid4

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from .access import CallerOf, SessionOf
from .callers import Caller
from .encode import wav_header
from .plan import Plan, SpeechRequest
from .refusals import Refusal
from .reply import Made, Streamed
from .session import Session
from .shapes import event, ignored_header
from .sound import Recorder, Sound
from .spool import LIFETIME

router = APIRouter(prefix="/api/v1", tags=["DashScope"])
IDEOGRAPH = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")
INPUT = {"text", "voice", "language_type", "instructions", "optimize_instructions", "seed", "messages"}
ON = ("enable", "true", "1")


class Synthesis(BaseModel):
    """A call: `input` has text, voice, language_type; clients put the rest there or into `parameters`."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(max_length=256)
    input: dict[str, Any]
    parameters: dict[str, Any] = Field(default_factory=dict)

    def field(self, name: str, kind: type = str) -> Any:
        """One of the fields, from either place; None where it is missing.

        Raises:
            Refusal: it is of another type.
        """
        value = self.input.get(name)
        value = self.parameters.get(name) if value is None else value
        if value is None or type(value) is kind:
            return valid(value, name) if kind is str else value
        raise Refusal(400, f"{name!r} must be of type {kind.__name__}", name)

    def unheard(self) -> list[str]:
        """Fields that mean nothing here."""
        known = INPUT | {"incremental_output", "result_format"}
        return sorted({*self.input, *self.parameters} - known) + ["optimize_instructions"] * bool(
            self.field("optimize_instructions", bool)
        )


def valid(value: str | None, name: str) -> str | None:
    """Raises Refusal for a string that is no valid Unicode."""
    if value is not None and any("\ud800" <= sign <= "\udfff" for sign in value):
        raise Refusal(400, f"{name!r} holds half characters (lone surrogates)", name)
    return value


def characters(text: str) -> int:
    """As DashScope counts them: an ideograph is two."""
    return len(text) + len(IDEOGRAPH.findall(text))


@router.post("/services/aigc/multimodal-generation/generation")
async def generate(body: Synthesis, request: Request, session: SessionOf, caller: CallerOf) -> Response:
    """Speak a text: as the URL of a WAV file, or with the header `X-DashScope-SSE: enable` as events while it is made."""
    text = body.field("text") or ""
    seed = body.field("seed", int)
    if seed is not None and not 0 <= seed < 2**63:
        raise Refusal(400, "'seed' must be from 0 to 2^63 - 1", "seed")
    wish = SpeechRequest(
        body.model, voice=body.field("voice"), language=body.field("language_type"), instruct=body.field("instructions"),
        seed=seed, sound=Sound("pcm"),
    )  # fmt: skip
    plan = await session.plan(wish, caller, text)
    headers = ignored_header([*plan.ignored, *body.unheard()])
    work = _Work(session, plan, text, caller, str(request.base_url).rstrip("/"))
    if request.headers.get("x-dashscope-sse", "").lower() in ON:
        return Streamed(work.events(), "text/event-stream", headers)
    return Made(work.whole(), headers)


class _Work:
    """One synthesis, and the file that it leaves."""

    def __init__(self, session: Session, plan: Plan, text: str, caller: Caller, base: str) -> None:
        self._session, self._plan, self._text, self._caller, self._base = session, plan, text, caller, base
        self._audio_id = f"audio_{caller.request_id}"
        self._expires, self._frames, self._pcm = int(time.time() + LIFETIME), 0, bytearray()

    async def whole(self) -> dict[str, Any]:
        """The answer, when all is spoken."""
        async with aclosing(self._made()) as parts:
            async for _ in parts:
                pass
        return self._reply("stop", "", await self._kept())

    async def events(self) -> AsyncGenerator[bytes, None]:
        """The same as server-sent events, while it is spoken; the last one has the URL."""
        number = 1
        async with aclosing(self._made()) as parts:
            async for part in parts:
                yield _frame(number, self._reply("null", base64.b64encode(part).decode(), ""))
                number += 1
        yield _frame(number, self._reply("stop", "", await self._kept()))

    async def _made(self) -> AsyncGenerator[bytes, None]:
        recorder = Recorder(self._plan.sound, self._plan.offer.rate)
        async with aclosing(self._session.speak(self._plan, self._text, self._caller)) as chunks:
            async for chunk in chunks:
                self._frames += chunk.frames
                if part := recorder.add(chunk):
                    self._pcm += part
                    yield part

    async def _kept(self) -> str:
        rate = self._plan.offer.rate
        name = await self._session.spool.keep(wav_header(rate, len(self._pcm) // 2) + bytes(self._pcm))
        return f"{self._base}/api/v1/audio-files/{name}.wav"

    def _reply(self, reason: str, data: str, url: str) -> dict[str, Any]:
        audio = {"data": data, "url": url, "id": self._audio_id, "expires_at": self._expires}
        output = {"text": None, "finish_reason": reason, "choices": None, "audio": audio}
        usage = {"input_tokens": 0, "output_tokens": 0, "characters": characters(self._text)}
        return {"request_id": self._caller.request_id, "output": output, "usage": usage}


def _frame(number: int, data: dict[str, Any]) -> bytes:
    return f"id:{number}\nevent:result\n:HTTP_STATUS/200\n".encode() + event(data).replace(b"data: ", b"data:", 1)


@router.get("/audio-files/{name}.wav", response_class=FileResponse)
async def audio_file(name: str, session: SessionOf) -> Response:
    """A file that a synthesis left; for a day, and for whoever has its URL."""
    path = session.spool.find(name)
    if path is None:
        raise Refusal(404, "there is no such file (any more)")
    return FileResponse(path, media_type="audio/wav")


def unique(prefix: str) -> str:
    """An id of DashScope's kinds: event_, sess_, resp_, item_ ..."""
    return f"{prefix}_{uuid4().hex}"
