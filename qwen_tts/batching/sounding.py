"""The codec's side of a scheduler: whose frames are decoded now, and the chunks that come of it."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..chunks import AudioChunk
from ..codec.codec import Codec
from ..sound import sound
from . import policy
from .caught import Caught
from .costs import Costs
from .row import Row

Heard = tuple[list[Row], dict[Row, BaseException]]
Share = tuple[Row, Tensor, str | None]  # frames [T, Q] of a row, and why they are the last


class Sounding:
    """Used by several threads. What is decided is decided under the scheduler's lock, what takes time is done without."""

    def __init__(self, codec: Codec, costs: Costs, clock: Callable[[], float], lock: AbstractContextManager[Any]) -> None:
        """`lock`: the scheduler's."""
        self._codec, self._costs, self._clock, self._lock = codec, costs, clock, lock
        self._frame = codec.config.decode_upsample_rate / codec.config.output_sample_rate
        self._groups = codec.config.decoder_config.num_quantizers

    def choose(self, rows: Sequence[Row]) -> Callable[[], Heard] | None:
        """Takes the frames that are to be decoded in one call; None if none are due."""
        now = self._clock()
        spoken = [row for row in rows if row.entered is not None]
        opening = policy.opening(len(spoken), self._frame, self._costs)
        free = [(row, _size(row, opening)) for row in spoken if not row.decoding]
        waiting = [(row, size) for row, size in free if self._due(row, size, now, len(spoken))]
        if not waiting:
            return None
        keys = [(row.playback.left(now), min(size, len(row.pending))) for row, size in waiting]
        calm = [row for row, size in free if row.playback.end is not None and (row, size) not in waiting]
        soon = min((left for row in calm if (left := row.playback.left(now)) > 0), default=float("inf"))
        return partial(self._hear, [self._share(*waiting[place]) for place in policy.together(keys, soon, self._costs)])

    def _due(self, row: Row, size: int, now: float, rows: int) -> bool:
        left = float("inf") if row.playback.end is None else row.playback.left(now)
        return policy.due(len(row.pending), size, left, row.frames.reason is not None, rows, self._costs)

    def _share(self, row: Row, size: int) -> Share:
        row.decoding = True
        taken, row.pending[:size] = row.pending[:size], []
        codes = torch.stack(taken) if taken else torch.zeros(0, self._groups, dtype=torch.int64)
        return row, codes, None if row.pending else row.frames.reason

    def _hear(self, shares: list[Share]) -> Heard:
        """Decodes; one by one where it fails together, so that each ends for its own error only."""
        started, caught = self._clock(), Caught()
        chunks: list[AudioChunk | None] = []
        with caught:
            chunks = sound(self._codec, [(row.sound, codes, reason) for row, codes, reason in shares])
        if caught.error is not None:
            if len(shares) == 1:
                return [], {shares[0][0]: caught.error}
            alone = [self._hear([share]) for share in shares]
            return [row for heard, _ in alone for row in heard], {r: e for _, errors in alone for r, e in errors.items()}
        now = self._clock()
        with self._lock:
            if frames := sum(len(codes) for _, codes, _ in shares):
                self._costs.sounded(frames, now - started)
            for (row, _, _), chunk in zip(shares, chunks, strict=True):
                row.decoding = False
                if chunk is not None:
                    self._deliver(row, chunk, now)
        return [row for row, _, _ in shares], {}

    def _deliver(self, row: Row, chunk: AudioChunk, now: float) -> None:
        row.chunks += 1
        dry = row.playback.add(len(chunk.samples) / chunk.rate, now)
        row.speech.heard(chunk, now, dry)
        if chunk.finish_reason is not None and row.entered is not None:
            self._costs.spoken(now - row.entered)


def _size(row: Row, opening: int) -> int:
    """The most frames in a row's next chunk: as its schedule says, or more in the first one beside many others."""
    return row.size if row.chunks else max(row.size, min(opening, max(row.schedule)))
