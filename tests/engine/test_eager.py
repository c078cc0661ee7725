"""Engines as exact as the reference, against the model's definition, and rows that come and go beside each other."""

from dataclasses import replace

import pytest
import torch

from qwen_tts.engine import cpu
from qwen_tts.engine.eager import EagerEngine
from qwen_tts.native import compile
from qwen_tts.prompt import build_layout, embed
from qwen_tts.sampling import SamplingOptions
from qwen_tts.talker.talker import Talker
from tests import naive, utterances

GREEDY = (SamplingOptions(do_sample=False), SamplingOptions(do_sample=False))
SAMPLED = (SamplingOptions(repetition_penalty=1.05), SamplingOptions(top_k=0, top_p=0.9))
WARM = (SamplingOptions(temperature=1.5, top_k=0, repetition_penalty=1.3), SamplingOptions(top_k=3))
EOS = utterances.config().talker_config.codec_eos_token_id


class Row:
    """What a driver keeps of one row: its random numbers and the frames so far."""

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        self.frames: list[list[int]] = []
        self.ended = False


def advance(engine: EagerEngine, state, rows: dict[int, Row]) -> None:
    """One step; rows that end are released."""
    uniforms = torch.rand(len(state.active), 4)  # what free rows are given must not matter
    for place, row in rows.items():
        uniforms[place] = torch.rand(4, generator=row.generator)
    codes = engine.step(state, uniforms)
    for place, row in list(rows.items()):
        if codes[place, 0] == EOS:
            row.ended = True
            engine.release(state, [place])
            del rows[place]
        else:
            row.frames.append(codes[place].tolist())


@pytest.fixture(scope="module", params=[0, 1, 2], ids=["eager", "cpu-fp32", "cpu-fp32 on two threads"])
def engine(request) -> EagerEngine:
    if request.param == 0:
        return EagerEngine(utterances.talker())
    if reason := compile.obstacle():
        pytest.skip(reason)
    return cpu.CpuEngine(utterances.talker(), bits=32, threads=request.param)


@pytest.mark.parametrize("options", [GREEDY, SAMPLED, WARM], ids=["greedy", "sampled", "warm"])
@pytest.mark.parametrize("prompt", [utterances.prompt(3), utterances.prompt(12), utterances.prompt(6, streaming_text=False)])
def test_equals_the_definition(engine, options, prompt):
    expected, ended = naive.frames(engine.talker, prompt, options, seed=11, most=25)
    state = engine.init_state(1, len(prompt.embeddings) + 30)
    engine.prefill(state, [0], [prompt], [options])
    row = Row(11)
    rows = {0: row}
    while rows and len(row.frames) < 25:
        advance(engine, state, rows)
    assert row.frames == expected.tolist()
    assert row.ended == ended


CASES = [  # prompt, options, seed
    (utterances.prompt(3), WARM, 1),
    (utterances.prompt(17), GREEDY, 2),
    (utterances.prompt(9, streaming_text=False), SAMPLED, 3),
    (utterances.prompt(5, speaker="serena"), WARM, 4),
]


def alone(engine: EagerEngine, case: int, most: int) -> tuple[list[list[int]], bool]:
    prompt, options, seed = CASES[case]
    frames, ended = naive.frames(engine.talker, prompt, options, seed, most)
    return frames.tolist(), ended


def test_a_row_of_a_batch_is_what_it_is_alone(engine):
    state = engine.init_state(4, 80)
    prompts, options, seeds = zip(*CASES, strict=True)
    engine.prefill(state, range(4), prompts, options)
    made = [Row(seed) for seed in seeds]
    rows = dict(enumerate(made))
    for _ in range(30):
        advance(engine, state, rows)
    for case, row in enumerate(made):
        assert (row.frames, row.ended) == alone(engine, case, 30)


def test_rows_join_and_leave_between_frames(engine):
    """Row 2 starts late, row 0 is cut off and its place taken by another utterance; nobody else notices."""
    state = engine.init_state(3, 80)
    made = {case: Row(CASES[case][2]) for case in range(4)}
    rows: dict[int, Row] = {}

    def join(place: int, case: int) -> None:
        engine.prefill(state, [place], [CASES[case][0]], [CASES[case][1]])
        rows[place] = made[case]

    join(0, 0)
    join(1, 1)
    for _ in range(5):
        advance(engine, state, rows)
    join(2, 2)
    for _ in range(6):
        advance(engine, state, rows)
    engine.release(state, [0])
    rows.pop(0, None)
    for _ in range(3):
        advance(engine, state, rows)
    join(0, 3)
    for _ in range(12):
        advance(engine, state, rows)

    assert made[0].frames == alone(engine, 0, 11)[0]
    for case, frames in ((1, 26), (2, 21), (3, 12)):
        assert (made[case].frames, made[case].ended) == alone(engine, case, frames)


