"""What every metric takes and gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """One spoken sentence.

    Attributes:
        samples: mono float32 [N] in -1..1.
        rate: samples a second.
        text: what should be heard.
    """

    samples: np.ndarray
    rate: int
    text: str


@dataclass(frozen=True, slots=True)
class Score:
    """A metric's verdict on a set of clips.

    Attributes:
        value: of the whole set, in the metric's own unit.
        each: of every clip, in order. `value` need not be their mean (a word error rate weighs clips by their words).
        notes: what to show beside each clip, such as the words that were heard; empty when there is nothing to show.
    """

    value: float
    each: tuple[float, ...]
    notes: tuple[str, ...] = ()


class Metric(Protocol):
    """Loads its model once, when made; may then be called any number of times."""

    name: str

    def __call__(self, clips: Sequence[Clip]) -> Score: ...
