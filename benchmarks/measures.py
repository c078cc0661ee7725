"""What is measured of a voice, and what it is asked for."""

from collections.abc import Callable

import numpy as np

from qwen_tts.eval.metric import Clip
from qwen_tts.eval.pitch import track

ENROLLED = 4  # sentences that a speaker's vector is the mean of


def tracked(clip: Clip) -> np.ndarray:
    """The pitch of every 10 ms in Hz, 0 where there is none."""
    return track(clip.samples, clip.rate)


def pitch(clip: Clip, found: np.ndarray | None = None) -> float:
    """The median, in Hz. `found`: its pitch as tracked, if that is known."""
    found = tracked(clip) if found is None else found
    return float(np.median(found[found > 0])) if found.any() else float("nan")


def loudness(clip: Clip) -> np.ndarray:
    """The root mean square of every whole 10 ms."""
    hop = clip.rate // 100
    return np.sqrt(np.square(clip.samples[: len(clip.samples) // hop * hop].reshape(-1, hop)).mean(1))


def voiced(clip: Clip) -> float:
    """The share of 10 ms that has a voice, of those that are not silent."""
    loud = loudness(clip) > 0.01
    found = tracked(clip)[: len(loud)]
    return float(np.mean(found[loud] > 0)) if loud.any() else 0.0


def brightness(clip: Clip, found: np.ndarray) -> float:
    """dB of what lies above 1.5 kHz over what lies below, where there is voice. `found`: its pitch as tracked."""
    hop, size = clip.rate // 100, clip.rate // 50
    rows = np.lib.stride_tricks.sliding_window_view(np.pad(clip.samples, (hop // 2, size)), size)[::hop]
    rows = rows[: len(found)][found > 0]
    power = np.square(np.abs(np.fft.rfft(rows * np.hanning(size)))).sum(0)
    high = np.fft.rfftfreq(size, 1 / clip.rate) > 1500
    return float(10 * np.log10((power[high].sum() + 1e-9) / (power[~high].sum() + 1e-9)))


def pace(clip: Clip) -> float:
    """Letters a second."""
    return sum(c.isalnum() for c in clip.text) / (len(clip.samples) / clip.rate)


def level(clip: Clip) -> float:
    """dB of the loudest tenth of all 10 ms."""
    return float(20 * np.log10(np.quantile(loudness(clip), 0.9) + 1e-9))


Wish = tuple[Callable[[Clip], float], float, float]  # what is measured, which way it should go, and by how much at least
SLOW, FAST, HIGH, LOW = (pace, -1, 1.1), (pace, 1, 1.1), (pitch, 1, 1.04), (pitch, -1, 1.04)
LOUD, QUIET, WHISPER = (level, 1, 2.0), (level, -1, 2.0), (voiced, -1, 2.0)


def followed(wish: Wish, told: Clip, plain: Clip) -> bool:
    """Whether the measure moved as it should: by that factor; a level, by so many dB."""
    measure, way, least = wish
    a, b = measure(told), measure(plain)
    return way * (a - b) > least if measure is level else (max(a, 1e-9) / max(b, 1e-9)) ** way > least


def wanted(wish: Wish) -> str:
    measure, way, least = wish
    much = f"{least:g} dB" if measure is level else f"a factor of {least:g}"
    return f"{measure.__name__} {'up' if way > 0 else 'down'} by {much}"
