"""New voices, from a recording or from a description, for every protocol that can ask for one."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import TextError
from .callers import Caller
from .plan import SpeechRequest
from .recordings import Reference
from .refusals import Refusal
from .session import Session
from .voices import Saved, now

MAX_VOICES = 1000
SAYS = {
    "chinese": "你好，很高兴认识你。今天天气不错，我们一起出去走走吧。",
    "english": "Hello, it is nice to meet you. The weather is fine today, so let us go out for a walk.",
}


@dataclass(frozen=True, slots=True)
class Designed:
    """A voice made from a description, and what it was heard saying: float32 [N] at `rate`."""

    saved: Saved
    wave: np.ndarray
    rate: int


async def clone(session: Session, name: str, reference: Reference, notes: dict[str, Any], replace: bool = False) -> Saved:
    """Keeps the voice of a recording under a name.

    Raises:
        QwenTTSError: no base model, the name is taken or not legal, the recording cannot be cloned, or there are too many.
    """
    base = session.models.first("base")
    _room(session, name, replace)
    voice = await session.recordings.voice(session.models, base, reference)
    return await asyncio.to_thread(session.voices.save, name, voice, notes | {"created": now()}, replace)


async def design(
    session: Session, name: str, description: str, text: str | None, language: str | None, notes: dict[str, Any], caller: Caller
) -> Designed:
    """Makes up a voice from a description, lets it speak, and keeps what was heard as a voice to be cloned.

    Raises:
        QwenTTSError: as for `clone`; or no voice design model.
    """
    base = session.models.first("base", "a designed voice is kept for a Base model")
    plan = await session.plan(SpeechRequest(task="VoiceDesign", instruct=description, language=language), caller)
    _room(session, name)
    said = text if text is not None and text.strip() else SAYS.get(plan.arguments["language"] or "", SAYS["english"])
    parts = []
    async with aclosing(session.speak(plan, said, caller)) as chunks:
        async for chunk in chunks:
            parts.append(chunk.samples)
    wave, rate = np.concatenate(parts), plan.offer.rate
    if len(wave) < rate // 3:
        raise TextError("the designed voice said too little to be kept; give it a longer text")
    async with session.models.use(base) as model:
        (voice,) = await asyncio.to_thread(model.create_voice_clone_prompt, (wave, rate), said)
    notes = notes | {"created": now(), "description": description, "preview_text": said}
    return Designed(await asyncio.to_thread(session.voices.save, name, voice, notes), wave, rate)


def _room(session: Session, name: str, replace: bool = False) -> None:
    session.voices.free(name, replace)
    if len(session.voices.store.names()) >= MAX_VOICES:
        message = f"there are {MAX_VOICES} voices already; delete one first"
        raise Refusal(429, message, code="Throttling.AllocationQuota")
