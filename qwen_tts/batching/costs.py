"""What the work takes on this machine, as measured while it is done."""

from dataclasses import dataclass, field

RECENT = 0.2  # the weight of the newest measurement


def _mix(old: float | None, new: float) -> float:
    return new if old is None else old + RECENT * (new - old)


@dataclass(slots=True)
class Costs:
    """Running means, in seconds; None before the first measurement.

    Attributes:
        steps: of one frame of the engine, by the number of rows.
        position: of one position of a prompt.
        decoded: of one frame of one row in the codec.
        utterance: of a row, from its place to its end.
        decoders: threads that decode.
    """

    steps: dict[int, float] = field(default_factory=dict)
    position: float | None = None
    decoded: float | None = None
    utterance: float | None = None
    decoders: int = 1

    def stepped(self, rows: int, seconds: float) -> None:
        self.steps[rows] = _mix(self.steps.get(rows), seconds)

    def prefilled(self, positions: int, seconds: float) -> None:
        self.position = _mix(self.position, seconds / max(1, positions))

    def sounded(self, frames: int, seconds: float) -> None:
        self.decoded = _mix(self.decoded, seconds / max(1, frames))

    def spoken(self, seconds: float) -> None:
        self.utterance = _mix(self.utterance, seconds)

    def step(self, rows: int) -> float:
        """Of a frame of so many rows: between those that were measured on a line, beyond them in proportion."""
        fewer = max((known for known in self.steps if known <= rows), default=None)
        more = min((known for known in self.steps if known >= rows), default=None)
        if fewer is None or more is None:
            nearest = fewer or more
            return self.steps[nearest] * max(1.0, rows / nearest) if nearest else 0.0
        share = (rows - fewer) / (more - fewer) if more > fewer else 0.0
        return self.steps[fewer] + share * (self.steps[more] - self.steps[fewer])

    def frame(self, rows: int) -> float:
        """Until each of so many rows has one more frame, as audio. Engine and codec work side by side: the slower counts."""
        return max(self.step(rows), rows * (self.decoded or 0.0) / self.decoders)
