"""DashScope's voice enrolment: voices by cloning and by design, listed, asked for and deleted."""

import base64
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from .access import CallerOf, SessionOf
from .callers import Caller
from .dashscope import Synthesis
from .making import clone, design
from .recordings import Reference
from .refusals import Refusal
from .reply import Made
from .session import Session
from .sound import Sound, record
from .voices import Saved

router = APIRouter(prefix="/api/v1", tags=["DashScope"])
NAME = re.compile(r"[0-9A-Za-z_]{1,16}")
KINDS = {"qwen-voice-enrollment": "vc", "qwen-voice-design": "vd"}
MAX_PAGE = 1000


class Customization(Synthesis):
    """A call: `input.action` is create, list, query or delete; `model` says whether by cloning or by design."""

    input: dict[str, Any] = Field(description="action, and what that needs")


class Reply(BaseModel):
    """What all actions answer."""

    output: dict[str, Any]
    usage: dict[str, Any]
    request_id: str


@router.post("/services/audio/tts/customization", response_model=Reply)
async def customize(body: Customization, session: SessionOf, caller: CallerOf) -> Response:
    """Make, list, look up or delete voices. A client that goes away ends the making of one."""
    if body.model not in KINDS:
        raise Refusal(400, f"the model must be one of {', '.join(KINDS)}, not {body.model[:60]!r}", "model", "InvalidParameter")
    action = body.field("action")
    actions: dict[str, Callable[[Session, Customization, Caller], Awaitable[tuple[dict[str, Any], int]]]]
    actions = {"create": _design if KINDS[body.model] == "vd" else _clone, "list": _list, "query": _query, "delete": _delete}
    if action not in actions:
        raise Refusal(400, f"the action must be one of {', '.join(actions)}", "action", "InvalidParameter")
    return Made(_told(actions[action](session, body, caller), caller))


async def _told(work: Awaitable[tuple[dict[str, Any], int]], caller: Caller) -> dict[str, Any]:
    output, count = await work
    return Reply(output=output, usage={"count": count}, request_id=caller.request_id).model_dump()


async def _clone(session: Session, body: Customization, caller: Caller) -> tuple[dict[str, Any], int]:
    target, preferred = _target(body)
    audio = body.field("audio", dict) or {}
    data = audio.get("data")
    if not isinstance(data, str):
        raise Refusal(400, "input.audio.data must be a data: URL or an http(s) URL", "audio", "InvalidParameter")
    text = body.field("text") or None
    notes = {"target_model": target, "language": body.field("language"), "kind": "vc"}
    voice = await clone(session, _full_name("vc", preferred), Reference(data, text, text is None), notes)
    return {"voice": voice.name, "target_model": target}, 1


async def _design(session: Session, body: Customization, caller: Caller) -> tuple[dict[str, Any], int]:
    target, preferred = _target(body)
    prompt, preview = body.field("voice_prompt") or "", body.field("preview_text")
    if not prompt.strip() or len(prompt) > 2048 or len(preview or "") > 1024:
        raise Refusal(
            400, "voice_prompt needs 1 to 2048 characters, preview_text at most 1024", "voice_prompt", "InvalidParameter"
        )
    rate, form = body.field("sample_rate", int), body.field("response_format") or "wav"
    sound = Sound(form, rate)
    sound.check()
    language = body.field("language")
    notes = {"target_model": target, "language": language or "zh", "kind": "vd"}
    made = await design(session, _full_name("vd", preferred), prompt, preview, language, notes, caller)
    data = record(made.wave, made.rate, sound)
    heard = {"data": base64.b64encode(data).decode(), "sample_rate": rate or made.rate, "response_format": form}
    return {"voice": made.saved.name, "target_model": target, "preview_audio": heard}, 1


async def _list(session: Session, body: Customization, caller: Caller) -> tuple[dict[str, Any], int]:
    size, index = body.field("page_size", int), body.field("page_index", int)
    size, index = 10 if size is None else size, 0 if index is None else index
    if not 1 <= size <= MAX_PAGE or not 0 <= index <= 10**6:
        raise Refusal(400, f"page_size must be from 1 to {MAX_PAGE}, page_index from 0", "page_size", "InvalidParameter")
    kind = KINDS[body.model]
    found = [voice for voice in session.voices.all() if voice.notes.get("kind", "vc") == kind]
    page = [_described(voice) for voice in found[index * size : (index + 1) * size]]
    return {"page_index": index, "page_size": size, "total_count": len(found), "voice_list": page}, 0


async def _query(session: Session, body: Customization, caller: Caller) -> tuple[dict[str, Any], int]:
    return _described(_named(session, body)), 0


async def _delete(session: Session, body: Customization, caller: Caller) -> tuple[dict[str, Any], int]:
    return {"voice": session.voices.delete(_named(session, body).name).name}, 0


def _named(session: Session, body: Customization) -> Saved:
    try:
        return session.voices.about(body.field("voice") or "")
    except Refusal as error:
        raise Refusal(404, str(error), "voice", "BadRequest.VoiceNotFound") from None


def _target(body: Customization) -> tuple[str, str]:
    target, preferred = body.field("target_model") or "", body.field("preferred_name") or ""
    if not target or len(target) > 256:
        raise Refusal(400, "target_model must say with which model the voice will speak", "target_model", "InvalidParameter")
    if not NAME.fullmatch(preferred):
        message = "preferred_name needs 1 to 16 letters, digits and underscores"
        raise Refusal(400, message, "preferred_name", "InvalidParameter")
    return target, preferred.lower()


def _full_name(kind: str, preferred: str) -> str:
    moment = time.time()
    stamp = time.strftime("%Y%m%d%H%M%S", time.localtime(moment)) + f"{int(moment * 1000) % 1000:03d}"
    return f"qwen-tts-{kind}-{preferred}-voice-{stamp}-{secrets.token_hex(2)}"


def _described(voice: Saved) -> dict[str, Any]:
    made = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(voice.created))
    shown = {"voice": voice.name, "gmt_create": made, "gmt_modified": made, "target_model": voice.notes.get("target_model", "")}
    shown["language"] = voice.notes.get("language")
    if voice.notes.get("kind") == "vd":
        shown |= {"voice_prompt": voice.notes.get("description"), "preview_text": voice.notes.get("preview_text")}
    return shown
