"""The GPU engine on a CPU, with CUDA graphs acted out: the tokens of the reference, and nothing that a graph cannot hold."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from fake_capture import CaptureError, FakeCapture
from torch import Tensor

from qwen_tts.engine.choose import choose_engine
from qwen_tts.engine.cuda_capture import NoCapture
from qwen_tts.engine.cuda_frame import FrameModel
from qwen_tts.engine.cuda_graph import CudaGraphEngine, CudaState
from qwen_tts.engine.cuda_layers import Stack, enter, leave, side_by_side
from qwen_tts.engine.eager import EagerEngine
from qwen_tts.errors import OptionError
from qwen_tts.prompt import Prompt
from qwen_tts.sampling import SamplingOptions
from qwen_tts.talker.frames import GenerationOptions, generate_frames
from tests import utterances

GREEDY = (SamplingOptions(do_sample=False), SamplingOptions(do_sample=False))
SAMPLED = (SamplingOptions(repetition_penalty=1.05), SamplingOptions(top_k=0, top_p=0.9))
WARM = (SamplingOptions(temperature=1.5, top_k=0, repetition_penalty=1.3), SamplingOptions(top_k=3))
LAYOUTS = [  # prompt, options
    (utterances.prompt(3), WARM),
    (utterances.prompt(17), GREEDY),
    (utterances.prompt(9, streaming_text=False), SAMPLED),
    (utterances.prompt(5, speaker="serena"), WARM),
]
ROWS, PLACES = (1, 2, 4), (20, 32, 64)


@pytest.fixture(scope="module")
def eager() -> EagerEngine:
    return EagerEngine(utterances.talker())


@pytest.fixture(scope="module")
def capture() -> FakeCapture:
    return FakeCapture()


@pytest.fixture(scope="module")
def engine(capture: FakeCapture) -> CudaGraphEngine:
    return CudaGraphEngine(deepcopy(utterances.talker()), capture, rows=ROWS, places=PLACES)


class Pair:
    """The same calls on both engines; each step compares the rows in use."""

    def __init__(self, one: EagerEngine, other: CudaGraphEngine, batch: int, capacity: int = 60, seed: int = 0) -> None:
        self.engines, self.rows = (one, other), set[int]()
        self.states = [e.init_state(batch, capacity) for e in self.engines]
        self.batch, self.generator = batch, torch.Generator().manual_seed(seed)

    def join(self, row: int, prompt: Prompt, options: tuple[SamplingOptions, SamplingOptions]) -> None:
        self.each(lambda engine, state: engine.prefill(state, [row], [prompt], [options]))
        self.rows.add(row)

    def leave(self, row: int) -> None:
        self.each(lambda engine, state: engine.release(state, [row]))
        self.rows.discard(row)

    def each(self, do: Callable) -> list:
        return [do(engine, state) for engine, state in zip(self.engines, self.states, strict=True)]

    def steps(self, count: int) -> None:
        for _ in range(count):
            uniforms = torch.rand(self.batch, 4, generator=self.generator)
            expected, made = self.each(lambda engine, state: engine.step(state, uniforms))  # noqa: B023
            rows = sorted(self.rows)
            assert made.dtype == torch.int64 and made.shape == (self.batch, 4)
            assert made[rows].tolist() == expected[rows].tolist()


@pytest.mark.parametrize(("prompt", "options"), LAYOUTS, ids=["text beside", "long", "text first", "other speaker"])
def test_each_layout_alone(eager, engine, prompt, options):
    pair = Pair(eager, engine, 1)
    pair.join(0, prompt, options)
    pair.steps(14)


def test_rows_join_and_leave_and_the_cache_grows(eager, engine, capture):
    pair = Pair(eager, engine, 3)
    for row in (0, 1, 2):
        pair.join(row, *LAYOUTS[row])
    pair.steps(4)
    pair.leave(2)
    pair.leave(1)
    pair.steps(3)  # one row is left, the first
    assert {key[0] for key in pair.states[1].memory.recordings} == {1, 4}
    pair.join(2, *LAYOUTS[3])
    pair.leave(0)
    pair.steps(20)
    assert len({key[1] for key in pair.states[1].memory.recordings}) > 1  # more than one length of the cache was read
    assert capture.replayed > capture.recorded > 3


def test_off_switch(eager):
    pair = Pair(eager, CudaGraphEngine(deepcopy(eager.talker), NoCapture()), 2)
    for row in (0, 1):
        pair.join(row, *LAYOUTS[row])
    pair.steps(8)


@torch.inference_mode()
def test_text_that_is_fed(eager, engine):
    whole = utterances.prompt(6)
    pair = Pair(eager, engine, 1)
    pair.join(0, replace(whole, trailing=whole.trailing[:2]), GREEDY)
    for step in range(8):
        if step == 3:
            for text in whole.trailing[2:]:
                pair.each(lambda engine, state: engine.feed(state, 0, text))  # noqa: B023
        pair.steps(1)


@torch.inference_mode()
def test_a_saved_row_goes_on_as_it_did(engine):
    state = engine.init_state(1, 60)
    engine.prefill(state, [0], [LAYOUTS[0][0]], [WARM])
    uniforms = torch.rand(6, 1, 4, generator=torch.Generator().manual_seed(5))
    for u in uniforms[:3]:
        engine.step(state, u)
    tensors = (state.cache.keys, state.cache.values, state.cache.position, state.pending, state.frame, state.seen)
    saved, position = [t.clone() for t in tensors], dict(state.positions)
    first = [engine.step(state, u).tolist() for u in uniforms[3:]]
    for tensor, value in zip(tensors, saved, strict=True):
        tensor.copy_(value)
    state.positions.update(position)
    assert [engine.step(state, u).tolist() for u in uniforms[3:]] == first


def test_paused_and_moved_rows(eager, engine):
    pair = Pair(eager, engine, 3)
    for row in (0, 1, 2):
        pair.join(row, *LAYOUTS[row])
    pair.steps(2)
    pair.each(lambda engine, state: engine.pause(state, [0, 2]))
    pair.rows -= {0, 2}
    pair.steps(5)
    pair.leave(1)
    pair.each(lambda engine, state: engine.move(state, 2, state, 1))
    pair.each(lambda engine, state: engine.resume(state, [0, 1]))
    pair.rows |= {0, 1}
    pair.steps(5)


def test_a_second_state_uses_memory_and_recordings_again(eager, capture):
    capture = FakeCapture()
    engine = CudaGraphEngine(deepcopy(eager.talker), capture, rows=ROWS, places=PLACES)
    engine.prepare(2, 40, WARM)
    recorded = capture.recorded
    assert recorded == len(PLACES)

    def run(seed: int) -> tuple[Tensor, ...]:
        pair = Pair(eager, engine, 2, capacity=40, seed=seed)
        for row in (0, 1):
            pair.join(row, LAYOUTS[row][0], WARM)
        pair.steps(6)
        return pair.states[1].memory.codes, pair.states[1].cache.keys

    first = run(1)
    assert [t.data_ptr() for t in run(2)] == [t.data_ptr() for t in first]
    assert capture.recorded == recorded
    states = [engine.init_state(2, 40) for _ in range(2)]  # at once: each its own
    assert states[0].cache.keys.data_ptr() != states[1].cache.keys.data_ptr()


PLANTED = {
    "item": lambda model, s: s.frame.max().item(),
    "host position": lambda model, s: s.pending[: 1 + model.calls % 2].add_(0),
    "tensor left outside": lambda model, s: model.outside.add_(1),
    "list index": lambda model, s: s.pending[[0]],
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_caught(fault):
    class Faulty(FrameModel):
        calls, outside = 0, torch.zeros(1)

        def _hidden(self, x, cache, reach):
            self.calls += 1
            PLANTED[fault](self, self.state)
            return super()._hidden(x, cache, reach)

        def frame(self, s, *others):
            self.state = s
            super().frame(s, *others)

    engine = CudaGraphEngine(deepcopy(utterances.talker()), FakeCapture(), rows=ROWS, places=PLACES)
    engine._model = Faulty(engine.talker)
    state = engine.init_state(2, 30)
    engine.prefill(state, [0, 1], [LAYOUTS[0][0]] * 2, [GREEDY] * 2)
    with pytest.raises(CaptureError):
        engine.step(state, torch.zeros(2, 4))  # records, then replays


class Ordered(NoCapture):
    """Notes when steps begin and when their codes are read."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def fetch(self, source: Tensor) -> Callable[[], Tensor]:
        self.events.append("begin")
        fetched = source.clone()

        def wait() -> Tensor:
            self.events.append("read")
            return fetched

        return wait


