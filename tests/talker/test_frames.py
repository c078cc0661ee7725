"""The frame iterator: counts, reasons to end, guards, and that nothing runs unasked."""

import gc
import types
import weakref
from collections.abc import Sequence

import pytest
import torch

from qwen_tts.config import GenerationConfig
from qwen_tts.engine.eager import EagerEngine
from qwen_tts.errors import OptionError, TextError
from qwen_tts.prompt import Prompt
from qwen_tts.sampling import SamplingOptions
from qwen_tts.talker.frames import generate_frames
from qwen_tts.talker.options import GenerationOptions
from qwen_tts.talker.row import LoopDetector
from tests import naive, utterances

EOS, Q = 66, 4
FREE = GenerationOptions(frames_per_token=None, stop_loops=False)


class Held:
    """Something that memory can be watched by."""


class Scripted:
    """An engine that plays given values of code 0, the same for all rows, and counts what it is asked for."""

    def __init__(self, *code0: int, context: int = 2048) -> None:
        self.script, self.steps, self.released, self.state = code0, 0, [], None
        config = types.SimpleNamespace(codec_eos_token_id=EOS, num_code_groups=Q, max_position_embeddings=context)
        self.talker = types.SimpleNamespace(config=config)

    def init_state(self, batch: int, capacity: int):
        self.batch, self.capacity = batch, capacity
        state = Held()
        self.state = weakref.ref(state)
        return state

    def prefill(self, state, rows, prompts, sampling) -> None:
        self.sampling = list(sampling)

    def step(self, state, uniforms: torch.Tensor) -> torch.Tensor:
        codes = torch.full((self.batch, Q), self.script[self.steps % len(self.script)])
        self.steps += 1
        return codes

    def release(self, state, rows: Sequence[int]) -> None:
        self.released.extend(rows)


def prompt(rows: int = 10, tokens: int = 4) -> Prompt:
    return Prompt(torch.zeros(rows, 8), torch.zeros(1, 8), torch.zeros(8), tokens)


def run(engine, options: GenerationOptions = FREE, prompts: Sequence[Prompt] = (prompt(),)):
    stream = generate_frames(engine, prompts, options, [0] * len(prompts))
    return stream, list(stream)


def test_eos_ends_without_a_frame():
    engine = Scripted(1, 2, 3, EOS)
    stream, frames = run(engine)
    assert [int(codes[0, 0]) for codes, active in frames] == [1, 2, 3]
    assert all(active.tolist() == [True] for _, active in frames)
    assert (stream.finish_reasons, stream.counts, engine.released) == (["eos"], [3], [0])


def test_max_new_tokens_gives_one_frame_less():
    options = GenerationOptions(max_new_tokens=8, frames_per_token=None)
    engine = Scripted(1, 2)
    stream, frames = run(engine, options)
    assert (len(frames), stream.finish_reasons, engine.steps) == (7, ["length"], 7)
    assert engine.capacity >= 10 + 7


def test_the_context_ends_it_too():
    stream, frames = run(Scripted(1, context=30))
    assert (len(frames), stream.finish_reasons) == (20, ["length"])
    with pytest.raises(TextError, match="30 positions"):
        run(Scripted(1, context=30), FREE, [prompt(rows=30)])


def test_budget_grows_with_the_text():
    for tokens, frames in ((1, 62), (10, 170)):
        stream, made = run(Scripted(1, 2), GenerationOptions(stop_loops=False), [prompt(tokens=tokens)])
        assert (len(made), stream.finish_reasons) == (frames, ["budget"])
    stream, made = run(Scripted(1), GenerationOptions(frames_per_token=0.5, stop_loops=False), [prompt(tokens=9)])
    assert len(made) == 54


def test_the_reason_is_known_with_the_last_frame():
    stream = generate_frames(Scripted(1), [prompt()], GenerationOptions(max_new_tokens=4), [0])
    reasons = [stream.finish_reasons[0] for _ in stream]
    assert reasons == [None, None, "length"]


def test_a_loop_ends():
    stream, frames = run(Scripted(1, 2, 3, 4, 5), GenerationOptions(frames_per_token=None))
    assert stream.finish_reasons == ["loop"]
    assert len(frames) == 88


@pytest.mark.parametrize("period", [1, 2, 7, 24])
def test_loops_are_found_through_noise(period):
    generator = torch.Generator().manual_seed(period)
    codes = torch.randint(0, 2048, (200,), generator=generator).tolist()
    cycle = codes[:period]
    detector, found = LoopDetector(), None
    for n in range(150):
        code = codes[n] if n < 40 or n % 21 == 20 else cycle[n % period]
        if detector.add(code):
            found = n
            break
    assert found is not None and found >= 40 + 0.9 * 64  # nearly a whole window of it


def test_speech_is_no_loop():
    """Random codes with pauses of 3 s and stretched sounds of 1 s in between."""
    generator, detector = torch.Generator().manual_seed(0), LoopDetector()
    for part in range(60):
        length = int(torch.randint(5, 40, (1,), generator=generator))
        held = 38 if part % 3 == 0 else 12
        codes = torch.randint(0, 2048, (length,), generator=generator).tolist() + [7] * held
        assert not any(detector.add(code) for code in codes)


