"""Voices over HTTP: OpenAI's calls and vLLM-Omni's are the same paths, so the replies hold the fields of both."""

import json
from typing import Any

from fastapi import APIRouter
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ..errors import OptionError
from .access import CallerOf, SessionOf
from .callers import Caller
from .making import clone, design
from .names import voices_known
from .recordings import MAX_BYTES, Reference, embedding
from .refusals import Refusal
from .reply import Made
from .session import Session
from .voices import Saved

router = APIRouter(prefix="/v1/audio", tags=["voices"])
FIELDS: dict[str, Any] = {
    "name": {"type": "string", "description": "1 to 64 letters, digits, '_', '-' and spaces"},
    "type": {"type": "string", "enum": ["audio_sample", "prompt"], "description": "by default what the fields say"},
    "audio_sample": {"type": "string", "format": "binary", "description": "the recording, 10 MiB at most"},
    "ref_text": {"type": "string", "description": "what is said in it; without, only the sound of the voice is taken"},
    "consent": {"type": "string", "description": "kept with the voice"},
    "speaker_embedding": {"type": "string", "description": "in place of a recording: a JSON list of numbers"},
    "speaker_description": {"type": "string"},
    "prompt": {"type": "string", "description": "in place of a recording: the voice in words"},
    "script_hint": {"type": "string", "description": "what the described voice says first"},
    "language": {"type": "string"},
}
SCHEMA = {"schema": {"type": "object", "required": ["name"], "properties": FIELDS}}
BODY = {"requestBody": {"required": True, "content": {"multipart/form-data": SCHEMA, "application/json": SCHEMA}}}
NUMBERS = TypeAdapter(list[float])


@router.get("/voices")
async def voices(session: SessionOf) -> dict[str, Any]:
    """All voices: objects, as Open WebUI reads them, and vLLM-Omni's list of those that were uploaded."""
    saved = session.voices.all() if "base" in session.models.kinds() else []
    kept = {voice.name: voice for voice in saved}
    listed = [
        {"id": name, "name": name, "object": "audio.voice", "preset": name not in kept} for name in session.voices.names()
    ]
    return {"object": "list", "voices": listed, "data": listed, "uploaded_voices": [_uploaded(voice) for voice in saved],
            "aliases": voices_known() if session.voices.speakers() else []}  # fmt: skip


@router.post("/voices", openapi_extra=BODY, response_model=dict[str, Any])
async def create(request: Request, session: SessionOf, caller: CallerOf) -> Response:
    """Make a voice from a recording, from a speaker vector, or (type=prompt) from a description.

    A client that goes away ends the work.
    """
    return Made(_make(session, caller, *await _fields(request)))


async def _make(
    session: Session, caller: Caller, fields: dict[str, str], sample: bytes | None, mime: str | None
) -> dict[str, Any]:
    name = fields.get("name", "")
    notes = {key: fields[key] for key in ("consent", "speaker_description", "language") if fields.get(key)}
    if fields.get("type") == "prompt" or (fields.get("prompt") and sample is None):
        description = fields.get("prompt", "")
        if not description.strip():
            raise Refusal(400, "a voice of type prompt needs its description in 'prompt'", "prompt")
        notes |= {"type": "prompt"}
        made = await design(session, name, description, fields.get("script_hint"), fields.get("language"), notes, caller)
        return _created(made.saved)
    vector = fields.get("speaker_embedding")
    if (sample is None) == (vector is None):
        raise Refusal(400, "give either 'audio_sample' or 'speaker_embedding'", "audio_sample")
    text = fields.get("ref_text") or None
    notes |= {"type": "audio_sample", "mime_type": mime, "ref_text": text}
    if vector is not None:
        notes["type"] = "speaker_embedding"
        reference = Reference(embedding=_vector(vector), vector_only=True)
    else:
        reference = Reference(sample, text, text is None)
    return _created(await clone(session, name, reference, notes))


@router.get("/voices/{name}")
async def about(name: str, session: SessionOf) -> dict[str, Any]:
    """One saved voice."""
    return _created(session.voices.about(name))


@router.delete("/voices/{name}")
async def delete(name: str, session: SessionOf) -> dict[str, Any]:
    """Delete a saved voice."""
    gone = session.voices.delete(name)
    message = f"Voice '{gone.name}' deleted successfully"
    return {"id": gone.name, "object": "audio.voice.deleted", "deleted": True, "success": True, "message": message}


async def _fields(request: Request) -> tuple[dict[str, str], bytes | None, str | None]:
    """Of a form or a JSON body: its texts, and the recording with its type."""
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            body = await request.json()
        except (ValueError, RecursionError):
            raise Refusal(400, "the body is not JSON") from None
        if not isinstance(body, dict):
            raise Refusal(400, "the body must be a JSON object")
        return {key: value if isinstance(value, str) else json.dumps(value) for key, value in body.items()}, None, None
    form = await _form(request)
    texts = {key: value for key, value in form.items() if isinstance(value, str)}
    upload = form.get("audio_sample")
    if not isinstance(upload, UploadFile):
        return texts, None, None
    data = await upload.read()
    if len(data) > MAX_BYTES:
        raise Refusal(413, f"the recording is larger than {MAX_BYTES >> 20} MiB; cut it", "audio_sample")
    return texts, data, upload.content_type


async def _form(request: Request) -> FormData:
    try:
        return await request.form(max_files=2, max_fields=32)
    except HTTPException:
        raise
    except (ValueError, UnicodeError, KeyError, AssertionError) as error:
        raise Refusal(400, f"the form is damaged: {error}"[:200]) from None


def _vector(text: str) -> tuple[float, ...]:
    try:
        return embedding(NUMBERS.validate_json(text))
    except ValidationError:
        raise OptionError("speaker_embedding must be a JSON list of numbers") from None


def _created(voice: Saved) -> dict[str, Any]:
    kind = "prompt" if voice.notes.get("type") == "prompt" else "audio_sample"
    made = {"id": voice.name, "object": "audio.voice", "created_at": int(voice.created), "name": voice.name, "type": kind}
    made |= {"prompt": voice.notes["description"]} if kind == "prompt" else {}
    return made | {"success": True, "voice": _uploaded(voice)}


def _uploaded(voice: Saved) -> dict[str, Any]:
    notes = voice.notes
    source = "direct" if notes.get("type") == "speaker_embedding" else "audio"
    shown = {"name": voice.name, "consent": notes.get("consent"), "created_at": int(voice.created), "file_size": voice.size}
    shown |= {"mime_type": notes.get("mime_type"), "embedding_source": source}
    return shown | {key: notes[key] for key in ("ref_text", "speaker_description") if notes.get(key)}
