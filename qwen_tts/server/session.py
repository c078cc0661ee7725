"""THE session: what every protocol asks for speech through.

SpeechRequest ── plan ──> Plan (model, voice, arguments; or an error) ── speak ──> chunks     ── heard ──> bytes
                                                             text, whole or coming in ┘
"""

import asyncio
import secrets
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from ..arguments import instruction
from ..chunks import AudioChunk
from ..config import ModelConfig
from ..errors import QwenTTSError, TextError
from ..model import CANNOT_FOLLOW, Qwen3TTSModel
from ..prompt import resolve_language
from ..stream import RAMP
from ..voice_store import VoiceStore
from .callers import Caller, Usage
from .logs import log
from .metrics import Metrics, Watch
from .models import Models, Offer
from .names import language_for
from .recordings import Recordings, Reference
from .refusals import BROKEN, STOPPING, Refusal, answer
from .sentences import by_sentence, in_turn
from .settings import Settings
from .sound import Sound, recorded
from .source import Job, Source
from .spool import Spool
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


class Session:
    """A server's models, voices, limits and counters.

    Args:
        models: that speak.
        store: of voices.
        source: that makes the speech.
        settings: limits.
    """

    def __init__(self, models: Models, store: VoiceStore, source: Source, settings: Settings) -> None:
        self.models, self.source, self.settings = models, source, settings
        self.voices = Voices(models, store)
        self.recordings = Recordings(settings.allow_private)
        self.metrics = Metrics(lambda: source.playing, lambda: source.waiting)
        self.usage, self.spool = Usage(), Spool()
        self.stopping = False
        self._speaking = 0

    async def plan(self, request: SpeechRequest, caller: Caller, text: str | None = None) -> Plan:
        """Finds model and voice, and checks all that can be checked; the text, too, if it is there already.

        Raises:
            QwenTTSError: what is wrong with the request, which is counted.
        """
        try:
            if text is not None:
                self._check(text)
            return await self._planned(request)
        except QwenTTSError:
            self.metrics.requests.labels(caller.protocol, "refused").inc()
            raise

    async def _planned(self, request: SpeechRequest) -> Plan:
        request.sound.check()
        request = replace(request, instruct=instruction(request.instruct))
        kind = self._kind(request)
        name = self.models.pick(request.model, kind)
        offer = self.models.offers[name]
        ignored, arguments, voice = [], {"language": language_for(request.language), **request.sampling}, None
        speaker = None
        if kind == "custom_voice":
            voice = speaker = self.voices.speaker(offer.config, request.voice)
            arguments["speaker"] = speaker
        elif kind == "base":
            voice, arguments["voice_clone_prompt"] = await self._cloned(name, request)
        elif request.voice is not None and not self.voices.is_default(request.voice):
            self.voices.known(request.voice)
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
        if (named := self.models.named(request.model)) is not None:
            return self.models.kind(named)
        self.models.check(request.model)
        return self.voices.kind(request.voice, request.instruct)

    async def _cloned(self, name: str, request: SpeechRequest) -> tuple[str | None, Any]:
        if request.reference is not None:
            return None, await self.recordings.voice(self.models, name, request.reference)
        return await asyncio.to_thread(self.voices.saved, request.voice)

    def _instruct(self, request: SpeechRequest, config: ModelConfig, kind: str, arguments: dict[str, Any]) -> list[str]:
        """Passes the instruction on to a model that follows one; else it is told to the client, who is served all the same."""
        wish = request.instruct
        if wish is not None and len(wish) > self.settings.max_text:
            raise TextError(f"the instructions have {len(wish)} characters; the limit is {self.settings.max_text}")
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

    def _check(self, text: str) -> None:
        if not text.strip():
            raise TextError("Input text cannot be empty")
        if len(text) > self.settings.max_text:
            raise TextError(f"the text has {len(text)} characters; the limit is {self.settings.max_text}: send it in parts")

    async def speak(self, plan: Plan, text: str | AsyncIterator[str], caller: Caller) -> AsyncGenerator[AudioChunk, None]:
        """Speaks; only the last chunk has a finish reason. Close it, or cancel who waits for it, to end the work.

        Raises:
            QwenTTSError: what is wrong with the text, or that there is no room; or that something failed which nobody foresaw.
        """
        watch, outcome, reason = Watch(self.metrics, plan.sound.length), "failed", None
        said: list[str] = []
        self._speaking += 1
        try:
            if self.stopping:
                raise Refusal(503, STOPPING, retry_after=1)
            if isinstance(text, str):
                self._check(text)
                said.append(text)
            else:
                text = self._checked(text, said)
            with self.usage.speaking(caller):
                async with aclosing(self._limited(plan, text)) as chunks:
                    async for chunk in chunks:
                        watch.chunk(chunk)
                        reason = chunk.finish_reason
                        if reason is not None:
                            outcome = "ok"
                            self.metrics.finished.labels(plan.name, reason).inc()
                        yield chunk
        except QwenTTSError as error:
            outcome = f"refused {answer(error).status}"
            raise
        except (asyncio.CancelledError, GeneratorExit):
            outcome = "ok" if outcome == "ok" else "cancelled"
            raise
        except Exception as error:
            log("error", 40, request_id=caller.request_id, error=repr(error), trace=traceback.format_exc())
            raise Refusal(500, BROKEN) from error
        finally:
            self._speaking -= 1
            self._report(plan, "".join(said), caller, watch, outcome, reason)

    async def heard(self, plan: Plan, text: str | AsyncIterator[str], caller: Caller) -> AsyncGenerator[bytes, None]:
        """Speaks, in the bytes that the client wants."""
        async with aclosing(recorded(self.speak(plan, text, caller), plan.sound, plan.offer.rate)) as parts:
            async for part in parts:
                yield part

    def close(self) -> None:
        """Ends all speech, now, and removes what was only for this session."""
        self.source.close()
        self.spool.close()
        self.recordings.close()

    async def idle(self) -> None:
        """Waits until nobody speaks."""
        while self._speaking:
            await asyncio.sleep(0.05)

    async def _limited(self, plan: Plan, text: str | AsyncIterator[str]) -> AsyncGenerator[AudioChunk, None]:
        """Ends speech that becomes longer than one request may get."""
        left = self.settings.max_seconds / plan.sound.length
        async with self.models.use(plan.name) as model, aclosing(self._spoken(plan, model, text)) as chunks:
            async for chunk in chunks:
                left -= len(chunk.samples) / chunk.rate
                if left <= 0 and chunk.finish_reason is None:
                    yield replace(chunk, finish_reason="length")
                    return
                yield chunk

    def _spoken(self, plan: Plan, model: Qwen3TTSModel, text: str | AsyncIterator[str]) -> AsyncGenerator[AudioChunk, None]:
        def begin(part: str | AsyncIterator[str], number: int) -> AsyncGenerator[AudioChunk, None]:
            arguments = {**plan.arguments, "seed": plan.seed + number}
            if not isinstance(part, str):
                arguments |= {"reading": None}
                arguments.pop("non_streaming_mode", None)
            return self.source.speak(Job(model, plan.kind, part, arguments))

        if isinstance(text, str) or not plan.reads:
            return begin(text, 0)
        return in_turn(by_sentence(text, plan.arguments["language"]), begin)

    async def _checked(self, pieces: AsyncIterator[str], said: list[str]) -> AsyncGenerator[str, None]:
        """Passes the pieces on, and notes them, as long as they are not too many."""
        left = self.settings.max_text
        async for piece in pieces:
            left -= len(piece)
            if left < 0:
                raise TextError(f"the text has more than {self.settings.max_text} characters: send it in parts")
            said.append(piece)
            yield piece

    def _report(self, plan: Plan, text: str, caller: Caller, watch: Watch, outcome: str, reason: str | None) -> None:
        self.metrics.requests.labels(caller.protocol, outcome.partition(" ")[0]).inc()
        self.metrics.characters.inc(len(text) if watch.heard else 0)
        log(
            "speech", request_id=caller.request_id, protocol=caller.protocol, key=caller.key and caller.key.name,
            model=plan.name, voice=plan.voice, characters=len(text), outcome=outcome, finish_reason=reason,
            first_seconds=None if watch.first is None else round(watch.first, 4), audio_seconds=round(watch.heard, 3),
            underruns=watch.underruns, seed=plan.seed,
            text=text if self.settings.log_text else None,
        )  # fmt: skip
