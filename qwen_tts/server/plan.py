"""From what a client wants to what a model is asked for: which model, which voice, which arguments. Speaks nothing."""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..arguments import instruction
from ..config import ModelConfig
from ..errors import TextError
from ..model import CANNOT_FOLLOW
from ..prompt import resolve_language
from ..stream import RAMP
from .models import Models, Offer
from .names import language_for
from .recordings import Recordings, Reference
from .refusals import Refusal
from .sound import Sound
from .voices import Voices

TASKS = {"CustomVoice": "custom_voice", "VoiceDesign": "voice_design", "Base": "base"}


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """What a client wants, but for the text. None leaves a thing to the server.

    Attributes:
        model: a name, of a model here or of a hosted service.
        task: of `TASKS`.
        voice: a preset speaker, a saved voice, or a name of a hosted service.
        reference: a voice that comes with the request.
        language: a name or a code.
        instruct: how to speak; for voice design, the voice.
        seed: the same seed gives the same speech.
        sampling: of `GenerationKeywords`.
        non_streaming_mode: the layout of the prompt.
        first_frames: in the first chunk.
        reading: whether numbers are written out and long texts divided.
        sound: how the audio is to be.
    """

    model: str | None = None
    task: str | None = None
    voice: str | None = None
    reference: Reference | None = None
    language: str | None = None
    instruct: str | None = None
    seed: int | None = None
    sampling: Mapping[str, Any] = field(default_factory=dict)
    non_streaming_mode: bool | None = None
    first_frames: int | None = None
    reading: bool | None = None
    sound: Sound = field(default_factory=Sound)


@dataclass(frozen=True, slots=True)
class Plan:
    """A request that can be spoken, as often as wanted.

    Attributes:
        name, offer, kind: which model, and what it does.
        voice: by which name it knows the voice; None for one without a name.
        arguments: of the call.
        seed: of the first utterance.
        ignored: what the client asked for and will not get; it must be told.
        reads: numbers are written out, so text that is coming is spoken sentence by sentence.
        sound: how the audio is to be.
    """

    name: str
    offer: Offer
    kind: str
    voice: str | None
    arguments: Mapping[str, Any]
    seed: int
    ignored: tuple[str, ...]
    reads: bool
    sound: Sound

    def with_seed(self, seed: int) -> "Plan":
        """The same with another seed."""
        return replace(self, seed=seed, arguments={**self.arguments, "seed": seed})


class Planner:
    """Plans requests for the models and voices of a server.

    Args:
        models, voices, recordings: of the server.
        longest: instruction that is taken, characters.
    """

    def __init__(self, models: Models, voices: Voices, recordings: Recordings, longest: int) -> None:
        self._models, self._voices, self._recordings, self._longest = models, voices, recordings, longest

    async def plan(self, request: SpeechRequest) -> Plan:
        """Finds model and voice, and checks all but the text.

        Raises:
            QwenTTSError: what is wrong with the request.
        """
        request.sound.check()
        request = replace(request, instruct=instruction(request.instruct))
        kind = self._kind(request)
        name = self._models.pick(request.model, kind)
        offer = self._models.offers[name]
        ignored, arguments, voice = [], {"language": language_for(request.language), **request.sampling}, None
        speaker = None
        if kind == "custom_voice":
            voice = speaker = self._voices.speaker(offer.config, request.voice)
            arguments["speaker"] = speaker
        elif kind == "base":
            voice, arguments["voice_clone_prompt"] = await self._cloned(name, request)
        elif request.voice is not None and not self._voices.is_default(request.voice):
            self._voices.known(request.voice)
            ignored.append("voice")
        resolve_language(offer.config, arguments["language"], speaker)
        ignored += self._instruct(request, offer.config, kind, arguments)
        seed = secrets.randbits(31) if request.seed is None else request.seed
        arguments |= {"seed": seed, "speed": request.sound.spoken_speed, "reading": request.reading}
        if request.non_streaming_mode is not None:
            arguments["non_streaming_mode"] = request.non_streaming_mode
        if request.first_frames is not None:
            arguments["schedule"] = (request.first_frames, *(size for size in RAMP if size > request.first_frames))
        reads = offer.config.tts_model_size == "tiny" if request.reading is None else request.reading
        return Plan(name, offer, kind, voice, arguments, seed, tuple(ignored), reads, request.sound)

    def _kind(self, request: SpeechRequest) -> str:
        """Which kind of model a request needs: what it says, else what its voice is, else what there is."""
        if request.task is not None:
            if request.task not in TASKS:
                raise Refusal(400, f"unknown task_type {request.task[:40]!r}; legal are {', '.join(TASKS)}", "task_type")
            return TASKS[request.task]
        if request.reference is not None:
            return "base"
        if (named := self._models.named(request.model)) is not None:
            return self._models.kind(named)
        self._models.check(request.model)
        return self._voices.kind(request.voice, request.instruct)

    async def _cloned(self, name: str, request: SpeechRequest) -> tuple[str | None, Any]:
        if request.reference is not None:
            return None, await self._recordings.voice(self._models, name, request.reference)
        return await asyncio.to_thread(self._voices.saved, request.voice)

    def _instruct(self, request: SpeechRequest, config: ModelConfig, kind: str, arguments: dict[str, Any]) -> list[str]:
        """Passes the instruction on to a model that follows one; else it is told to the client, who is served all the same."""
        wish = request.instruct
        if wish is not None and len(wish) > self._longest:
            raise TextError(f"the instructions have {len(wish)} characters; the limit is {self._longest}")
        if kind == "voice_design":
            if wish is None:
                raise Refusal(400, "VoiceDesign task requires 'instructions' to describe the voice", "instructions")
            arguments["instruct"] = wish
            return []
        if wish is not None and (kind == "base" or config.tts_model_size in CANNOT_FOLLOW):
            return ["instructions"]
        if kind == "custom_voice":
            arguments["instruct"] = wish
        return []
