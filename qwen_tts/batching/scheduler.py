"""Many requests share one model. They join and leave between frames; each sounds as it would alone with the same seed.

submit ──> queue ──> row of the engine ──> frames ──> codec ──> LiveSpeech, an iterator and an async iterator
"""

import threading
import time
from collections.abc import Sequence
from typing import Any

from ..codec.codec import Codec
from ..engine import Engine
from ..errors import BusyError, ClosedError, QwenTTSError
from ..stream import RAMP, AudioStream, Utterance, check_schedule
from .speech import LiveSpeech


class Scheduler:
    """Serves any number of threads and event loops. Close it, or use it in a `with` statement."""

    def __init__(self, engine: Engine, codec: Codec, rows: int = 16, queue: int = 64) -> None:
        """
        Args:
            engine, codec: of one loaded model; others may use them too.
            rows: utterances that are spoken at once, at most.
            queue: utterances that may wait for a row; more are refused.
        """
        self._engine, self._codec, self._rows, self._queue = engine, codec, rows, queue
        self._lock, self._free, self._closed = threading.Lock(), threading.Semaphore(rows), False
        self._threads: dict[threading.Thread, LiveSpeech] = {}

    def submit(self, utterance: Utterance, **how: Any) -> LiveSpeech:
        """As `stream`, for one utterance."""
        return self.stream([utterance], **how)

    def stream(
        self, utterances: Sequence[Utterance], schedule: Sequence[int] = RAMP, *, after: LiveSpeech | None = None,
        limit: float | None = None, patience: float | None = 60.0,
    ) -> LiveSpeech:  # fmt: skip
        """Begins to speak, as soon as there are free rows.

        Args:
            utterances: one a row.
            schedule: the most frames in the first chunk, the second ...; the last number holds for all that follow.
            after: speech of the same listener that this goes on from: it is never refused, and goes before others.
            limit: seconds until all of it must be made; None for no limit.
            patience: seconds that its rows are kept while nobody takes the chunks; None for ever.
        Raises:
            BusyError: the queue is full; `retry_after` says when to come again.
            ClosedError: the scheduler is closed.
            OptionError: the schedule makes no sense.
        """
        check_schedule(schedule)
        rate = self._codec.config.output_sample_rate
        speech = LiveSpeech(utterances, rate, lambda us: self.stream(us, schedule), lambda speech: None)
        with self._lock:
            if self._closed:
                raise ClosedError("the scheduler is closed: make another one")
            if len(self._threads) >= self._rows + self._queue and after is None:
                raise BusyError(f"{self._queue} utterances are waiting already; try again in 1 s", 1.0)
            thread = threading.Thread(target=self._speak, args=(speech, schedule), name="qwen_tts")
            self._threads[thread] = speech
            thread.start()
        return speech

    def close(self, drain: bool = True) -> None:
        """Takes no more; with `drain` it speaks all it has to the end first, else all of it ends with ClosedError."""
        with self._lock:
            self._closed, threads = True, dict(self._threads)
        for thread, speech in threads.items():
            if not drain:
                speech.inbox.end(ClosedError("the scheduler was closed"), drop=True)
                speech.cancel()
            thread.join()

    def __enter__(self) -> "Scheduler":
        return self

    def __exit__(self, *error: Any) -> None:
        self.close(drain=False)

    def _speak(self, speech: LiveSpeech, schedule: Sequence[int]) -> None:
        started, t = time.monotonic(), speech.timings
        try:
            with self._free, AudioStream(self._engine, self._codec, speech.utterances, schedule) as chunks:
                t.queued = time.monotonic() - started
                for chunk in chunks:
                    t.first = t.first or time.monotonic() - started
                    if None not in speech.finish_reasons:
                        break
                    if chunk.finish_reason is not None:
                        speech.finished(chunk.row, chunk.finish_reason)
                    speech.inbox.put(chunk)
            speech.inbox.end()
        except QwenTTSError as error:
            speech.inbox.end(error)
        finally:
            t.done = time.monotonic() - started
            with self._lock:
                del self._threads[threading.current_thread()]
