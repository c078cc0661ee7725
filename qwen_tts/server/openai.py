"""OpenAI's speech endpoint with vLLM-Omni's additional fields, and the lists of models."""

import base64
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from ..errors import QwenTTSError
from .access import CallerOf, SessionOf
from .bodies import SpeechBody
from .callers import Caller
from .encode import FORMATS
from .plan import Plan
from .refusals import Refusal, answer
from .reply import Streamed
from .session import Session
from .shapes import event, ignored_header, openai_error
from .sound import Recorder

router = APIRouter(prefix="/v1", tags=["OpenAI"])
STARTED = int(time.time())
AUDIO = {form.media_type: {"schema": {"type": "string", "format": "binary"}} for form in FORMATS.values()}
SPOKEN: dict[int | str, dict[str, Any]] = {
    200: {"description": "The audio, or its events, while it is made", "content": {**AUDIO, "text/event-stream": {}}}
}


@router.post("/audio/speech", response_class=Response, responses=SPOKEN)
async def speak(body: SpeechBody, session: SessionOf, caller: CallerOf) -> Response:
    """Speak a text. The audio is sent while it is made: as it is, or (stream_format=sse, or stream=true) as events."""
    plan = await session.plan(body.request(), caller, body.input)
    headers = {"x-qwen-tts-model": plan.name, "x-qwen-tts-seed": str(plan.seed)} | ignored_header(
        [*plan.ignored, *body.unheard()]
    )
    if plan.voice is not None:
        headers["x-qwen-tts-voice"] = plan.voice.encode("ascii", "backslashreplace").decode()
    if body.stream_format == "sse" or (body.stream and body.stream_format is None):
        return Streamed(_events(session, plan, body.input, caller), "text/event-stream", headers)
    media_type = Recorder(plan.sound, plan.offer.rate).media_type
    return Streamed(session.heard(plan, body.input, caller), media_type, headers)


async def _events(session: Session, plan: Plan, text: str, caller: Caller) -> AsyncGenerator[bytes, None]:
    recorder, frames, begun = Recorder(plan.sound, plan.offer.rate), 0, False
    try:
        async with aclosing(session.speak(plan, text, caller)) as chunks:
            async for chunk in chunks:
                frames += chunk.frames
                if data := recorder.add(chunk):
                    begun = True
                    delta = {"type": "speech.audio.delta", "audio": base64.b64encode(data).decode()}
                    yield event(delta | {"response_format": plan.sound.format}, "speech.audio.delta")
    except QwenTTSError as error:
        if not begun:
            raise
        told = openai_error(answer(error))["error"]
        yield event({"type": "speech.audio.error", "error": told | {"action": "discard"}}, "speech.audio.error")
        return
    yield event({"type": "speech.audio.done", "usage": usage(plan, text, frames)}, "speech.audio.done")


def usage(plan: Plan, text: str, frames: int) -> dict[str, Any]:
    """Tokens: of the text, and one for each frame of 80 ms."""
    tokens = len(plan.offer.text.encode(text))
    details = {"text_tokens": tokens, "audio_tokens": 0}
    return {"input_tokens": tokens, "output_tokens": frames, "total_tokens": tokens + frames, "input_token_details": details}


@router.get("/models")
async def models(session: SessionOf) -> dict[str, Any]:
    """The models that are here. Names of hosted services, such as tts-1, are understood in requests and not listed."""
    return {"object": "list", "data": [_model(name) for name in session.models.offers]}


@router.get("/audio/models")
async def audio_models(session: SessionOf) -> dict[str, Any]:
    """The same for clients that ask here, such as Open WebUI."""
    return {"models": [{"id": name, "name": name} for name in session.models.offers]}


@router.get("/models/{name:path}")
async def model(name: str, session: SessionOf) -> dict[str, Any]:
    """One model."""
    found = session.models.named(name)
    if found is None:
        session.models.check(name)  # a name of a hosted service is one of a model, which is whatever is first
        found = next(iter(session.models.offers), None)
    if found is None:
        raise Refusal(404, "there is no model")
    return _model(found) | {"id": name}


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": STARTED, "owned_by": "qwen-tts"}
