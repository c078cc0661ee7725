"""The codec's side of a scheduler: whose frames are decoded now, and the chunks that come of it."""

from collections.abc import Callable, Sequence
from functools import partial

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
    """Used by one thread. What it decides is decided under the scheduler's lock, what takes time is done without."""

    def __init__(self, codec: Codec, costs: Costs, clock: Callable[[], float]) -> None:
        self._codec, self._costs, self._clock = codec, costs, clock
        self._groups = codec.config.decoder_config.num_quantizers

    def choose(self, rows: Sequence[Row]) -> Callable[[], Heard] | None:
        """Takes the frames that are to be decoded in one call; None if none are due."""
        now = self._clock()
        waiting = [row for row in rows if self._due(row, now)]
        if not waiting:
            return None
        keys = [(row.playback.left(now), min(row.size, len(row.pending))) for row in waiting]
        return partial(self._hear, [self._share(waiting[place]) for place in policy.together(keys, self._costs)])

    def _due(self, row: Row, now: float) -> bool:
        left = float("inf") if row.playback.end is None else row.playback.left(now)
        return policy.due(len(row.pending), row.size, left, row.frames.reason is not None, self._costs)

    def _share(self, row: Row) -> Share:
        taken, row.pending[: row.size] = row.pending[: row.size], []
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
        if frames := sum(len(codes) for _, codes, _ in shares):
            self._costs.sounded(frames, now - started)
        for (row, _, _), chunk in zip(shares, chunks, strict=True):
            if chunk is not None:
                self._deliver(row, chunk, now)
        return [row for row, _, _ in shares], {}

    def _deliver(self, row: Row, chunk: AudioChunk, now: float) -> None:
        row.chunks += 1
        dry = row.playback.add(len(chunk.samples) / chunk.rate, now)
        row.speech.heard(chunk, now, dry)
        if chunk.finish_reason is not None and row.entered is not None:
            self._costs.spoken(now - row.entered)
