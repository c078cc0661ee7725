"""Faster and slower at the same pitch, however the wave is cut."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from qwen_tts import Qwen3TTSModel
from qwen_tts.errors import OptionError
from qwen_tts.tempo import Tempo, check_speed

RATE = 24_000


def hum(seconds: float, hertz: float = 220.0) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


def change(wave: np.ndarray, speed: float, block: int = 1920) -> np.ndarray:
    tempo = Tempo(speed, RATE)
    parts = [tempo.add(wave[start : start + block]) for start in range(0, len(wave), block)]
    return np.concatenate([*parts, tempo.add(wave[:0], last=True)])


@pytest.mark.parametrize("speed", [0.5, 0.8, 1.25, 2.0])
def test_the_length_changes_and_the_pitch_does_not(speed: float) -> None:
    changed = change(hum(3), speed)
    assert len(changed) == pytest.approx(3 * RATE / speed, abs=0.03 * RATE) and changed.dtype == np.float32
    middle = changed[2400:-2400]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert spectrum.argmax() * RATE / len(middle) == pytest.approx(220, abs=1)
    assert np.abs(np.diff(middle)).max() < 1.5 * np.abs(np.diff(hum(1))).max(), "no clicks"


@pytest.mark.parametrize("speed", [0.6, 1.7])
def test_any_cutting_gives_the_same_samples(speed: float) -> None:
    wave = hum(2) + hum(2, 97) * np.linspace(0, 1, 2 * RATE, dtype=np.float32)
    whole = change(wave, speed, 10**6)
    for block in (777, 1920, 15_360):
        np.testing.assert_array_equal(change(wave, speed, block), whole)


def test_nothing_stays_nothing() -> None:
    assert len(Tempo(1.5, RATE).add(np.zeros(0, np.float32), last=True)) == 0


@pytest.mark.parametrize("speed", [0.49, 2.1, 0, -1, "fast", None, True, float("nan")])
def test_speeds_that_cannot_be_had(speed: Any) -> None:
    with pytest.raises(OptionError, match="speed must be from 0.5 to 2.0"):
        check_speed(speed)


def test_without_the_library_speed_1_works_and_the_others_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    assert check_speed(1) == 1.0
    with pytest.raises(OptionError, match=r"qwen-tts\[speed\]"):
        check_speed(1.2)


@pytest.mark.filterwarnings("ignore:the speech of text")
def test_calls_take_a_speed(loaded: Callable[[str], Any]) -> None:
    model, options = Qwen3TTSModel(loaded("custom_voice")), {"seed": [7, 1], "speaker": "ryan", "retries": 0}
    texts = ["the house", "a"]
    plain = model.generate_custom_voice(texts, **options)
    for one, other in zip(plain.waves, model.generate_custom_voice(texts, speed=1, **options).waves, strict=True):
        np.testing.assert_array_equal(one, other)
    for speed in (0.7, 1.5):
        changed = model.generate_custom_voice(texts, speed=speed, **options)
        for row, wave in enumerate(changed.waves):
            np.testing.assert_array_equal(changed.details[row].codes, plain.details[row].codes)
            assert len(wave) == pytest.approx(len(plain.waves[row]) / speed, abs=0.03 * RATE)
            np.testing.assert_allclose(wave, change(plain.waves[row], speed), atol=1e-4)
        chunks = list(model.stream_custom_voice(texts, "ryan", seed=[7, 1], speed=speed, schedule=[3]))
        for row, wave in enumerate(changed.waves):
            parts = [chunk.samples for chunk in chunks if chunk.row == row]
            assert len(parts) > 2
            np.testing.assert_allclose(np.concatenate(parts), wave, atol=1e-4)
    with pytest.raises(OptionError, match="speed"):
        model.generate_custom_voice(texts, speed=3, **options)
