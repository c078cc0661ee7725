"""Pieces of speech -> one wave: their silence trimmed, pauses of exact length, no clicks. Works on chunks while they arrive.

speech 1 . . . |trimmed|  pause  |trimmed| . . speech 2
         fades out to 0 |0 0 0 0 0| fades in from 0           a fade only where the cut would be heard
"""

import numpy as np

from ..errors import OptionError

WINDOW = 0.01  # seconds that are found silent or not
NEAR_ZERO = 4 / 32768  # a step of this size at a join is not heard


class Joiner:
    """Joins segments at one rate, mono float32.

    For each segment call `speech` with its chunks and then `end`; between segments `pause`. The results one after another are
    the wave; how a segment is cut into chunks does not change it.
    """

    def __init__(
        self, rate: int, lead: float | None = 0.05, trail: float | None = 0.1, threshold: float = -50.0, fade: float = 0.005
    ) -> None:
        """Sets what every segment keeps.

        Args:
            rate: Hz.
            lead, trail: the most silence that a segment keeps before and after its sound, seconds; None: all of it.
            threshold: 10 ms are silent when their root mean square is below this, dB of full scale.
            fade: length of the fades, seconds.
        Raises:
            OptionError: a length is negative or not finite.
        """
        for name, value in (("lead", lead), ("trail", trail), ("fade", fade)):
            if value is not None and not 0 <= value < float("inf"):
                raise OptionError(f"{name} must be a length in seconds, 0 or more, not {value}")
        self.rate = rate
        self._window = max(1, round(WINDOW * rate))
        self._lead, self._trail = (None if s is None else round(s * rate) for s in (lead, trail))
        self._quiet = 10 ** (threshold / 20)
        self._ramp = 0.5 - 0.5 * np.cos(np.pi * np.arange(round(fade * rate), dtype=np.float32) / max(1, round(fade * rate)))
        self._start()

    def _start(self) -> None:
        self._rest = np.zeros(0, np.float32)  # not yet a whole window
        self._held = np.zeros(0, np.float32)  # silence of which it is not known whether speech follows
        self._passed = 0  # samples of the present silence that have been passed on
        self._heard = False
        self._tail = np.zeros(0, np.float32)  # the last samples, to be faded should the segment end
        self._begun = 0  # samples of the segment that have been faded in
        self._fades = False

    def speech(self, samples: np.ndarray) -> np.ndarray:
        """Takes the next samples [n] of a segment; gives those that are ready, float32 [m]."""
        samples = np.concatenate([self._rest, np.asarray(samples, np.float32)])
        whole = len(samples) // self._window * self._window
        windows, self._rest = samples[:whole].reshape(-1, self._window), samples[whole:]
        return self._smooth(self._trim(windows))

    def end(self) -> np.ndarray:
        """Ends the segment; gives what is left of it."""
        left = [self._trim(self._rest[None])] if len(self._rest) else []
        if self._heard and self._held.size:
            left.append(self._held if self._trail is None else self._held[: max(0, self._trail - self._passed)])
        elif not self._heard and self._lead is None:
            left.append(self._held)
        out = self._smooth(np.concatenate([*left, np.zeros(0, np.float32)]))
        tail = self._tail
        if tail.size and abs(tail[-1]) > NEAR_ZERO:
            tail = tail * self._ramp[: len(tail)][::-1]
        self._start()
        return np.concatenate([out, tail])

    def pause(self, seconds: float) -> np.ndarray:
        """Exact silence, float32 [seconds * rate]. Between segments only."""
        return np.zeros(round(seconds * self.rate), np.float32)

    def _trim(self, windows: np.ndarray) -> np.ndarray:
        out: list[np.ndarray] = [np.zeros(0, np.float32)]
        loud = np.sqrt(np.square(windows, dtype=np.float64).mean(axis=1)) >= self._quiet if len(windows) else ()
        for window, sound in zip(windows, loud, strict=True):
            if sound:
                out += [self._held, window]
                self._held, self._passed, self._heard = window[:0], 0, True
            else:
                self._held = np.concatenate([self._held, window])
                if not self._heard:
                    self._held = self._held if self._lead is None else self._held[max(0, len(self._held) - self._lead) :]
                else:
                    # What the segment would keep in any case is passed on at once.
                    kept = len(self._held) if self._trail is None else max(0, self._trail - self._passed)
                    out.append(self._held[:kept])
                    self._passed += len(self._held[:kept])
                    self._held = self._held[kept:]
        return np.concatenate(out)

    def _smooth(self, samples: np.ndarray) -> np.ndarray:
        """Fades in the first samples where needed, and holds the last ones back."""
        if samples.size and not self._begun:
            self._fades = bool(abs(samples[0]) > NEAR_ZERO)
        if self._begun < len(self._ramp) and self._fades:
            part = self._ramp[self._begun : self._begun + len(samples)]
            samples = np.concatenate([samples[: len(part)] * part, samples[len(part) :]])
        self._begun += len(samples)
        samples = np.concatenate([self._tail, samples])
        cut = max(0, len(samples) - len(self._ramp))
        self._tail = samples[cut:]
        return samples[:cut]
