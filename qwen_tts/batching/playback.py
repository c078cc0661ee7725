"""How much audio a listener still has who plays a stream from its first chunk on."""

from dataclasses import dataclass


@dataclass(slots=True)
class Playback:
    """Times are seconds on any clock. A listener whose audio is over waits, and plays on when more comes.

    Attributes:
        end: when what was handed over will have been played; None before the first chunk.
    """

    end: float | None = None

    def add(self, seconds: float, now: float) -> float:
        """Hands over audio; returns for how long the listener had none."""
        dry = 0.0 if self.end is None else max(0.0, now - self.end)
        self.end = max(now, self.end or now) + seconds
        return dry

    def left(self, now: float) -> float:
        """Seconds until it is silent; below 0: since then. 0 before the first chunk."""
        return 0.0 if self.end is None else self.end - now
