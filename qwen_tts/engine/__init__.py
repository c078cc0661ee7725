"""How a frame is computed: what every engine offers. `eager` is the reference; any other must give the same tokens.

A row is one utterance. Rows join (`prefill`), wait (`pause`), `move` and leave (`release`) between frames and stand at
different positions:

    prefill(row)   all of the prompt but its last position goes into the row's cache; the last one waits as `pending`
    step()         pending + next text -> talker -> code 0 -> code predictor -> codes; their embedding is the next `pending`

So every step is the same computation on tensors of fixed shape, which an engine may capture or replace as a whole.
An engine does not know when to stop: see `talker/frames.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from ..nn.kv_cache import KVCache
from ..prompt import Prompt
from ..sampling import SamplingOptions, SamplingRows
from ..talker.talker import Talker


@dataclass(slots=True)
class EngineState:
    """What B rows remember; updated in place. Rows that are not active mean nothing, or wait: `step` leaves them as they are.

    cache, predictor_cache: the transformers' pasts; only the first outlives a frame.
    pending: codec part of the next position, [B, D], in the talker's dtype.
    text: text part of the positions to come, [B, 2 + capacity, D]: place 0 is zero (the prompt's last position holds its
        text already), place 1 + g goes with frame g. It is read one place a step, so `feed` may add to it between steps.
    last: the place of `text` that goes with all later frames too (it holds tts_pad), int64 [B]. Places after it are never
        read: on a CPU they take no memory until they are written.
    frame: frames made since `prefill`, int64 [B].
    seen: code 0 values drawn so far, bool [B, V].
    active: rows that `step` moves on, bool [B]: those in use that are not paused.
    talker_sampling, predictor_sampling: how each row is sampled.
    """

    cache: KVCache
    predictor_cache: KVCache
    pending: Tensor
    text: Tensor
    last: Tensor
    frame: Tensor
    seen: Tensor
    active: Tensor
    talker_sampling: SamplingRows
    predictor_sampling: SamplingRows

    def first(self, rows: int) -> "EngineState":
        """The first rows, as views; but the caches' `high` are copies."""
        return EngineState(
            cache=self.cache.first(rows),
            predictor_cache=self.predictor_cache.first(rows),
            pending=self.pending[:rows],
            text=self.text[:rows],
            last=self.last[:rows],
            frame=self.frame[:rows],
            seen=self.seen[:rows],
            active=self.active[:rows],
            talker_sampling=self.talker_sampling.first(rows),
            predictor_sampling=self.predictor_sampling.first(rows),
        )

    def copy_row(self, row: int, target: "EngineState", place: int) -> None:
        """Writes a row over row `place` of `target`, which has room for what the row has used so far."""
        self.cache.copy_row(row, target.cache, place)
        end = int(self.last[row]) + 1
        target.text[place, :end] = self.text[row, :end]
        for name in ("pending", "last", "frame", "seen", "active"):
            getattr(target, name)[place] = getattr(self, name)[row]
        target.talker_sampling.set(place, self.talker_sampling.options[row])
        target.predictor_sampling.set(place, self.predictor_sampling.options[row])


class Engine(Protocol):
    """Rows are numbered 0 .. B - 1."""

    @property
    def talker(self) -> Talker: ...

    def init_state(self, batch: int, capacity: int) -> EngineState:
        """Room for `batch` rows of at most `capacity` positions (prompt and frames), all free."""
        ...

    def prefill(
        self, state: EngineState, rows: Sequence[int], prompts: Sequence[Prompt],
        sampling: Sequence[tuple[SamplingOptions, SamplingOptions]],
    ) -> None:  # fmt: skip
        """Puts an utterance into each of the given rows, whatever they held before.

        `sampling` holds the options of code 0 and of the other codes, a pair a row.
        """
        ...

    def feed(self, state: EngineState, row: int, text: Tensor) -> None:
        """Adds the embedding [D] of one more text id to a row, after all that it has: the next step to read pads reads it."""
        ...

    def step(self, state: EngineState, uniforms: Tensor) -> Tensor:
        """The next frame of every active row from fp32 random numbers [B, Q] in [0, 1): codes, int64 [B, Q].

        Where column 0 is the talker's `codec_eos_token_id`, the row has ended and the rest of it means nothing. Only rows up
        to the last active one need be computed, so a step of few rows costs less if they are the first ones.
        """
        ...

    def pause(self, state: EngineState, rows: Sequence[int]) -> None:
        """Lets rows in use stand still from the next step on."""
        ...

    def resume(self, state: EngineState, rows: Sequence[int]) -> None:
        """Lets paused rows go on as if there had been no pause."""
        ...

    def move(self, state: EngineState, row: int, target: EngineState, place: int) -> None:
        """Row `row` goes on (or stays paused) as row `place` of `target`, which may be the same state, and is free itself."""
        ...

    def release(self, state: EngineState, rows: Sequence[int]) -> None:
        """Frees rows; they stand still until `prefill` fills them again."""
        ...
