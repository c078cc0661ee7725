"""What is heard of speech, as a vocoder tells it: pitch, the envelope of the spectrum, and how much of it is noise.

Measured by WORLD, every 10 ms, each value at the end of its 10 ms. From these a wave is made of harmonics of the pitch and of
noise in bands (`controls`); the codes of the built-in voice stand for them, and its decoder's last layers make waves so.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

RATE, HOP, FRAME = 24000, 240, 1920
NODES = FRAME // HOP  # in a frame of the codec
LOWEST, HIGHEST = 60.0, 410.0  # Hz
PLACES = 60  # of the envelope, evenly on the mel scale
SHARES = np.array([0, 1000, 2000, 4000, 6000, 12000])  # Hz; between two of them noise has one share of the power
QUIET = -18.0  # log power that nobody hears: WORLD's envelopes of full-scale speech reach about 3
HARMONICS, BANDS = 44, 24


def mel_places(count: int) -> np.ndarray:
    """`count` frequencies from 0 to 12 kHz with one step of the mel scale between them."""
    mel = np.linspace(0, 2595 * np.log10(1 + RATE / 2 / 700), count)
    return 700 * (10 ** (mel / 2595) - 1)


def triangles(count: int, bins: np.ndarray) -> np.ndarray:
    """Weights of `count` overlapping bands, the first and the last level outwards, [count, bins]; they sum to one."""
    return np.stack([np.interp(bins, mel_places(count), row) for row in np.eye(count)])


@dataclass(slots=True)
class Sound:
    """pitch: Hz [N], between voices as if it went on; envelope: log power [N, PLACES]; noise: its share of the power [N, 5]."""

    pitch: np.ndarray
    envelope: np.ndarray
    noise: np.ndarray

    def __len__(self) -> int:
        return len(self.pitch)


def measure(wave: np.ndarray) -> Sound:
    """Of a clip at 24 kHz; as many values as whole frames of the codec, silent past the end of the clip."""
    import pyworld

    frames = -(-len(wave) // FRAME)
    x = np.pad(wave.astype(np.float64), (0, frames * FRAME - len(wave) + HOP))
    pitch, times = pyworld.dio(x, RATE, f0_floor=LOWEST, f0_ceil=HIGHEST, frame_period=5.0)
    pitch = pyworld.stonemask(x, pitch, times, RATE)[2::2][: frames * NODES].copy()
    times = times[2::2][: frames * NODES].copy()
    power = pyworld.cheaptrick(x, pitch, times, RATE, f0_floor=LOWEST)
    aperiodic = pyworld.d4c(x, pitch, times, RATE, fft_size=(power.shape[1] - 1) * 2)
    bins = np.linspace(0, RATE / 2, power.shape[1])
    weights = triangles(PLACES, bins)
    envelope = np.log(np.maximum(power @ (weights / weights.sum(1, keepdims=True)).T, np.exp(QUIET)))
    voiced = pitch > 0
    rows = [(bins >= low) & (bins < high) for low, high in pairwise(SHARES)]
    noise = np.stack([(aperiodic[:, row] ** 2).mean(1) for row in rows], 1)
    noise[~voiced] = 1
    return Sound(through(pitch), envelope.astype(np.float32), noise.astype(np.float32))


def through(pitch: np.ndarray) -> np.ndarray:
    """Pitch with its gaps bridged, in logarithms; 120 Hz where there is no voice at all."""
    voiced = np.flatnonzero(pitch > 0)
    if not len(voiced):
        return np.full(len(pitch), 120, np.float32)
    return np.exp(np.interp(np.arange(len(pitch)), voiced, np.log(pitch[voiced]))).astype(np.float32)


def controls(pitch: np.ndarray, envelope: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Amplitudes of the harmonics [N, HARMONICS], and the root mean square of the noise in each band [N, BANDS]."""
    f = pitch[:, None] * np.arange(1, HARMONICS + 1)
    share = np.repeat(noise, 2, 1)
    edges = np.stack([SHARES[:-1] + 1e-3, SHARES[1:] - 1e-3], 1).ravel()
    power = np.exp(rows_at(f, mel_places(PLACES), envelope))
    periodic = np.maximum(1 - rows_at(f, edges, share), 0)
    amplitude = 2 * np.sqrt(power * periodic * pitch[:, None] / RATE) * (f < 10_000)
    bins = np.linspace(0, RATE / 2, 513)
    grid = np.broadcast_to(bins, (len(pitch), len(bins)))
    part = rows_at(grid, edges, share)
    top = np.minimum((HARMONICS + 0.5) * pitch, 10_000)
    part = np.where(grid > top[:, None], 1, part)  # where no harmonic is, there is noise instead
    power = np.exp(rows_at(grid, mel_places(PLACES), envelope)) * part
    return amplitude.astype(np.float32), np.sqrt(power @ triangles(BANDS, bins).T / len(bins)).astype(np.float32)


def rows_at(x: np.ndarray, places: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Interpolates each row of `values` [N, P], given at `places` [P], at the row of `x` [N, M]."""
    right = np.clip(np.searchsorted(places, x), 1, len(places) - 1)
    weight = np.clip((x - places[right - 1]) / (places[right] - places[right - 1]), 0, 1)
    return np.take_along_axis(values, right - 1, 1) * (1 - weight) + np.take_along_axis(values, right, 1) * weight


class Sounds:
    """What measure.py wrote beside a pack: the sound of each clip, 16-bit floats."""

    def __init__(self, folder: Path) -> None:
        self.start = np.load(folder / "sound_start.npy")
        self.rows = np.memmap(folder / "sound.f2", "<f2", "r").reshape(int(self.start[-1]), -1)

    def get(self, clip: int) -> Sound:
        rows = np.asarray(self.rows[self.start[clip] : self.start[clip + 1]], np.float32)
        return Sound(np.exp2(rows[:, 0]), rows[:, 1 : 1 + PLACES], rows[:, 1 + PLACES :])


def write_sounds(sounds: Iterable[Sound], folder: Path) -> None:
    """DIR/sound.f2 and where each clip begins in it: DIR/sound_start.npy."""
    start = [0]
    with (folder / "sound.f2").open("wb") as file:
        for sound in sounds:
            rows = np.concatenate((np.log2(sound.pitch)[:, None], sound.envelope, sound.noise), 1)
            file.write(rows.astype("<f2").tobytes())
            start.append(start[-1] + len(rows))
    np.save(folder / "sound_start.npy", start)
