"""Joints between pieces of speech: trimmed, exact, without clicks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_tts.errors import OptionError
from qwen_tts.reading import Joiner

RATE = 24_000


def tone(seconds: float, phase: float = 0.0, level: float = 0.3) -> np.ndarray:
    return (level * np.sin(2 * np.pi * 220 * np.arange(round(seconds * RATE)) / RATE + phase)).astype(np.float32)


def quiet(seconds: float) -> np.ndarray:
    return (1e-4 * np.random.default_rng(0).standard_normal(round(seconds * RATE))).astype(np.float32)


def joined(joiner: Joiner, segments, sizes=(10**9,)) -> np.ndarray:
    out = []
    for segment in segments:
        if isinstance(segment, float):
            out.append(joiner.pause(segment))
            continue
        start, i = 0, 0
        while start < len(segment):
            size = sizes[i % len(sizes)]
            out.append(joiner.speech(segment[start : start + size]))
            start, i = start + size, i + 1
        out.append(joiner.end())
    return np.concatenate(out)


def test_silence_is_trimmed_to_length():
    wave = np.concatenate([quiet(0.4), tone(0.5), quiet(0.7), tone(0.3), quiet(0.9)])
    out = joined(Joiner(RATE, lead=0.05, trail=0.1), [wave])
    assert len(out) == pytest.approx((0.05 + 0.5 + 0.7 + 0.3 + 0.1) * RATE, abs=0.02 * RATE)
    assert len(joined(Joiner(RATE, lead=None, trail=None), [wave])) == len(wave)
    assert len(joined(Joiner(RATE, lead=0, trail=0), [wave])) == pytest.approx(1.5 * RATE, abs=0.02 * RATE)
    np.testing.assert_allclose(joined(Joiner(RATE, lead=None, trail=None), [wave]), wave, atol=1e-3)


def test_a_silent_segment_vanishes():
    assert len(joined(Joiner(RATE), [quiet(1.0)])) == 0
    assert len(joined(Joiner(RATE), [np.zeros(0, np.float32)])) == 0


def test_pauses_are_exact_silence():
    out = joined(Joiner(RATE, lead=None, trail=None), [tone(0.2), 0.4, tone(0.2)])
    assert len(out) == round(0.8 * RATE)
    assert not out[round(0.2 * RATE) : round(0.6 * RATE)].any()


@settings(deadline=None, max_examples=60)
@given(
    phases=st.lists(st.floats(0, 6.28), min_size=1, max_size=4),
    pause=st.sampled_from([0.0, 0.05, 0.3]),
    length=st.floats(0.004, 0.3),
    sizes=st.lists(st.integers(1, 4000), min_size=1, max_size=5),
)
def test_no_click_at_any_joint_and_any_chunking_is_one_chunk(phases, pause, length, sizes):
    segments = [part for phase in phases for part in (np.concatenate([quiet(0.06), tone(length, phase), quiet(0.13)]), pause)]
    whole = joined(Joiner(RATE), segments)
    np.testing.assert_array_equal(joined(Joiner(RATE), segments, sizes), whole)
    own = max(np.abs(np.diff(segment)).max() for segment in segments if not isinstance(segment, float))
    assert np.abs(np.diff(whole, prepend=0, append=0)).max() <= own + 1e-3


@settings(deadline=None, max_examples=60)
@given(phases=st.lists(st.floats(0, 6.28), min_size=2, max_size=4), length=st.floats(0.012, 0.3))
def test_no_click_where_speech_is_cut_hard(phases, length):
    """Every segment begins and ends in full voice; only the fade's own slope is added to the signal's."""
    out = joined(Joiner(RATE, trail=0, lead=0), [tone(length, phase) for phase in phases])
    slope = 0.3 * np.pi / 2 / (0.005 * RATE)
    assert np.abs(np.diff(out, prepend=0, append=0)).max() <= 2 * np.pi * 220 / RATE * 0.3 + slope + 1e-4


def test_what_ends_near_zero_is_not_touched():
    wave = tone(0.5) * np.hanning(round(0.5 * RATE)).astype(np.float32)
    np.testing.assert_array_equal(joined(Joiner(RATE, lead=None, trail=None), [wave]), wave)


def test_little_is_held_back():
    joiner = Joiner(RATE)
    assert len(joiner.speech(tone(0.08))) >= (0.08 - 0.005 - 0.01) * RATE - 1
    joiner.end()
    for _ in range(50):  # leading silence is not collected
        joiner.speech(quiet(1.0))
    assert len(joiner._held) <= 0.05 * RATE


@pytest.mark.parametrize("wrong", [{"lead": -1.0}, {"trail": float("nan")}, {"fade": float("inf")}])
def test_options(wrong):
    with pytest.raises(OptionError, match=next(iter(wrong))):
        Joiner(RATE, **wrong)