def test_frames_are_read_while_the_next_is_made_and_are_the_same(eager):
    capture = Ordered()
    engine = CudaGraphEngine(deepcopy(eager.talker), capture, rows=ROWS, places=PLACES)
    prompts = [prompt for prompt, _ in LAYOUTS[:3]]
    options = [GenerationOptions(*o, max_new_tokens=n) for (_, o), n in zip(LAYOUTS, (9, 26, 14), strict=False)]
    made = []
    for engine_ in (eager, engine):
        stream = generate_frames(engine_, prompts, options, [1, 2, 3])
        frames = [(codes[active].tolist(), active.tolist()) for codes, active in stream]
        made.append((frames, stream.finish_reasons, stream.counts))
    assert made[0] == made[1]
    assert capture.events[:5] == ["begin", "begin", "read", "begin", "read"]
    assert capture.events.count("begin") - capture.events.count("read") <= 1


def test_weights_are_not_held_twice(eager):
    talker = deepcopy(eager.talker)
    before = {name: parameter.clone() for name, parameter in talker.named_parameters()}
    model = FrameModel(talker)
    attention = talker.model.layers[0].self_attn
    assert attention.q_proj.weight.data_ptr() == model.talker.layers[0].qkv.data_ptr()
    assert attention.v_proj.weight.untyped_storage().data_ptr() == model.talker.layers[0].qkv.untyped_storage().data_ptr()
    assert FrameModel(talker).embedding.data_ptr() == model.embedding.data_ptr()  # a second engine finds them so
    assert all(before[name].equal(parameter) for name, parameter in talker.named_parameters())
    apart = [torch.nn.Parameter(torch.randn(2, 3), requires_grad=False) for _ in range(2)]
    expected = torch.cat([p.data for p in apart])
    assert side_by_side(apart).equal(expected) and torch.cat([p.data for p in apart]).equal(expected)


