"""What a caller holds of speech that a scheduler makes: its chunks, when they came, and the way to end it."""

import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from ..chunks import AudioChunk
from ..stream import Utterance, UtteranceStream
from .inbox import Inbox
from .playback import Playback

CANCELLED = "cancelled"


@dataclass(slots=True)
class Timings:
    """Seconds since `submit`, None for what has not come.

    Attributes:
        queued: until its last row was let in.
        first: until its first chunk was there.
        done: until all chunks were.
        underruns: how often a chunk came after the audio before it was over.
        dry: seconds without audio in all of these.
    """

    queued: float | None = None
    first: float | None = None
    done: float | None = None
    underruns: int = 0
    dry: float = 0.0


@dataclass(slots=True)
class _Rows:
    reasons: list[str | None]
    lock: threading.Lock = field(default_factory=threading.Lock)


class LiveSpeech(UtteranceStream):
    """Chunks of one utterance (or of several), which is made whether or not they are taken, up to a bound.

    An iterator and an async iterator; use one of the two. `with` and `async with` end it early.

    Attributes:
        utterances, rate, seeds: as of any stream.
        timings: what was measured.
        playbacks: of each row, what a listener still has who plays it as it comes.
        inbox: where the scheduler puts its chunks.
    """

    def __init__(
        self, utterances: Sequence[Utterance], rate: int, inbox: Inbox, on_cancel: Callable[["LiveSpeech"], None],
        again: Callable[[Sequence[Utterance]], "LiveSpeech"], after: "LiveSpeech | None", asked: float, limit: float | None,
        patience: float | None,
    ) -> None:  # fmt: skip
        """Made by a scheduler at the time `asked`; see `Scheduler.stream`.

        `on_cancel` hears of `cancel`; `again` speaks other utterances in the same way.
        """
        self._asked, self._limit, self._patience = asked, limit, patience
        self._entered: set[int] = set()
        self.inbox, self.timings = inbox, Timings()
        self.playbacks = [Playback() for _ in utterances]
        if after is not None:  # rows of a long text end one by one, so it is not known which goes on: the scarcest counts
            ends = [playback.end for playback in after.playbacks if playback.end is not None]
            self.playbacks = [Playback(min(ends, default=None)) for _ in utterances]
        self._rows = _Rows([None] * len(utterances))
        self._anew, self._on_cancel = again, on_cancel
        super().__init__(self._taken(), threading.Event(), rate, utterances)

    @property
    def finish_reasons(self) -> list[str | None]:
        """Why each utterance ended, as of `AudioChunk`; or "cancelled". None before that, and after an error."""
        return list(self._rows.reasons)

    @property
    def finish_reason(self) -> str | None:
        """Of the first (mostly the only) utterance."""
        return self._rows.reasons[0]

    def entered(self, row: int, now: float) -> None:
        """For the scheduler, as all up to `expired`: a row was let in."""
        self._entered.add(row)
        if len(self._entered) == len(self.utterances):
            self.timings.queued = now - self._asked

    def heard(self, chunk: AudioChunk, now: float, dry: float) -> None:
        """A chunk is there, which a listener has waited for in silence for `dry` seconds."""
        t = self.timings
        t.first = now - self._asked if t.first is None else t.first
        t.underruns, t.dry = t.underruns + (dry > 0), t.dry + dry
        if chunk.finish_reason is not None and self._finished(chunk.row, chunk.finish_reason):
            t.done = now - self._asked
        self.inbox.put(chunk)
        if t.done is not None:
            self.inbox.end()

    def expired(self, now: float, ahead: float) -> str | None:
        """Why it must not go on, if that is so; `ahead` as of the scheduler."""
        if self._limit is not None and now - self._asked > self._limit:
            return f"the speech was not made within {self._limit:g} s: allow more time, or ask when there is less to do"
        stuck = any(self.inbox.waiting(row) > ahead for row in range(len(self.utterances)))
        if stuck and self._patience is not None and now - self.inbox.taken > self._patience:
            return f"no chunk was taken for {self._patience:g} s: read the stream, or close it"
        return None

    def _finished(self, row: int, reason: str) -> bool:
        """A row ended. True when it was the last one; the first reason counts."""
        with self._rows.lock:
            self._rows.reasons[row] = self._rows.reasons[row] or reason
            return None not in self._rows.reasons

    def again(self, utterances: Sequence[Utterance]) -> "LiveSpeech":
        return self._anew(utterances)

    def cancel(self) -> None:
        """Ends it: its rows are free within a frame, and there are no further chunks. Any thread may call it."""
        for row in range(len(self.utterances)):
            self._finished(row, CANCELLED)
        self._on_cancel(self)
        self.inbox.end(drop=True)

    def close(self) -> None:
        self.cancel()
        super().close()

    def _taken(self) -> Generator[AudioChunk, None, None]:
        while (chunk := self.inbox.take()) is not None:
            yield chunk

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AudioChunk:
        if (chunk := await self.inbox.atake()) is None:
            raise StopAsyncIteration
        return chunk

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: Any) -> None:
        self.cancel()
