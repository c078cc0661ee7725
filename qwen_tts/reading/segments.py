"""What a text becomes: speech and pauses, in order."""

from dataclasses import dataclass
from typing import Literal

Reason = Literal["mark", "word", "clause", "sentence", "paragraph"]


@dataclass(frozen=True, slots=True)
class Speak:
    """A piece of text, ready for the tokenizer."""

    text: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence.

    Attributes:
        seconds: how long.
        reason: "mark", where the text asks for it, else what ends before it.
    """

    seconds: float
    reason: Reason = "mark"


Segment = Speak | Pause