@torch.inference_mode()
def test_low_precision_stays_near(eager):
    low = CudaGraphEngine(deepcopy(eager.talker).bfloat16(), NoCapture())
    states: list[CudaState] = []
    for engine in (CudaGraphEngine(deepcopy(eager.talker), NoCapture()), low):
        state = engine.init_state(2, 60)
        prompts = [replace(p, embeddings=p.embeddings.to(state.pending), trailing=p.trailing.to(state.pending),
                           pad=p.pad.to(state.pending)) for p, _ in LAYOUTS[:2]]  # fmt: skip
        engine.prefill(state, [0, 1], prompts, [GREEDY] * 2)
        engine.step(state, torch.zeros(2, 4))
        states.append(state)
    assert {states[1].pending.dtype, states[1].text.dtype, states[1].cache.keys.dtype} == {torch.bfloat16}
    for row, (prompt, _) in enumerate(LAYOUTS[:2]):
        keys = [s.cache.keys[:, row, :, : len(prompt.embeddings)].float().flatten() for s in states]
        assert torch.cosine_similarity(*keys, dim=0) > 0.999


@torch.inference_mode()
def test_what_surrounds_attention_can_be_compiled():
    model = deepcopy(utterances.talker()).model
    stack = Stack.of(model, model.norm.weight)
    traced = replace(stack, **{f.__name__: torch.compile(f, fullgraph=True, backend="eager") for f in (enter, leave)})
    rotation = stack.rotation(torch.arange(3)[None])
    x = torch.randn(2, 3, model.norm.weight.shape[0])
    made = [s.forward(x, rotation, lambda layer, q, k, v: q * v.sum()) for s in (stack, traced)]
    assert torch.allclose(*made, atol=1e-6)


def test_without_a_gpu_it_says_so_and_is_not_chosen(eager):
    with pytest.raises(OptionError, match="needs the model on a GPU, it is on cpu.*device_map"):
        choose_engine("cuda-graph", eager.talker)
    assert not isinstance(choose_engine("auto", eager.talker), CudaGraphEngine)