def test_free_rows_stand_still(engine):
    """Row 1 is free for more steps than it has room for."""
    state = engine.init_state(2, 40)
    for case in (1, 0, 1):
        row = Row(CASES[case][2])
        engine.prefill(state, [0], [CASES[case][0]], [CASES[case][1]])
        rows = {0: row}
        for _ in range(20):
            advance(engine, state, rows)
        assert (row.frames, row.ended) == alone(engine, case, 20)
        engine.release(state, [0])
        assert state.cache.high == 0  # nothing is looked at any more


def test_two_states_share_nothing(engine):
    states = [engine.init_state(1, 60) for _ in range(2)]
    made = [Row(1), Row(2)]
    for state, case in zip(states, (0, 1), strict=True):
        engine.prefill(state, [0], [CASES[case][0]], [CASES[case][1]])
    left = [{0: row} for row in made]
    for _ in range(10):
        for state, rows in zip(states, left, strict=True):
            advance(engine, state, rows)
    assert [row.frames for row in made] == [alone(engine, 0, 10)[0], alone(engine, 1, 10)[0]]


def test_speech_has_two_frames_and_only_acoustic_codes(engine):
    state = engine.init_state(64, 40)
    options = (SamplingOptions(temperature=1e6, top_k=0), SamplingOptions(temperature=1e6, top_k=0))  # anything goes
    engine.prefill(state, range(64), [utterances.prompt(3)] * 64, [options] * 64)
    uniforms = torch.rand(20, 64, 4, generator=torch.Generator().manual_seed(0))
    codes = torch.stack([engine.step(state, u) for u in uniforms])  # [steps, B, Q]
    assert (codes[:2, :, 0] < 64).all()
    assert set(codes[2:, :, 0].unique().tolist()) == {*range(64), EOS}
    assert codes[:, :, 1:].max() == 63


def test_a_prompt_beyond_the_capacity_is_caught(engine):
    state = engine.init_state(1, 8)
    with pytest.raises(AssertionError, match="capacity"):
        engine.prefill(state, [0], [utterances.prompt(4, streaming_text=False)], [GREEDY])


def test_low_precision_weights_stay_so():
    config = utterances.config()
    talker = Talker(config.talker_config).bfloat16()
    layout = build_layout(config, text_ids=[20, 21, 22], role_ids=utterances.role_ids(config), streaming_text=True)
    engine = EagerEngine(talker)
    state = engine.init_state(2, 30)
    assert {state.pending.dtype, state.text.dtype, state.cache.keys.dtype, state.predictor_cache.keys.dtype} == {torch.bfloat16}
    engine.prefill(state, [1], [embed(layout, talker)], [SAMPLED])
    codes = torch.stack([engine.step(state, torch.rand(2, 4))[1] for _ in range(5)])
    assert codes.dtype == torch.int64 and (codes[:, 1:] < 64).all()
    assert state.pending.isfinite().all()


@torch.inference_mode()
def test_text_that_is_fed_equals_text_that_was_there(engine):
    whole = utterances.prompt(6)
    shorter = replace(whole, trailing=whole.trailing[:2])
    options = [(SamplingOptions(do_sample=False), SamplingOptions(do_sample=False))] * 2
    state = engine.init_state(2, 60)
    engine.prefill(state, [0, 1], [whole, shorter], options)
    for step in range(12):
        if step == 3:  # just in time: place 3 is read now
            for text in whole.trailing[2:]:
                engine.feed(state, 1, text)
        codes = engine.step(state, torch.zeros(2, 4))
        assert codes[0].equal(codes[1]), step


@torch.inference_mode()
def test_no_pads_are_laid_ahead(engine):
    prompt = utterances.prompt(3)
    state = engine.init_state(1, 1000)
    state.text[:, 10:] = float("nan")
    engine.prefill(state, [0], [prompt], [(SamplingOptions(), SamplingOptions())])
    assert state.text[:, 10:].isnan().all() and state.last.tolist() == [len(prompt.trailing) + 1]
    for _ in range(30):
        engine.step(state, torch.rand(1, 4))
    assert state.pending.isfinite().all()


