"""Faster or slower speech at the same pitch, as a stream. The work is done by FFmpeg's `atempo`, through PyAV.

It overlaps and adds short windows of the wave where they fit best, which suits a single voice. Its output does not depend on
how the input is cut.
"""

from fractions import Fraction
from typing import Any

import numpy as np

from .errors import OptionError

SLOWEST, FASTEST = 0.5, 2.0


def check_speed(speed: Any) -> float:
    """A speed that can be had here.

    Raises:
        OptionError: it is no number from 0.5 to 2, or PyAV is missing.
    """
    if isinstance(speed, bool) or not isinstance(speed, int | float) or not SLOWEST <= speed <= FASTEST:
        raise OptionError(f"speed must be from {SLOWEST} to {FASTEST} (1 leaves the speech as it is), not {speed!r}")
    if speed != 1:
        _av()
    return float(speed)


class Tempo:
    """One wave at another speed."""

    def __init__(self, speed: float, rate: int) -> None:
        av = _av()
        self._av, self._rate, self._taken = av, rate, 0
        self._graph = av.filter.Graph()
        base = Fraction(1, rate)
        self._source = self._graph.add_abuffer(sample_rate=rate, format="flt", layout="mono", time_base=base)
        tempo, self._sink = self._graph.add("atempo", str(speed)), self._graph.add("abuffersink")
        self._source.link_to(tempo)
        tempo.link_to(self._sink)
        self._graph.configure()

    def add(self, samples: np.ndarray, last: bool = False) -> np.ndarray:
        """Takes the next samples, float32 [N]; gives what is ready, float32 [M] and perhaps empty; with `last`, the rest."""
        if len(samples):
            frame = self._av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = self._rate, self._taken, Fraction(1, self._rate)
            self._taken += len(samples)
            self._source.push(frame)
        if last and self._taken:
            self._source.push(None)
        ready = [np.zeros(0, np.float32)]
        while self._taken:
            try:
                ready.append(self._sink.pull().to_ndarray()[0])
            except (self._av.error.BlockingIOError, self._av.error.EOFError):  # nothing yet; nothing any more
                break
        return np.clip(np.concatenate(ready), -1, 1)


def _av() -> Any:
    try:
        import av
        import av.filter
    except ImportError:
        raise OptionError('another speed than 1 needs PyAV: pip install "qwen-tts[speed]"') from None
    return av
