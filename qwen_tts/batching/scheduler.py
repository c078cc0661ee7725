"""Many requests share one model. They join and leave between frames; each sounds as it would alone with the same seed.

    submit ──> waiting ──> row of the engine ──> pending frames ──> codec ──> LiveSpeech
                 │  a thread steps all rows    │  other threads decode those that are due       │ its listener
                 └─ let in while nobody who listens runs dry (policy.py)                        └─ slow: its rows wait

Each thread does one thing: what one has made, another finds. All that they share is touched under one lock, and no work is
done under it. The codec is most of the work of a small model, and its threads share what threads PyTorch has; a GPU has one.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Self

import torch

from ..codec.codec import Codec
from ..cores import use_one_core
from ..engine import Engine
from ..errors import BusyError, ClosedError, LimitError, OptionError
from ..stream import RAMP, Utterance, UtteranceStream, check_schedule, row_sound
from ..talker.row import FrameRow
from . import policy
from .costs import Costs
from .inbox import Inbox
from .making import Making
from .row import Row
from .sounding import Sounding
from .speech import LiveSpeech

TICK = 0.25  # seconds between looks at what only the clock changes


class Scheduler:
    """Serves any number of threads and event loops. Close it, or use it in a `with` statement.

    Attributes:
        costs: what the work takes, as measured.
    """

    def __init__(
        self, engine: Engine, codec: Codec, rows: int = 16, queue: int = 64, *, ahead: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """
        Args:
            engine, codec: of one loaded model; others may use them too.
            rows: utterances that are spoken at once, at most.
            queue: utterances that may wait for a row; more are refused.
            ahead: seconds of audio that are kept for a listener who does not take them; then its rows wait.
            clock: seconds.
        Raises:
            OptionError: a number is too small.
        """
        if rows < 1 or queue < 0 or ahead <= 0:
            raise OptionError(f"rows must be at least 1, queue 0 and ahead above 0, not {rows}, {queue} and {ahead}")
        self._engine, self._codec, self._most, self._queue, self._ahead = engine, codec, rows, queue, ahead
        self._clock, self.costs, self._closed = clock, Costs(), False
        self._changed = threading.Condition(threading.RLock())
        self._rows: list[Row] = []  # all that are not over, in the order of their coming
        frame = codec.config.decode_upsample_rate / codec.config.output_sample_rate
        self._making = Making(engine, rows, frame, self.costs, clock, self._changed)
        self._sounding = Sounding(codec, self.costs, clock, self._changed)
        threads = torch.get_num_threads()
        on_cpu = codec.decoder.device.type == "cpu"
        self.costs.decoders = threads if on_cpu else 1
        self._ready = threading.Barrier(1 + self.costs.decoders)
        work = [self._make, *[self._sound] * self.costs.decoders]
        self._threads = [threading.Thread(target=each, name="qwen_tts", daemon=True) for each in work]
        for thread in self._threads:
            thread.start()
        self._ready.wait()
        torch.set_num_threads(threads)  # of threads to come: those above have set it to one

    @property
    def playing(self) -> int:
        """Utterances that have a row, or had one and are not decoded yet."""
        with self._changed:
            return sum(row.entered is not None for row in self._rows)

    @property
    def waiting(self) -> int:
        """Utterances that wait for a row."""
        with self._changed:
            return sum(row.entered is None for row in self._rows)

    def submit(self, utterance: Utterance, **how: Any) -> LiveSpeech:
        """As `stream`, for one utterance."""
        return self.stream([utterance], **how)

    def stream(
        self, utterances: Sequence[Utterance], schedule: Sequence[int] = RAMP, *, after: UtteranceStream | None = None,
        limit: float | None = None, patience: float | None = 60.0,
    ) -> LiveSpeech:  # fmt: skip
        """Begins to speak, as soon as there are free rows.

        Args:
            utterances: one a row.
            schedule: the most frames in the first chunk, the second ...; the last number holds for all that follow.
            after: speech of the same listener that this goes on from: it is never refused, and goes before others.
            limit: seconds from now until all of it must be made; None for no limit.
            patience: seconds that its rows wait for a listener who takes no chunks; None for ever.
        Raises:
            BusyError: the queue is full; `retry_after` says when to come again.
            ClosedError: the scheduler is closed.
            OptionError, TextError: something about the utterances or the schedule is not legal.
        """
        sizes, talker = check_schedule(schedule), self._engine.talker.config
        frames = [FrameRow(u.options, u.seed, talker.num_code_groups, talker.max_position_embeddings) for u in utterances]
        before = after if isinstance(after, LiveSpeech) else None
        speech: LiveSpeech
        speech = LiveSpeech(
            utterances, self._codec.config.output_sample_rate, Inbox(self._wake, self._clock), self._cancel,
            lambda anew: self.stream(anew, sizes, after=speech, limit=limit, patience=patience), before,
            self._clock(), limit, patience,
        )  # fmt: skip
        with self._changed:
            self._check_room(len(utterances), urgent=after is not None)
            for number, utterance in enumerate(utterances):
                sound = row_sound(self._codec, number, utterance)
                row = Row(speech, number, sizes, frames[number], sound, self._wake, urgent=after is not None)
                row.check()
                self._rows.append(row)
            self._changed.notify_all()
        return speech

    def _check_room(self, count: int, urgent: bool) -> None:
        if self._closed:
            raise ClosedError("the scheduler is closed: make another one")
        if count > self._most + self._queue or not count:
            raise OptionError(f"give 1 to {self._most + self._queue} utterances at once, not {count}")
        free = self._most - self.playing
        if not urgent and self.waiting + count > self._queue + max(0, free):
            seconds = policy.retry_after(self.waiting, self._most, self.costs)
            raise BusyError(f"{self.waiting} utterances are waiting already; try again in {seconds:.0f} s", seconds)

    def close(self, drain: bool = True, wait: bool = True) -> None:
        """Takes no more; with `drain` it speaks all it has to the end first, else all of it ends with ClosedError.

        Without `wait` its threads end by themselves, after what they are at: what an event loop can call.
        """
        with self._changed:
            self._closed = True
            if not drain:
                self._fail(list(self._rows), ClosedError("the scheduler was closed before this was spoken"))
            self._changed.notify_all()
        for thread in self._threads if wait else ():
            thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close(drain=False)

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _cancel(self, speech: LiveSpeech) -> None:
        with self._changed:
            self._end([row for row in self._rows if row.speech is speech])

    def _fail(self, rows: Iterable[Row], error: BaseException) -> None:
        """Ends the speech that these rows belong to."""
        speeches = {row.speech for row in rows}
        for speech in speeches:
            speech.inbox.end(error)
        self._end([row for row in self._rows if row.speech in speeches])

    def _end(self, rows: Sequence[Row]) -> None:
        for row in rows:
            row.end()
        self._rows = [row for row in self._rows if not row.over]
        self._changed.notify_all()

    def _make(self) -> None:
        """The thread that steps the engine."""
        while (work := self._next(self._making_work)) is not None:
            errors = work()
            with self._changed:
                for row, error in errors.items():
                    self._fail([row], error)
                self._changed.notify_all()

    def _sound(self) -> None:
        """A thread that decodes, by itself: two calls side by side are done sooner than one by two threads, and another."""
        use_one_core()
        self._ready.wait()
        while (work := self._next(self._sounding_work)) is not None:
            heard, errors = work()
            with self._changed:
                for row, error in errors.items():
                    self._fail([row], error)
                self._end([row for row in heard if row.sound.output.ended])

    def _making_work(self) -> Callable[[], dict[Row, BaseException]] | None:
        self._expire()
        if leaving := self._making.leaving():
            return partial(self._making.leave, leaving)
        held = {row for row in self._rows if row.speech.inbox.waiting(row.number) > self._ahead}
        entering, errors = self._making.choose(self._rows, held)
        for row, error in errors.items():
            self._fail([row], error)
        if entering := [row for row in entering if not row.over]:
            return partial(self._making.enter, entering)
        moving, errors = self._making.movable(held)
        for row, error in errors.items():
            self._fail([row], error)
        moving = {row: numbers for row, numbers in moving.items() if not row.over}
        return partial(self._making.step, moving) if moving else None

    def _sounding_work(self) -> Callable[[], tuple[list[Row], dict[Row, BaseException]]] | None:
        return self._sounding.choose(self._rows)

    def _next(self, choose: Callable[[], Any]) -> Any:
        """What a thread does next, waited for; None when all is done and the scheduler is closed."""
        with self._changed:
            while (work := choose()) is None:
                if self._closed and not self._rows:
                    return None
                self._changed.wait(TICK if self._rows else None)
            return work

    def _expire(self) -> None:
        now = self._clock()
        for speech in {row.speech for row in self._rows}:
            if (reason := speech.expired(now, self._ahead)) is not None:
                self._fail([row for row in self._rows if row.speech is speech], LimitError(reason))
