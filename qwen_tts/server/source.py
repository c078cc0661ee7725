"""Where speech comes from. All protocols speak through one `Source`; which one is chosen when the server starts."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable
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

    def close(self) -> None:
        """Ends all speech, now."""


class Batched(Source):
    """All utterances of a model share its scheduler: they are spoken together, so many at once, and so many wait.

    Args:
        models: that will speak.
        rows, queue: of each model's `Scheduler`.
    """

    def __init__(self, models: Iterable[Qwen3TTSModel], rows: int, queue: int) -> None:
        self._schedulers = {id(model): Scheduler(model.engine, model.codec, rows, queue) for model in models}

    @property
    def playing(self) -> int:
        """Of all models."""
        return sum(scheduler.playing for scheduler in self._schedulers.values())

    @property
    def waiting(self) -> int:
        """Of all models."""
        return sum(scheduler.waiting for scheduler in self._schedulers.values())

    async def speak(self, job: Job) -> AsyncGenerator[AudioChunk, None]:
        shared = replace(job, model=job.model.shared(self._schedulers[id(job.model)].stream))
        async with aclosing(shared.begin()) as chunks:
            async for chunk in chunks:
                yield chunk

    def close(self) -> None:
        """Ends all speech, now."""
        for scheduler in self._schedulers.values():
            scheduler.close(drain=False)
