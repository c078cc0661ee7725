"""Other voices made of how clips sound: pitch, pace, colour, loudness change as asked; what is said of a voice is true."""

import numpy as np
import pytest
from captions import WAYS, Voice, describe
from sound import NODES, PLACES, Sound, controls, mel_places
from vary import Way, level, vary

HERTZ = mel_places(PLACES)


@pytest.fixture
def vowel() -> Sound:
    """Two seconds at 120 Hz with a formant at 1 kHz, louder in its second half."""
    frames = 25
    envelope = np.tile(-4 - ((HERTZ - 1000) / 600) ** 2 / 2, (frames * NODES, 1)).astype(np.float32).clip(-14)
    envelope[len(envelope) // 2 :] += 1
    pitch = np.full(frames * NODES, 120, np.float32)
    return Sound(pitch, envelope, np.full((frames * NODES, 5), 0.1, np.float32))


def formant(sound: Sound) -> float:
    return float(HERTZ[sound.envelope[3].argmax()])


@pytest.mark.parametrize("size", [0.85, 1.15])
def test_a_smaller_speaker_has_higher_formants_and_takes_as_long(vowel: Sound, size: float) -> None:
    made = vary(vowel, Way(size=size, pitch=1.2))
    assert abs(formant(made) / (1000 * size) - 1) < 0.07
    assert np.allclose(made.pitch, 144) and len(made) == len(vowel)


@pytest.mark.parametrize("pace", [0.75, 1.3])
def test_pace_changes_the_length_and_nothing_else(vowel: Sound, pace: float) -> None:
    made = vary(vowel, Way(pace=pace))
    assert abs(len(made) * pace / len(vowel) - 1) < 0.03 and len(made) % NODES == 0
    assert np.allclose(made.pitch, 120, rtol=1e-5) and formant(made) == formant(vowel)
    assert abs(np.argmax(np.diff(made.envelope[:, 20])) / len(made) - 0.5) < 0.03


def test_loud_bright_and_whispered(vowel: Sound) -> None:
    assert abs(level(vary(vowel, Way(loud=-6)).envelope) - level(vowel.envelope) + 6 * np.log(10) / 10) < 0.02
    bright = vary(vowel, Way(bright=2))
    assert abs(level(bright.envelope) - level(vowel.envelope)) < 0.02
    tilt = (bright.envelope - vowel.envelope)[0] * 10 / np.log(10)
    at = [int(np.abs(HERTZ - hertz).argmin()) for hertz in (500, 1000)]
    octaves = np.log2(HERTZ[at[1]] / HERTZ[at[0]])
    assert abs((tilt[at[1]] - tilt[at[0]]) / octaves - 2) < 0.05
    harmonics, noise = controls(vowel.pitch, vary(vowel, Way(whispered=True)).envelope, vary(vowel, Way(whispered=True)).noise)
    assert not harmonics.any() and noise.max() > 0


def test_descriptions_say_the_sex_and_nothing_that_is_not_so() -> None:
    rng, old = np.random.default_rng(0), Voice(woman=False, pitch=-1, pace=-1, bright=0, loud=0, age=1)
    for _ in range(200):
        words = describe(old, rng).lower()
        assert any(word in words.replace("female", "") for word in ("man", "male", "guy", "男性"))
        assert not any(word in words for word in ("woman", "lady", "high", "quick", "fast", "young", "女", "年轻", "语速快"))
    assert all(words and way != Way() for way, words in WAYS.values())
