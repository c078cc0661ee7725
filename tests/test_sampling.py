"""Sampling against its definition spelled out, against the distribution it promises, and at its edges."""

import dataclasses
import math

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from qwen_tts.errors import OptionError
from qwen_tts.sampling import SamplingOptions, SamplingPlan, SamplingRows, constrain, sample
from tests import naive

GREATEST = 1 - 2**-24  # the greatest fp32 number below 1

options = st.builds(
    SamplingOptions,
    do_sample=st.sampled_from([True, True, True, False]),
    temperature=st.floats(0.1, 3),
    top_k=st.sampled_from([0, 1, 2, 5, 19, 20, 50]),
    top_p=st.sampled_from([1.0, 0.999, 0.9, 0.5, 0.1, 0.001]),
)
numbers = st.integers(0, 2**24 - 1).map(lambda n: n / 2**24)
coarse = st.lists(st.integers(-8, 8), min_size=20, max_size=20).map(lambda scores: [s / 2 for s in scores])  # many ties
fine = st.lists(st.integers(-400, 400), min_size=20, max_size=20).map(lambda scores: [s / 64 for s in scores])


def draw(logits: list[float], uniform: float, chosen: SamplingOptions) -> int:
    return int(sample(torch.tensor([logits]), torch.tensor([uniform]), SamplingRows([chosen])))


@settings(deadline=None, max_examples=300)
@given(logits=st.one_of(coarse, fine), forbidden=st.sets(st.integers(0, 19), max_size=18), uniform=numbers, chosen=options)
def test_equals_the_definition(logits, forbidden, uniform, chosen):
    logits = [-math.inf if i in forbidden else score for i, score in enumerate(logits)]
    shifts = (-1e-5, 0, 1e-5)
    near_p = {chosen.top_p + d for d in shifts if chosen.top_p < 1} or {1.0}
    near_options = [dataclasses.replace(chosen, top_p=p) for p in near_p]
    near = {naive.sample(logits, min(max(uniform + d, 0), GREATEST), o) for d in shifts for o in near_options}
    assume(len(near) == 1)  # else rounding decides
    assert draw(logits, uniform, chosen) in near


@pytest.mark.parametrize(
    "chosen",
    [SamplingOptions(temperature=1.3, top_k=0), SamplingOptions(top_k=6), SamplingOptions(top_k=0, top_p=0.7, temperature=0.8)],
)
def test_draws_follow_the_filtered_distribution(chosen):
    generator = torch.Generator().manual_seed(3)
    logits, count = torch.randn(12, generator=generator) * 1.5, 40_000
    probabilities = (logits / chosen.temperature).softmax(0)
    order = probabilities.argsort(descending=True)
    if chosen.top_k:
        probabilities[order[chosen.top_k :]] = 0
    before = probabilities[order].cumsum(0) - probabilities[order]
    probabilities[order[before >= chosen.top_p]] = 0
    probabilities /= probabilities.sum()

    drawn = sample(logits.expand(count, -1), torch.rand(count, generator=generator), SamplingRows([chosen] * count))
    counts = drawn.bincount(minlength=12)
    assert counts[probabilities == 0].sum() == 0
    kept = probabilities > 0
    expected = probabilities[kept] * count
    chi_square = ((counts[kept] - expected).square() / expected).sum()
    assert chi_square < 30  # 11 degrees of freedom at most: 1 in 600


def test_ties_at_the_last_place_all_stay():
    chosen = SamplingOptions(temperature=1.0, top_k=2)
    drawn = {draw([1.0, 3.0, 1.0, 1.0, 0.0], u, chosen) for u in torch.linspace(0, GREATEST, 100).tolist()}
    assert drawn == {0, 1, 2, 3}


def test_top_p_always_leaves_the_likeliest():
    chosen = SamplingOptions(top_k=0, top_p=1e-9)
    assert {draw([0.0, 0.1, 0.0], u, chosen) for u in (0.0, 0.5, GREATEST)} == {1}


