"""Pitch against waves whose pitch is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_tts.eval.pitch import track


def voice(hertz: np.ndarray, rate: int, harmonics: int = 8) -> np.ndarray:
    """A buzz whose pitch is `hertz` at each sample."""
    phase = 2 * np.pi * np.cumsum(hertz) / rate
    return sum(np.sin(k * phase) / k for k in range(1, harmonics + 1)).astype(np.float32) * 0.1


@settings(max_examples=25, deadline=None)
@given(st.floats(70, 450), st.sampled_from([8000, 16_000, 24_000, 44_100]), st.integers(0, 2**16))
def test_a_steady_voice_has_its_pitch_even_in_noise(hertz: float, rate: int, seed: int) -> None:
    wave = voice(np.full(rate, hertz), rate)
    noisy = wave + np.random.default_rng(seed).normal(0, 0.01, rate).astype(np.float32)
    found = track(noisy, rate)
    assert found.shape == (100,) and (found[2:-2] > 0).all()
    assert np.abs(np.log2(found[3:-3] / hertz)).max() * 12 < 0.5, hertz  # semitones


def test_a_glide_is_followed() -> None:
    hertz = 100 * 2 ** np.linspace(0, 1.5, 48_000)
    found = track(voice(hertz, 24_000), 24_000)
    middle = hertz[120::240][5:-5]
    assert np.abs(np.log2(found[5:-5] / middle)).max() * 12 < 1.0


def test_the_voice_begins_and_ends_where_it_does() -> None:
    wave = np.concatenate((np.zeros(12_000), voice(np.full(24_000, 150.0), 24_000), np.zeros(12_000))).astype(np.float32)
    voiced = np.flatnonzero(track(wave, 24_000))
    assert 48 <= voiced[0] <= 52 and 147 <= voiced[-1] <= 151


@pytest.mark.parametrize("kind", ["silence", "noise", "nothing", "short"])
def test_what_has_no_voice_has_no_pitch(kind: str) -> None:
    rng = np.random.default_rng(0)
    wave = {
        "silence": np.zeros(24_000), "noise": rng.normal(0, 0.1, 24_000), "nothing": np.zeros(0), "short": np.ones(10) * 0.1,
    }[kind].astype(np.float32)  # fmt: skip
    found = track(wave, 24_000)
    assert len(found) == -(-len(wave) // 240)
    assert (found > 0).sum() <= 0.05 * len(found)
