"""The events of DashScope's realtime protocol, as dicts. Which comes when, `dashscope_realtime` knows."""

import base64
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from .dashscope import characters, unique
from .plan import SpeechRequest
from .recordings import Reference
from .sound import Sound

LARGEST = 96 * 1024  # bytes of audio in one event, an even number: strict clients refuse events above 256 KiB
Event = dict[str, Any]


class SessionFields(BaseModel):
    """What `session.update` may hold; fields beyond these are passed over, and named in the reply."""

    model_config = ConfigDict(extra="allow")

    voice: str | None = Field(None, max_length=256)
    mode: Literal["server_commit", "commit"] = "server_commit"
    language_type: str = Field("Auto", max_length=64)
    response_format: Literal["pcm", "wav", "mp3", "opus"] = "pcm"
    sample_rate: Literal[8000, 16000, 22050, 24000, 44100, 48000] = 24_000
    speech_rate: float = Field(1.0, ge=0.5, le=2)
    volume: float = Field(50, ge=0, le=100)
    pitch_rate: float = Field(1.0, ge=0.5, le=2)
    bit_rate: int = Field(128, ge=6, le=510)
    instructions: str | None = None
    optimize_instructions: bool | None = None
    enable_tn: bool | None = None
    seed: int | None = Field(None, ge=0, lt=2**63)

    def request(self, model: str, reference: Reference | None = None) -> SpeechRequest:
        """What is wanted; `volume` 50 leaves the sound as it is."""
        sound = Sound(
            self.response_format, self.sample_rate, self.bit_rate * 1000, self.speech_rate, self.pitch_rate, self.volume / 50
        )
        return SpeechRequest(
            model, voice=self.voice, reference=reference, language=self.language_type, instruct=self.instructions,
            seed=self.seed, reading=self.enable_tn, sound=sound,
        )  # fmt: skip

    def unheard(self) -> list[str]:
        """Fields that mean nothing here."""
        return sorted(self.model_extra or {}) + ["optimize_instructions"] * bool(self.optimize_instructions)

    def shown(self) -> Event:
        """As both session events show it."""
        names = ("voice", "mode", "language_type", "response_format", "sample_rate")
        return {name: getattr(self, name) for name in names}


def event(kind: str, **fields: Any) -> Event:
    """An event of this type."""
    return {"event_id": unique("event"), "type": kind, **fields}


def error(code: str, message: str) -> Event:
    """What was wrong; the session goes on."""
    return event("error", error={"code": code, "message": message, "type": "invalid_request_error"})


class Response:
    """The events of one response.

    Args:
        voice: as the client called it.
    """

    def __init__(self, voice: str) -> None:
        self._voice, self._id, self._item = voice, unique("resp"), unique("item")
        self._place = {"response_id": self._id, "item_id": self._item, "output_index": 0, "content_index": 0}

    def begin(self) -> Iterator[Event]:
        """Before the audio."""
        yield event("response.created", response=self._response("in_progress") | {"output": []})
        item = self._message("in_progress") | {"content": []}
        yield event("response.output_item.added", response_id=self._id, output_index=0, item=item)
        yield event("response.content_part.added", **self._place, part={"type": "audio", "text": ""})

    def audio(self, data: bytes) -> Iterator[Event]:
        """A piece of audio, in as many events as it needs."""
        for start in range(0, len(data), LARGEST):
            delta = base64.b64encode(data[start : start + LARGEST]).decode()
            yield event("response.audio.delta", **self._place, delta=delta)

    def end(self, text: str, status: str) -> Iterator[Event]:
        """After the audio; `status` is completed, incomplete or failed."""
        yield event("response.audio.done", **self._place)
        yield event("response.content_part.done", **self._place, part={"type": "audio", "text": ""})
        item = self._message(status) | {"content": [{"type": "audio", "text": ""}]}
        yield event("response.output_item.done", response_id=self._id, output_index=0, item=item)
        done = self._response(status) | {"modalities": ["text", "audio"]}
        done["output"] = [self._message(status) | {"content": [{"type": "audio", "transcript": ""}]}]
        yield event("response.done", response=done | {"usage": {"characters": characters(text)}})

    def _response(self, status: str) -> Event:
        named = {"id": self._id, "object": "realtime.response", "conversation_id": "", "status": status}
        return named | {"voice": self._voice}

    def _message(self, status: str) -> Event:
        return {"id": self._item, "object": "realtime.item", "type": "message", "status": status, "role": "assistant"}
