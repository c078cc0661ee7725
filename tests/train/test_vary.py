"""Other voices made of clips: pitch, pace, colour and loudness change as asked, and what is said about a voice is true."""

import numpy as np
import pytest
from captions import WAYS, Voice, describe
from vary import Way, vary

from qwen_tts.eval.pitch import track

RATE = 24_000


@pytest.fixture
def buzz() -> np.ndarray:
    """Two seconds at 120 Hz, with a formant, twice louder and softer."""
    t = np.arange(2 * RATE) / RATE
    return (sum(np.sin(2 * np.pi * 120 * k * t) / (1 + abs(k - 6)) for k in range(1, 30)) * 0.05).astype(np.float32)


def changed(wave: np.ndarray, way: Way) -> np.ndarray:
    return vary(wave, RATE, way, np.random.default_rng(0))


def level(wave: np.ndarray) -> float:
    return float(20 * np.log10(np.sqrt(np.square(wave).mean())))


def slope(wave: np.ndarray) -> float:
    """dB that the spectrum has above 2 kHz, relative to what it has below 500 Hz."""
    power = np.abs(np.fft.rfft(wave)) ** 2
    hertz = np.fft.rfftfreq(len(wave), 1 / RATE)
    return float(10 * np.log10(power[hertz > 2000].sum() / power[hertz < 500].sum()))


def hertz(wave: np.ndarray) -> float:
    found = track(wave, RATE)
    return float(np.median(found[found > 0]))


@pytest.mark.parametrize("size", [0.85, 1.15])
def test_a_smaller_speaker_is_higher_and_as_long(buzz: np.ndarray, size: float) -> None:
    made = changed(buzz, Way(size=size))
    assert abs(hertz(made) / (120 * size) - 1) < 0.02
    assert abs(len(made) / len(buzz) - 1) < 0.03


@pytest.mark.parametrize("pace", [0.75, 1.3])
def test_pace_changes_the_length_and_not_the_pitch(buzz: np.ndarray, pace: float) -> None:
    made = changed(buzz, Way(pace=pace))
    assert abs(len(made) * pace / len(buzz) - 1) < 0.03
    assert abs(hertz(made) / 120 - 1) < 0.02


def test_loud_bright_and_whispered(buzz: np.ndarray) -> None:
    plain = changed(buzz, Way())
    assert abs(level(changed(buzz, Way(loud=-6))) - level(plain) + 6) < 0.2
    assert slope(changed(buzz, Way(bright=2))) > slope(plain) + 4
    assert slope(changed(buzz, Way(bright=-2))) < slope(plain) - 4
    assert (track(changed(buzz, Way(whispered=True)), RATE) > 0).mean() < 0.1


def test_descriptions_say_the_sex_and_nothing_that_is_not_so() -> None:
    rng, old = np.random.default_rng(0), Voice(woman=False, pitch=-1, pace=-1, bright=0, loud=0, age=1)
    for _ in range(200):
        words = describe(old, rng).lower()
        assert any(word in words.replace("female", "") for word in ("man", "male", "guy", "男性"))
        assert not any(word in words for word in ("woman", "lady", "high", "quick", "fast", "young", "女", "年轻", "语速快"))
    assert all(words and way != Way() for way, words in WAYS.values())
