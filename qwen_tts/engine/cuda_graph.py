"""Frames on a GPU: each is one replay of a CUDA graph, and the host reads one while the next is made.

    host    send numbers 0, replay | send numbers 1, replay | read frame 0 | send numbers 2, replay | read frame 1 | ..
    device                frame 0 ─────────────── frame 1 ─────────────────────────── frame 2 ──────────────── ..

A graph is for so many rows, so many cached positions and some sampling filters (`cuda_buckets.py`). Its rows are the first of
the memory, so a batch whose last rows have ended is computed as a smaller one. Where nothing is recorded (`NoCapture`), the
same functions run step by step.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields

import torch
from torch import Tensor

from ..prompt import Prompt
from ..sampling import SamplingOptions, SamplingPlan, SamplingRows
from ..talker.talker import Talker
from . import EngineState
from .cuda_buckets import PLACES, ROWS, Pool, bucket
from .cuda_capture import Capture, CudaCapture, NoCapture, Run
from .cuda_frame import FrameMemory, FrameModel, Plans

GREEDY = SamplingOptions(do_sample=False)
WIDTHS = (0, 64, 256)  # top-k filters are recorded for these; a greater one looks at all scores


@dataclass(eq=False)
class CudaState(EngineState):
    """The first rows of a memory, and what the host knows of them without asking the device.

    positions: of the rows in use, how many they have in the cache. lasts: their `last`. paused: those that wait.
    """

    memory: FrameMemory
    positions: dict[int, int] = field(default_factory=dict)
    lasts: dict[int, int] = field(default_factory=dict)
    paused: set[int] = field(default_factory=set)

    def moving(self) -> list[int]:
        return [row for row in self.positions if row not in self.paused]


class CudaGraphEngine:
    """See `Engine`. Memory and recordings outlive a state and serve the next one."""

    def __init__(
        self, talker: Talker, capture: Capture | None = None, *,
        rows: Sequence[int] = ROWS, places: Sequence[int] = PLACES, compiled: bool = False,
    ) -> None:  # fmt: skip
        """
        Args:
            talker: its parameters stay where they are from now on.
            capture: None for CUDA graphs; `NoCapture()` to run the same functions without, on any device.
            rows, places: ascending sizes that are recorded.
            compiled: fuse what lies around attention by torch.compile, which takes minutes before the first frame.
        """
        self.talker = talker
        self._model = FrameModel(talker, compiled=compiled)
        self._capture = CudaCapture(talker.codec_head.weight.device) if capture is None else capture
        self._rows, self._places = tuple(rows), tuple(places)
        self._pool: Pool[FrameMemory] = Pool(lambda rows, places: FrameMemory.empty(talker, rows, places))

    @torch.inference_mode()
    def init_state(self, batch: int, capacity: int) -> CudaState:
        with self._capture.working():
            # One place more: a row may be stepped once after its last frame, before the host has seen that it is.
            memory = self._pool.take(bucket(batch, self._rows), bucket(capacity + 1, self._places))
            for tensor in (memory.state.active, memory.state.frame, memory.state.cache.position):
                tensor.zero_()
        part = memory.state.first(batch)
        state = CudaState(**{f.name: getattr(part, f.name) for f in fields(part)}, memory=memory)
        for sampling in (state.talker_sampling, state.predictor_sampling):
            sampling.options[:] = [GREEDY] * batch
        self._pool.lend(memory, state)
        return state

    @torch.inference_mode()
    def prefill(
        self, state: EngineState, rows: Sequence[int], prompts: Sequence[Prompt],
        sampling: Sequence[tuple[SamplingOptions, SamplingOptions]],
    ) -> None:  # fmt: skip
        own = _own(state)
        starts = [prompt.embeddings[:-1] for prompt in prompts]
        longest = max(len(start) for start in starts)
        assert longest < state.cache.slots, "the prompt must fit the capacity that init_state was given"
        index = torch.empty(len(rows), dtype=torch.int64, device=state.pending.device)
        with self._capture.working():
            self._capture.send(torch.tensor(list(rows)), index)
            x = torch.nn.utils.rnn.pad_sequence(starts, batch_first=True)  # [n, L - 1, D]
            self._model.prefill(state.cache, index, x)
            for row, prompt, options in zip(rows, prompts, sampling, strict=True):
                self._begin(own, row, prompt, options)

    def _begin(self, state: CudaState, row: int, prompt: Prompt, sampling: tuple[SamplingOptions, SamplingOptions]) -> None:
        """All of a row but its keys and values."""
        last = min(prompt.trailing.shape[0] + 1, state.text.shape[1] - 1)
        state.pending[row] = prompt.embeddings[-1]
        state.text[row, 1:last], state.text[row, last] = prompt.trailing[: last - 1], prompt.pad
        state.paused.discard(row)
        state.positions[row], state.lasts[row] = prompt.embeddings.shape[0] - 1, last
        state.cache.position[row], state.last[row] = state.positions[row], last
        state.frame[row], state.seen[row], state.active[row] = 0, False, True
        state.talker_sampling.set(row, sampling[0])
        state.predictor_sampling.set(row, sampling[1])

    @torch.inference_mode()
    def feed(self, state: EngineState, row: int, text: Tensor) -> None:
        lasts = _own(state).lasts
        last = lasts[row]
        lasts[row] = last + 1
        with self._capture.working():
            state.text[row, last + 1] = state.text[row, last]
            state.text[row, last] = text
            state.last[row] = last + 1

    @torch.inference_mode()
    def launch(self, state: EngineState, uniforms: Tensor) -> Callable[[], Tensor]:
        """Begins `step`; the call that it returns waits for the codes. The next step may be begun before.

        So the host learns a frame late that a row has ended. The frame that such a row makes meanwhile means nothing.
        """
        own, batch = _own(state), state.active.shape[0]
        memory, moving = own.memory, own.moving()
        furthest = max((own.positions[row] for row in moving), default=0)
        assert furthest < memory.places, "rows must be released when they have filled their capacity"
        rows = bucket(max(moving, default=0) + 1, self._rows)
        reach = min(bucket(furthest + 1, self._places), memory.places)
        run = self._recording(memory, rows, reach, (_plan(state.talker_sampling), _plan(state.predictor_sampling)))
        self._capture.send(uniforms, memory.uniforms[:batch])
        run()
        for row in moving:
            own.positions[row] += 1
        return self._capture.fetch(memory.codes[:batch])

    def step(self, state: EngineState, uniforms: Tensor) -> Tensor:
        return self.launch(state, uniforms)()

    @torch.inference_mode()
    def pause(self, state: EngineState, rows: Sequence[int]) -> None:
        with self._capture.working():
            for row in rows:
                state.active[row] = False
        _own(state).paused.update(rows)

    @torch.inference_mode()
    def resume(self, state: EngineState, rows: Sequence[int]) -> None:
        with self._capture.working():
            for row in rows:
                state.active[row] = True
        _own(state).paused.difference_update(rows)

    @torch.inference_mode()
    def move(self, state: EngineState, row: int, target: EngineState, place: int) -> None:
        one, other = _own(state), _own(target)
        with self._capture.working():
            state.copy_row(row, target, place)
        other.positions[place], other.lasts[place] = one.positions[row], one.lasts[row]
        other.paused.discard(place)
        if row in one.paused:
            other.paused.add(place)
        self.release(state, [row])

    @torch.inference_mode()
    def release(self, state: EngineState, rows: Sequence[int]) -> None:
        own = _own(state)
        with self._capture.working():
            for row in rows:
                state.active[row], state.frame[row], state.cache.position[row] = False, 0, 0
                state.talker_sampling.options[row] = state.predictor_sampling.options[row] = GREEDY
                own.positions.pop(row, None)
                own.lasts.pop(row, None)
        own.paused.difference_update(rows)

    @torch.inference_mode()
    def prepare(self, batch: int, capacity: int, sampling: tuple[SamplingOptions, SamplingOptions]) -> None:
        """Records ahead what a state of these sizes needs while all its rows are in use, so that no frame waits for it."""
        state = self.init_state(batch, capacity)
        plans = _plan(SamplingRows([sampling[0]])), _plan(SamplingRows([sampling[1]]))
        largest = bucket(capacity + 1, self._places)
        for reach in [size for size in self._places if size < largest] + [largest]:
            self._recording(state.memory, bucket(batch, self._rows), reach, plans)

    def _recording(self, memory: FrameMemory, rows: int, reach: int, plans: Plans) -> Run:
        key = rows, reach, plans
        if key not in memory.recordings:
            state, uniforms, codes = memory.state.first(rows), memory.uniforms[:rows], memory.codes[:rows]
            memory.recordings[key] = self._capture.record(
                lambda: self._model.frame(state, uniforms, codes, reach, plans), memory.written()
            )
        return memory.recordings[key]


def _own(state: EngineState) -> CudaState:
    assert isinstance(state, CudaState), "a state that this engine's init_state made"
    return state


def _plan(rows: SamplingRows) -> SamplingPlan:
    """What the rows need, rounded up, so that few plans are recorded."""
    draws, widest, nucleus = rows.plan()
    return SamplingPlan(draws, next((w for w in WIDTHS if widest is not None and widest <= w), None), nucleus)


def without_graphs(talker: Talker) -> CudaGraphEngine:
    """The off switch: the same computation, launched kernel by kernel."""
    return CudaGraphEngine(talker, NoCapture())
