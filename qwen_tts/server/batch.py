"""vLLM-Omni's batch endpoint: several texts in one request, each answered by itself."""

import asyncio
import base64
from contextlib import aclosing
from typing import Any, Literal
from uuid import uuid4

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import Response

from ..errors import QwenTTSError
from .access import CallerOf, SessionOf
from .bodies import Speech, SpeechBody
from .callers import Caller
from .openai import usage
from .refusals import answer
from .reply import Made
from .session import Session
from .sound import Recorder, whole

router = APIRouter(prefix="/v1", tags=["vLLM-Omni"])


class BatchBody(Speech):
    """Texts, each with fields of its own, which go before the shared ones."""

    items: list[dict[str, Any]] = Field(
        min_length=1, max_length=32, description="of each, `input` and any field of /v1/audio/speech"
    )


class BatchResult(BaseModel):
    """What became of one text."""

    index: int
    status: Literal["success", "error"]
    audio_data: str | None = None  # base64
    media_type: str | None = None
    error: str | None = None
    usage: dict[str, Any] | None = None
    ignored: list[str] | None = None


class BatchReply(BaseModel):
    """All results, in order."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    id: str
    results: list[BatchResult]
    total: int
    succeeded: int
    failed: int


@router.post("/audio/speech/batch", response_model=BatchReply)
async def speak_batch(body: BatchBody, session: SessionOf, caller: CallerOf) -> Response:
    """Speak several texts. One that fails does not take the others with it; a client that goes away ends them all."""
    return Made(_whole(body, session, caller))


async def _whole(body: BatchBody, session: Session, caller: Caller) -> dict[str, Any]:
    shared = body.model_dump(exclude={"items"}, exclude_unset=True)
    work = (_one(session, caller, index, shared | item) for index, item in enumerate(body.items))
    results = await asyncio.gather(*work)
    good = sum(result.status == "success" for result in results)
    reply = BatchReply(
        id=f"speech-batch-{uuid4().hex}", results=results, total=len(results), succeeded=good, failed=len(results) - good
    )
    return reply.model_dump()


async def _one(session: Session, caller: Caller, index: int, fields: dict[str, Any]) -> BatchResult:
    try:
        item = SpeechBody.model_validate({"response_format": "wav"} | fields)
        plan = await session.plan(item.request(), caller, item.input)
        recorder, parts, frames = Recorder(plan.sound, plan.offer.rate), [], 0
        async with aclosing(session.speak(plan, item.input, caller)) as chunks:
            async for chunk in chunks:
                parts.append(recorder.add(chunk))
                frames += chunk.frames
    except ValidationError as error:
        first = error.errors()[0]
        return BatchResult(index=index, status="error", error=f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
    except QwenTTSError as error:
        return BatchResult(index=index, status="error", error=answer(error).message)
    audio = whole(b"".join(parts), plan.sound, recorder.rate)
    return BatchResult(
        index=index, status="success", audio_data=base64.b64encode(audio).decode(),
        media_type=recorder.media_type, usage=usage(plan, item.input, frames),
        ignored=[*plan.ignored, *item.unheard()] or None,
    )  # fmt: skip
