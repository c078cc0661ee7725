"""Other voices and ways to speak, made from clips by signal processing: the speaker's size, pace, colour, whisper."""

from dataclasses import dataclass

import numpy as np
import soxr

from qwen_tts.tempo import FASTEST, SLOWEST, Tempo
from qwen_tts.train.data import LOUDNESS


@dataclass(frozen=True, slots=True)
class Way:
    """How a clip is changed.

    Attributes:
        size: pitch and formants are multiplied by it, as those of a smaller (above 1) or larger speaker are.
        pace: so much faster it is spoken.
        bright: dB an octave above 1 kHz, and as many less below.
        loud: dB.
        whispered: without a voice.
    """

    size: float = 1.0
    pace: float = 1.0
    bright: float = 0.0
    loud: float = 0.0
    whispered: bool = False


def vary(wave: np.ndarray, rate: int, way: Way, rng: np.random.Generator) -> np.ndarray:
    """float32 [N] -> float32 [about N / pace]."""
    if way.size != 1:
        wave = soxr.resample(wave, way.size * rate, rate)
    if abs(way.pace / way.size - 1) > 0.005:
        wave = Tempo(float(np.clip(way.pace / way.size, SLOWEST, FASTEST)), rate).add(wave.astype(np.float32), last=True)
    if way.whispered:
        wave = whispered(wave, rng)
    if way.bright:
        wave = coloured(wave, rate, way.bright)
    level = np.sqrt(np.square(wave[np.abs(wave) > 0.02 * np.abs(wave).max()]).mean())
    wave = wave * (LOUDNESS * 10 ** (way.loud / 20) / max(level, 1e-6))
    return (wave * min(1.0, 0.98 / np.abs(wave).max())).astype(np.float32)


def whispered(wave: np.ndarray, rng: np.random.Generator, size: int = 192) -> np.ndarray:
    """The same spectra over windows too short to hold a period, with phases at random."""
    hop, window = size // 4, np.hanning(size + 1)[:-1]
    padded = np.pad(wave, (size, size))
    places = np.arange(0, len(padded) - size, hop)[:, None] + np.arange(size)
    spectra = np.abs(np.fft.rfft(padded[places] * window))
    turned = np.fft.irfft(spectra * np.exp(2j * np.pi * rng.random(spectra.shape)), size) * window
    made = np.zeros(len(padded))
    np.add.at(made, places, turned)
    return made[size : size + len(wave)]


def coloured(wave: np.ndarray, rate: int, slope: float) -> np.ndarray:
    """Louder or softer by so many dB for each octave above 1 kHz, and the other way below, at most two octaves each."""
    octaves = np.clip(np.log2(np.maximum(np.fft.rfftfreq(len(wave), 1 / rate), 1) / 1000), -2, 2)
    return np.fft.irfft(np.fft.rfft(wave) * 10 ** (slope * octaves / 20), len(wave))