@settings(deadline=None, max_examples=100)
@given(st.lists(st.floats(-30, 30, width=32), min_size=5, max_size=300), st.sampled_from([0.0, 0.5, GREATEST]), st.data())
def test_forbidden_tokens_are_never_drawn(scores, uniform, data):
    allowed = data.draw(st.sets(st.integers(0, len(scores) - 1), min_size=1))
    logits = [score if i in allowed else -math.inf for i, score in enumerate(scores)]
    for chosen in (SamplingOptions(), SamplingOptions(top_k=0, top_p=0.9), SamplingOptions(do_sample=False)):
        assert draw(logits, uniform, chosen) in allowed


def test_a_wavering_sum_draws_no_forbidden_token(monkeypatch):
    """As a parallel sum may: a place without probability ends up a rounding error above the place before it."""

    def wavering(tensor, dim):
        return original(tensor, dim) + (tensor == 0) * 2**-23

    original = torch.Tensor.cumsum
    monkeypatch.setattr(torch.Tensor, "cumsum", wavering)
    assert draw([0.0, -math.inf, 0.0], 0.5, SamplingOptions(top_k=0)) == 2
    assert draw([-math.inf, 0.0, 0.0], 0.0, SamplingOptions(top_k=0)) == 1


def test_a_row_does_not_depend_on_its_neighbours():
    generator = torch.Generator().manual_seed(0)
    rows = [
        SamplingOptions(do_sample=False), SamplingOptions(top_k=3), SamplingOptions(top_k=0),
        SamplingOptions(top_k=0, top_p=0.8), SamplingOptions(temperature=0.2), SamplingOptions(top_k=10_000),
    ]  # fmt: skip
    for _ in range(50):
        logits, uniforms = torch.randn(len(rows), 96, generator=generator) * 3, torch.rand(len(rows), generator=generator)
        together = sample(logits, uniforms, SamplingRows(rows))
        alone = [int(sample(logits[i : i + 1], uniforms[i : i + 1], SamplingRows([row]))) for i, row in enumerate(rows)]
        assert together.tolist() == alone


def test_low_precision_logits_are_widened_first():
    logits = torch.tensor([[60_000.0, 30_000.0, -60_000.0]], dtype=torch.float16)
    rows = SamplingRows([SamplingOptions(temperature=0.1)])
    assert sample(logits, torch.tensor([0.7]), rows).tolist() == [0]  # / 0.1 would overflow fp16


def test_options_of_a_row_can_be_replaced():
    rows = SamplingRows([SamplingOptions(do_sample=False)] * 2)
    rows.set(1, SamplingOptions(temperature=1.0, top_k=0))
    logits = torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    assert sample(logits, torch.zeros(2), rows).tolist() == [1, 0]


def test_constrain():
    logits = torch.tensor([[2.0, -2.0, 2.0, -2.0, 5.0]])
    seen = torch.tensor([[True, True, False, False, True]])
    forbidden = torch.tensor([False, False, False, False, True])
    out = constrain(logits, seen, forbidden, torch.tensor([2.0]))
    assert out.tolist() == [[1.0, -4.0, 2.0, -2.0, -math.inf]]
    assert logits[0, 0] == 2.0


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"temperature": 0.0}, "temperature"), ({"temperature": math.nan}, "temperature"), ({"top_k": -1}, "top_k"),
        ({"top_p": 0.0}, "top_p"), ({"top_p": 1.1}, "top_p"), ({"repetition_penalty": 0.0}, "repetition_penalty"),
    ],
)  # fmt: skip
def test_bad_options_are_named(values, word):
    with pytest.raises(OptionError, match=word):
        SamplingOptions(**values)


@settings(deadline=None, max_examples=100)
@given(chosen=st.lists(options, min_size=1, max_size=4), seed=st.integers(0, 99))
def test_a_plan_that_asks_for_more_changes_nothing(chosen, seed):
    generator = torch.Generator().manual_seed(seed)
    logits, uniform = torch.randn(len(chosen), 60, generator=generator), torch.rand(len(chosen), generator=generator)
    rows = SamplingRows(chosen)
    draws, widest, _ = rows.plan()
    wider = None if widest is None else max(widest, 55)
    asked = SamplingPlan(draws, 0 if widest == 0 else wider, nucleus=True)
    assert sample(logits, uniform, rows, asked).equal(sample(logits, uniform, rows))
    part = rows.first(1)
    assert sample(logits[:1], uniform[:1], part).equal(sample(logits[:1], uniform[:1], SamplingRows(chosen[:1])))