def test_rows_end_each_for_its_own_reason():
    engine = EagerEngine(utterances.talker())
    prompts = [utterances.prompt(n) for n in (3, 8, 5, 4)]
    warm = SamplingOptions(temperature=1.5, top_k=0)
    kinds = [
        GenerationOptions(warm, warm, 200, None, False), GenerationOptions(warm, warm, 6, None, False),
        GenerationOptions(warm, warm, 200, None, False), GenerationOptions(warm, warm, 200, 0.1, False),
    ]  # fmt: skip
    stream = generate_frames(engine, prompts, kinds, [1, 2, 3, 9])
    rows: list[list[list[int]]] = [[] for _ in prompts]
    for codes, active in stream:
        assert active.any()
        assert codes.shape == (4, Q) and codes.dtype == torch.int64
        for row in active.nonzero()[:, 0].tolist():
            assert stream.finish_reasons[row] is None or stream.counts[row] == len(rows[row]) + 1
            rows[row].append(codes[row].tolist())
    assert stream.counts == [len(row) for row in rows]
    assert len(set(stream.counts)) == 4  # they did end at different times
    limits = [199, 5, 199, 50]
    for n, row in enumerate(rows):
        expected, ended = naive.frames(engine.talker, prompts[n], (warm, warm), [1, 2, 3, 9][n], limits[n])
        assert row == expected.tolist()
        assert stream.finish_reasons[n] == ("eos" if ended else ["length", "length", "length", "budget"][n])
    assert {"eos", "length"} <= set(stream.finish_reasons)


def test_work_waits_to_be_asked_for_and_close_ends_it():
    engine = Scripted(1, 2)
    stream = generate_frames(engine, [prompt()], FREE, [0])
    assert engine.steps == 0
    next(stream)
    next(stream)
    assert engine.steps == 2
    assert engine.state() is not None
    stream.close()
    gc.collect()
    assert engine.state() is None  # its memory is free
    assert next(stream, None) is None
    assert engine.steps == 2


def test_codes_can_be_changed_by_the_caller():
    stream = generate_frames(EagerEngine(utterances.talker()), [utterances.prompt(3)], FREE, [0])
    first, _ = next(stream)
    first += 1
    second, _ = next(stream)
    again = generate_frames(EagerEngine(utterances.talker()), [utterances.prompt(3)], FREE, [0])
    assert (next(again)[0] + 1).equal(first) and next(again)[0].equal(second)


@pytest.mark.parametrize(
    ("prompts", "options", "seeds", "words"),
    [
        ([], FREE, [], "0 prompts"), ([prompt()], FREE, [1, 2], "1 prompts, 1 options and 2 seeds"),
        ([prompt()], [FREE, FREE], [1], "2 options"), ([prompt()], FREE, [-1], "seed .* not -1"),
        ([prompt()], FREE, [2**63], "seed"),
    ],
)  # fmt: skip
def test_arguments_must_fit(prompts, options, seeds, words):
    with pytest.raises(OptionError, match=words):
        generate_frames(Scripted(1), prompts, options, seeds)


def test_options_come_from_the_model_then_from_the_caller():
    config = GenerationConfig(temperature=0.7, subtalker_top_k=9, max_new_tokens=300)
    options = GenerationOptions.from_config(config, top_k=3, subtalker_dosample=False, temperature=None, frames_per_token=2)
    assert options.talker == SamplingOptions(True, 0.7, 3, 1.0, 1.05)
    assert options.predictor == SamplingOptions(False, 0.9, 9, 1.0, 1.0)
    assert (options.max_new_tokens, options.frames_per_token, options.stop_loops) == (300, 2, True)
    assert GenerationOptions.from_config(config, frames_per_token=None, stop_loops=False).frames_per_token is None
    assert GenerationOptions.from_config(GenerationConfig()) == GenerationOptions()


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"temprature": 1.0}, "'temprature'; known are do_sample, .*stop_loops"), ({"early_stopping": True}, "early_stopping"),
        ({"temperature": "hot"}, "temperature: expected float, found 'hot'"), ({"temperature": -1.0}, "temperature"),
        ({"max_new_tokens": 1}, "max_new_tokens must be at least 2"), ({"frames_per_token": 0}, "frames_per_token"),
        ({"top_k": 2.5}, "top_k: expected int"),
    ],
)  # fmt: skip
def test_bad_options_are_named(overrides, words):
    with pytest.raises(OptionError, match=words):
        GenerationOptions.from_config(GenerationConfig(), **overrides)


def test_a_stopped_row_frees_its_place_and_the_others_go_on():
    engine = Scripted(1, 2, 3)
    stream = generate_frames(engine, [prompt()] * 2, GenerationOptions(max_new_tokens=6), [0, 1])
    next(stream)
    stream.stop(0, "silence")
    assert engine.released == [0]
    rest = [active.tolist() for _, active in stream]
    assert rest == [[False, True]] * 4 and stream.finish_reasons == ["silence", "length"] and stream.counts == [1, 5]
    stream.stop(1, "silence")
    assert stream.finish_reasons[1] == "length" and engine.released == [0, 1]


def test_when_all_are_stopped_nothing_is_computed():
    engine = Scripted(1)
    stream = generate_frames(engine, [prompt()], FREE, [0])
    next(stream)
    stream.stop(0, "silence")
    assert list(stream) == [] and engine.steps == 1
