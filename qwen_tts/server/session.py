"""THE session: what every protocol asks for speech through.

SpeechRequest ── plan ──> Plan (or an error) ── speak ──> chunks ── heard ──> bytes
                      text, whole or coming in ─┘
"""

import asyncio
import traceback
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace

from ..chunks import AudioChunk
from ..errors import QwenTTSError, TextError
from ..model import Qwen3TTSModel
from ..voice_store import VoiceStore
from .callers import Caller, Usage
from .logs import log
from .metrics import Metrics, Watch
from .models import Models
from .plan import Plan, Planner, SpeechRequest
from .recordings import Recordings
from .refusals import BROKEN, STOPPING, Refusal, answer
from .sentences import by_sentence, in_turn
from .settings import Settings
from .sound import recorded
from .source import Job, Source
from .spool import Spool
from .voices import Voices


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
        self._planner = Planner(models, self.voices, self.recordings, settings.max_text)
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
            return await self._planner.plan(request)
        except QwenTTSError:
            self.metrics.requests.labels(caller.protocol, "refused").inc()
            raise

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
        self.models.close()

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
