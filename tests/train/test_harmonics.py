"""Amplitudes of harmonics and noise, against waves that were made of them."""

import numpy as np
from harmonics import BANDS, HARMONICS, HOP, KEPT, RATE, amplitudes, controls, noises, triangles

COUNT = RATE // HOP * HOP


def gliding(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A wave of harmonics with a pitch that moves, its pitch, and the amplitudes."""
    pitch = 140 + 50 * np.sin(np.arange(COUNT) / 4000)
    strong = rng.uniform(0.01, 0.1, 12)
    turns = np.cumsum(pitch) / RATE
    wave = (strong[:, None] * np.cos(2 * np.pi * np.outer(np.arange(1, 13), turns) + np.arange(12)[:, None])).sum(0)
    return wave, pitch, strong


def test_harmonics_are_told_apart_while_the_pitch_moves() -> None:
    wave, pitch, strong = gliding(np.random.default_rng(0))
    found = np.abs(amplitudes(wave, pitch, np.ones(COUNT // HOP, bool)))[20:-20]
    assert np.abs(found[:, :12] / strong - 1).max() < 0.12
    assert found[:, 12:].max() < 0.01


def test_where_there_is_no_voice_there_are_no_harmonics() -> None:
    wave, pitch, _ = gliding(np.random.default_rng(1))
    assert not amplitudes(wave, pitch, np.zeros(COUNT // HOP, bool)).any()


def test_what_harmonics_explain_is_no_noise() -> None:
    wave, pitch, strong = gliding(np.random.default_rng(2))
    harmonics, noise = controls(wave, pitch, np.ones(COUNT // HOP, bool))
    assert harmonics.shape == (COUNT // HOP // KEPT, HARMONICS)
    assert noise.shape == (COUNT // HOP // KEPT, BANDS)
    left = np.square(noise[20:-20]).sum(1).mean()
    assert left < 0.003 * np.square(strong).sum() / 2


def test_noise_has_its_power_in_its_bands() -> None:
    wave = 0.05 * np.random.default_rng(3).normal(size=COUNT)
    power = np.square(noises(wave)[10:-10]).mean(0)
    assert abs(np.sqrt(power.sum()) / 0.05 - 1) < 0.03
    share = triangles(BANDS, np.linspace(0, RATE / 2, 4097)).mean(1)
    assert np.abs(power / power.sum() / share - 1).max() < 0.2
