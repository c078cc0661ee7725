"""Where speech comes from. All protocols speak through one `Source`; which one is chosen when the server starts."""

import threading
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from ..batching.scheduler import Scheduler
from ..chunks import AudioChunk
from ..model import Qwen3TTSModel


@dataclass(frozen=True, slots=True)
class Job:
    """One utterance: a call of a model.

    Attributes:
        model: that speaks.
        kind: custom_voice, voice_design or base.
        text: whole, or in pieces that are still coming.
        arguments: what else the call takes.
    """

    model: Qwen3TTSModel
    kind: str
    text: str | AsyncIterator[str]
    arguments: dict[str, Any] = field(default_factory=dict)

    def begin(self) -> AsyncGenerator[AudioChunk, None]:
        """The model's own stream of it."""
        calls = {
            "custom_voice": self.model.astream_custom_voice,
            "voice_design": self.model.astream_voice_design,
            "base": self.model.astream_voice_clone,
        }
        return calls[self.kind](self.text, **self.arguments)  # type: ignore[operator]


class Source(Protocol):
    """Makes speech."""

    @property
    def playing(self) -> int:
        """Utterances that are being spoken."""
        ...

    @property
    def waiting(self) -> int:
        """Utterances that are not yet."""
        ...

    def speak(self, job: Job) -> AsyncGenerator[AudioChunk, None]:
        """The chunks of one utterance. Closing it, or cancelling who waits for it, ends the work.

        Raises:
            BusyError: there is no room; asked again after `retry_after` there may be.
            QwenTTSError: what the model refuses.
        """
        ...

    def forget(self, model: Qwen3TTSModel) -> None:
        """The model is unloaded: nobody speaks through it, and nobody will. Told on the event loop: it must not wait."""
        ...

    def close(self) -> None:
        """Ends all speech, now."""
        ...


class Batched(Source):
    """All utterances of a model share its scheduler: they are spoken together, so many at once, and so many wait.

    Args:
        rows, queue: of each model's `Scheduler`.
    """

    def __init__(self, rows: int, queue: int) -> None:
        self._rows, self._queue = rows, queue
        self._schedulers: dict[int, Scheduler] = {}  # by the id of the model, which it outlives by nothing
        self._lock = threading.Lock()

    @property
    def playing(self) -> int:
        """Of all models."""
        return sum(scheduler.playing for scheduler in list(self._schedulers.values()))

    @property
    def waiting(self) -> int:
        """Of all models."""
        return sum(scheduler.waiting for scheduler in list(self._schedulers.values()))

    async def speak(self, job: Job) -> AsyncGenerator[AudioChunk, None]:
        shared = replace(job, model=job.model.shared(self._scheduler(job.model).stream))
        async with aclosing(shared.begin()) as chunks:
            async for chunk in chunks:
                yield chunk

    def forget(self, model: Qwen3TTSModel) -> None:
        with self._lock:
            scheduler = self._schedulers.pop(id(model), None)
        if scheduler is not None:
            scheduler.close(drain=False, wait=False)

    def close(self) -> None:
        """Ends all speech, now."""
        for scheduler in list(self._schedulers.values()):
            scheduler.close(drain=False)

    def _scheduler(self, model: Qwen3TTSModel) -> Scheduler:
        with self._lock:
            if id(model) not in self._schedulers:
                self._schedulers[id(model)] = Scheduler(model.engine, model.codec, self._rows, self._queue)
            return self._schedulers[id(model)]
