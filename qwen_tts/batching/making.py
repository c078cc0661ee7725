"""The engine's side of a scheduler: who is let in, who moves, and the frames that come of it."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from torch import Tensor

from ..engine import Engine
from ..sampling import SamplingOptions
from . import policy
from .caught import Caught
from .costs import Costs
from .engine_rows import EngineRows
from .row import Row

Errors = dict[Row, BaseException]
BACKLOG = 2  # of its largest chunks: so far may a row be ahead of the codec


class Making:
    """Used by one thread. What it decides is decided under the scheduler's lock, what takes time is done without."""

    def __init__(
        self,
        engine: Engine,
        most: int,
        frame: float,
        costs: Costs,
        clock: Callable[[], float],
        lock: AbstractContextManager[Any],
    ) -> None:
        """`frame`: seconds of audio in one. `lock`: the scheduler's."""
        self._lock = lock
        self._eos = engine.talker.config.codec_eos_token_id
        self._places: EngineRows[Row] = EngineRows(engine, most)
        self._most, self._frame, self._costs, self._clock = most, frame, costs, clock

    def leaving(self) -> list[Row]:
        """Whose places are to be freed: they are over, or make no more frames."""
        return [row for row in self._places.members if row.over or row.frames.reason is not None]

    def leave(self, rows: Sequence[Row]) -> Errors:
        """Frees places."""
        self._places.leave(rows)
        return {}

    def choose(self, rows: Sequence[Row], held: set[Row]) -> tuple[list[Row], Errors]:
        """Who is let in now, and who cannot be spoken."""
        ready, errors = [], {}
        for row in rows:
            caught = Caught()
            with caught:
                if row.entered is None and row.prompt is not None:
                    row.frames.begin(row.prompt)
                    ready.append(row)
            if caught.error is not None:
                errors[row] = caught.error
        now, free = self._clock(), self._most - len(self._places.members)
        busy = [row for row in self._places.members if row not in held and not row.waits_for_text]
        playing = [row for row in busy if row.playback.end is not None]
        lefts = [row.playback.left(now) + len(row.pending) * self._frame for row in playing]
        entering: list[Row] = []
        positions = 0
        for row in sorted(ready, key=lambda row: not row.urgent)[:free]:  # a stable order: first come, first served
            positions += len(row.prompt.embeddings) if row.prompt is not None else 0
            others = len(busy) + len(entering)
            if not row.urgent and not policy.may_enter(lefts, positions, others, self._frame, self._costs):
                break
            entering.append(row)
        return entering, errors

    def enter(self, rows: Sequence[Row]) -> Errors:
        """Puts prompts into the engine; side by side, or one by one where that fails."""
        started, caught = self._clock(), Caught()
        prompts = [row.prompt for row in rows]
        with caught:
            self._places.enter(rows, [p for p in prompts if p is not None], [_sampling(row) for row in rows])
        if caught.error is not None:
            return {rows[0]: caught.error} if len(rows) == 1 else {r: e for row in rows for r, e in self.enter([row]).items()}
        now = self._clock()
        self._costs.prefilled(sum(len(p.embeddings) for p in prompts if p is not None), now - started)
        for row in rows:
            row.entered = now
            row.speech.entered(row.number, now)
        return {}

    def movable(self, held: set[Row]) -> tuple[dict[Row, Tensor | None], Errors]:
        """Who moves by a frame now, with the text id that it reads if one must be fed first; and whose text failed."""
        moving: dict[Row, Tensor | None] = {}
        errors: Errors = {}
        for row in self._places.members:
            full = len(row.pending) >= BACKLOG * max(row.schedule)
            if full or row in held or row.waits_for_text:
                continue
            caught = Caught()
            with caught:
                moving[row] = row.next_text()
            if caught.error is not None:
                errors[row] = caught.error
        return moving, errors

    def step(self, moving: dict[Row, Tensor | None]) -> Errors:
        """The next frame of these rows. If the engine fails, all that are in it end, and it begins anew."""
        started, caught = self._clock(), Caught()
        with caught:
            for row, text in moving.items():
                if text is not None:
                    self._places.feed(row, text)
            made = self._places.step({row: row.frames.numbers() for row in moving})
            self._costs.stepped(len(moving), self._clock() - started)
            with self._lock:
                self._take(made.items())
        if caught.error is None:
            return {}
        everybody = dict.fromkeys(self._places.members, caught.error)
        self._places.clear()
        return everybody

    def _take(self, made: Iterable[tuple[Row, Tensor]]) -> None:
        for row, codes in made:
            if row.frames.add(int(codes[0]), self._eos):
                row.pending.append(codes)


def _sampling(row: Row) -> tuple[SamplingOptions, SamplingOptions]:
    return row.utterance.options.talker, row.utterance.options.predictor