def steps(engine: EagerEngine, state, rows: dict[int, Row], count: int) -> None:
    for _ in range(count):
        advance(engine, state, rows)


def test_a_paused_row_goes_on_as_if_nothing_had_been(engine):
    """Row 0 waits, the only one that is left, and at the highest position, while row 1 moves far beyond."""
    state = engine.init_state(2, 60)
    made = [Row(CASES[case][2]) for case in (2, 0)]
    engine.prefill(state, [0, 1], [CASES[2][0], CASES[0][0]], [CASES[2][1], CASES[0][1]])
    rows = dict(enumerate(made))
    steps(engine, state, rows, 7)
    waiting = rows.pop(0)
    engine.pause(state, [0])
    kept = state.pending[0].clone(), state.seen[0].clone(), int(state.cache.position[0])
    steps(engine, state, rows, 20)
    assert state.pending[0].equal(kept[0]) and state.seen[0].equal(kept[1]) and int(state.cache.position[0]) == kept[2]
    engine.resume(state, [0])
    assert state.cache.high == int(state.cache.position.max())
    rows[0] = waiting
    steps(engine, state, rows, 10)
    assert (made[0].frames, made[0].ended) == alone(engine, 2, 17)
    assert (made[1].frames, made[1].ended) == alone(engine, 0, 37)


def test_the_first_row_goes_on_alone_while_another_waits_ahead_of_it(engine):
    state = engine.init_state(2, 60)
    made = [Row(CASES[case][2]) for case in (0, 2)]  # the second has the longer prompt
    engine.prefill(state, [0, 1], [CASES[0][0], CASES[2][0]], [CASES[0][1], CASES[2][1]])
    steps(engine, state, dict(enumerate(made)), 2)
    for waits, moves, count in ((1, 0, 3), (0, 1, 2), (1, 0, 4)):
        engine.pause(state, [waits])
        steps(engine, state, {moves: made[moves]}, count)
        engine.resume(state, [waits])
    assert (made[0].frames, made[0].ended) == alone(engine, 0, 9)
    assert (made[1].frames, made[1].ended) == alone(engine, 2, 4)


def test_rows_move_to_other_places_and_to_larger_states(engine):
    small, large = engine.init_state(3, 40), engine.init_state(5, 80)
    made = [Row(CASES[case][2]) for case in (1, 2)]
    engine.prefill(small, [0, 2], [CASES[1][0], CASES[2][0]], [CASES[1][1], CASES[2][1]])
    rows = {0: made[0], 2: made[1]}
    steps(engine, small, rows, 4)
    engine.move(small, 2, small, 1)
    assert small.active.tolist() == [True, True, False]
    rows = {0: made[0], 1: made[1]}
    steps(engine, small, rows, 4)
    engine.prefill(large, [1], [CASES[0][0]], [CASES[0][1]])  # what was in the place before leaves no trace
    engine.step(large, torch.rand(5, 4))
    engine.move(small, 0, large, 1)
    engine.pause(small, [1])
    engine.move(small, 1, large, 0)
    assert not small.active.any() and small.cache.high == 0 and large.active.tolist() == [False, True, False, False, False]
    engine.resume(large, [0])
    rows = {1: made[0], 0: made[1]}
    steps(engine, large, rows, 12)
    for row, case in zip(made, (1, 2), strict=True):
        assert (row.frames, row.ended) == alone(engine, case, 20)


def test_only_the_first_rows_are_computed(monkeypatch):
    engine = EagerEngine(utterances.talker())
    state, sizes = engine.init_state(16, 60), []
    talker, real = engine.talker, type(engine.talker).forward
    monkeypatch.setattr(type(talker), "forward", lambda self, x, *rest: (sizes.append(len(x)), real(self, x, *rest))[1])
    engine.prefill(state, [0, 2], [CASES[0][0], CASES[1][0]], [CASES[0][1], CASES[1][1]])
    sizes.clear()
    rows = {0: Row(CASES[0][2]), 2: Row(CASES[1][2])}
    steps(engine, state, rows, 1)
    engine.release(state, [2])
    del rows[2]
    steps(engine, state, rows, 1)
    engine.release(state, [0])
    assert engine.step(state, torch.rand(16, 4)).shape == (16, 4)
    assert sizes == [3, 1]
