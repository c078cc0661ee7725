"""What leaves one row of a batch: chunks of audio, without the silence that does not end, at the speed that was asked for."""

import math
import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from .tempo import Tempo

SILENCE = 10 ** (-50 / 20)  # a frame whose root mean square is below -50 dB of full scale is silent
GRACE_SECONDS = 1.0  # of a silence that is always passed on: pauses of speech are shorter


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """A piece of one utterance; its chunks come in order, without gaps.

    Attributes:
        samples: float32 [n], -1..1. Empty only in a last chunk or, at another speed than 1, in a first one.
        rate: Hz.
        row: which utterance of the batch.
        first_frame, frames: the range of codec frames that it is.
        finish_reason: on the last chunk of the utterance, why it ended: "eos" (all is said), "length" (max_new_tokens or the
            model's context), "budget" (more audio than the text can need), "loop" (the same codes over and over), "silence".
        codes: of these frames, int64 [frames, Q].
    """

    samples: np.ndarray
    rate: int
    row: int
    first_frame: int
    frames: int
    finish_reason: str | None
    codes: np.ndarray


class ChunkStream(Iterator[AudioChunk]):
    """The chunks of all rows in turn, made when they are asked for. Use it in a `with` statement, or close it, to end early.

    Attributes:
        rate: of all chunks, Hz.
        seeds: of the rows.
        retries: how often speech that ran away may be made anew before it is passed on, by streams that can do that. They keep
            `seeds` and `tries` of the rows up to date.
    """

    def __init__(
        self, chunks: Generator[AudioChunk, None, None], closing: threading.Event, rate: int, seeds: Sequence[int]
    ) -> None:
        """`chunks` does the work, and ends soon after `closing` is set."""
        self.rate, self.seeds, self.tries, self.retries = rate, list(seeds), [1] * len(seeds), 0
        self._chunks, self._closing, self._turn = chunks, closing, threading.Lock()

    def __next__(self) -> AudioChunk:
        try:
            with self._turn:
                return next(self._chunks)
        finally:
            if self._closing.is_set():  # by another thread, which left this to whoever has the turn
                self.close()

    def close(self) -> None:
        """Ends the work and frees its memory; there are no further chunks. Any thread may call it.

        If another thread is waiting for a chunk, its work ends with the frame that is being made, and that thread frees it.
        """
        self._closing.set()
        if self._turn.acquire(blocking=False):
            try:
                self._chunks.close()
            finally:
                self._turn.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()


@dataclass(slots=True)
class OutputRow:
    """What leaves one row, frame by frame: listens for a silence that does not end.

    After the first second of a silence its frames are held back. They follow when the speech goes on; if the silence
    lasts too long, they are dropped and the row ends.
    """

    number: int
    rate: int
    samples: int  # of a frame
    max_silence: float | None  # seconds
    tempo: Tempo | None = None
    ended: bool = False
    sent: int = 0  # frames
    quiet: int = 0  # silent frames in a row
    held: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)

    def add(self, wave: np.ndarray, codes: np.ndarray, reason: str | None) -> AudioChunk | None:
        """Takes new frames and why the row ended, if it did; gives the chunk to pass on, if there is one.

        Args:
            wave: [n, samples].
            codes: [n, Q].
            reason: None while the row goes on.
        """
        out: list[tuple[np.ndarray, np.ndarray]] = []
        for frame in zip(wave, codes, strict=True):
            if math.sqrt(np.square(frame[0]).mean()) >= SILENCE:
                out += [*self.held, frame]
                self.held, self.quiet = [], 0
                continue
            self.quiet += 1
            seconds = self.quiet * self.samples / self.rate
            (self.held if self.max_silence is not None and seconds > GRACE_SECONDS else out).append(frame)
            if self.max_silence is not None and seconds >= self.max_silence:
                reason, self.held = "silence", []
                break
        if reason is not None:
            out, self.held, self.ended = out + self.held, [], True
        if not out and reason is None:
            return None
        first, self.sent = self.sent, self.sent + len(out)
        samples = np.concatenate([frame for frame, _ in out]) if out else np.zeros(0, np.float32)
        if self.tempo is not None:
            samples = self.tempo.add(samples, last=self.ended)
        kept = np.stack([code for _, code in out]) if out else codes[:0]
        return AudioChunk(samples, self.rate, self.number, first, len(out), reason, kept)
