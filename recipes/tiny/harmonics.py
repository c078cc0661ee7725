"""What a wave is made of when its pitch is known: amplitudes of its harmonics, and how strong noise is in each band.

The wave is read at even steps of its pitch's phase, so that a period has the same number of samples everywhere; two periods
under a Hann window then tell each harmonic apart from all others exactly. What harmonics do not explain is noise. Measured 400
times a second, since noise would else hold what the lines between amplitudes miss; every second value is kept.
"""

from functools import cache

import numpy as np

RATE, HOP, FRAME = 24000, 60, 1920
KEPT = 2  # of so many measured values one is kept
NODES = FRAME // HOP // KEPT  # that are kept of a frame of the codec
HARMONICS, BANDS = 48, 38
PERIOD, PERIODS = 256, 2  # samples of a period when read by phase; periods under a window
TOP = 11_500.0  # Hz; harmonics above are left to noise
WINDOW = 512  # samples under which noise is measured


def mel_places(count: int) -> np.ndarray:
    """`count` frequencies from 0 to 12 kHz with one step of the mel scale between them."""
    mel = np.linspace(0, 2595 * np.log10(1 + RATE / 2 / 700), count)
    return 700 * (10 ** (mel / 2595) - 1)


def triangles(count: int, bins: np.ndarray) -> np.ndarray:
    """Weights of `count` overlapping bands, the first and the last level outwards, [count, bins]; they sum to one."""
    return np.stack([np.interp(bins, mel_places(count), row) for row in np.eye(count)])


def hats(at: np.ndarray, count: int) -> np.ndarray:
    """How much of each of the places 0, 1 … `count` - 1 is in each `at`, so that lines go from one to the next: [..., count]"""
    return np.maximum(1 - np.abs(at[..., None] - np.arange(count)), 0)


@cache
def bands() -> np.ndarray:
    return triangles(BANDS, np.linspace(0, RATE / 2, WINDOW // 2 + 1))


def amplitudes(wave: np.ndarray, pitch: np.ndarray, voiced: np.ndarray) -> np.ndarray:
    """Complex, of each harmonic at the end of each node, relative to the pitch's phase: [nodes, HARMONICS].

    Args:
        wave: [N], N a multiple of HOP.
        pitch: Hz of each sample [N], also where there is no voice.
        voiced: of each node, [N / HOP].
    """
    cycles = np.cumsum(pitch) / RATE
    samples = np.arange(int(cycles[0] * PERIOD), int(cycles[-1] * PERIOD) + 1)
    even = np.interp(samples / PERIOD, cycles, wave)
    even = np.pad(even, 2 * PERIOD)
    at = np.round(cycles[HOP - 1 :: HOP] * PERIOD).astype(int) - samples[0] + 2 * PERIOD  # of each node, in `even`
    half = PERIODS * PERIOD // 2
    window = np.hanning(2 * half + 1)[:-1] / half
    found = np.zeros((len(at), HARMONICS), np.complex64)
    for place in np.flatnonzero(voiced):
        middle = at[place]
        first = middle - half
        folded = np.roll(
            (even[first : first + 2 * half] * window).reshape(PERIODS, PERIOD).sum(0), first - 2 * PERIOD + samples[0]
        )
        found[place] = 2 * np.fft.rfft(folded)[1 : HARMONICS + 1]
    high = pitch[HOP - 1 :: HOP, None] * np.arange(1, HARMONICS + 1) > TOP
    found[high] = 0
    return found


def played(found: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """The wave of such harmonics, [N]."""
    count = len(pitch)
    turn = np.exp(2j * np.pi * np.cumsum(pitch) / RATE).astype(np.complex64)
    right = np.minimum(np.arange(count) // HOP, len(found) - 1)
    weight = ((np.arange(count) % HOP + 1) / HOP).astype(np.float32)
    before = np.concatenate((found[:1], found[:-1]))
    wave, phase = np.zeros(count, np.float32), np.ones(count, np.complex64)
    assert len(found) * HOP == count
    for k in range(HARMONICS):
        phase *= turn
        column = before[right, k] * (1 - weight) + found[right, k] * weight
        wave += (column * phase).real
    return wave


def noises(wave: np.ndarray) -> np.ndarray:
    """The root mean square of a wave in each band at the end of each node, [nodes, BANDS]."""
    padded = np.pad(wave, WINDOW // 2)
    rows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[HOP - 1 :: HOP][: len(wave) // HOP]
    window = np.hanning(WINDOW).astype(np.float32)
    power = np.abs(np.fft.rfft(rows * window)) ** 2 / np.square(window).sum() / WINDOW
    power[:, 1:-1] *= 2
    return np.sqrt(power @ bands().T).astype(np.float32)


def controls(wave: np.ndarray, pitch: np.ndarray, voiced: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What is kept: amplitudes of the harmonics [nodes, HARMONICS] and of the noise in each band [nodes, BANDS]."""
    found = amplitudes(wave, pitch, voiced)
    return np.abs(found)[KEPT - 1 :: KEPT], noises(wave - played(found, pitch))[KEPT - 1 :: KEPT]
