"""How a text is to be read, as one value that can be passed along."""

from dataclasses import dataclass, field

from ..errors import OptionError
from .lexicon import Lexicon
from .plan import BUDGET, Pauses, plan
from .segments import Segment


@dataclass(frozen=True, slots=True)
class Reading:
    """The arguments of `plan.plan` (the first five) and `join.Joiner` (the last two)."""

    lexicon: Lexicon | None = None
    normalise: bool = True
    marks: bool = True
    budget: int = BUDGET
    pauses: Pauses = field(default_factory=Pauses)
    lead: float | None = 0.05
    trail: float | None = 0.1

    def plan(self, text: str, language: str | None) -> list[Segment]:
        """What to speak and where to pause; see `plan.plan`."""
        return plan(
            text, language, lexicon=self.lexicon, normalise=self.normalise, marks=self.marks, budget=self.budget,
            pauses=self.pauses,
        )  # fmt: skip


def check_reading(reading: Reading | bool | None, habit: Reading | None) -> Reading | None:
    """What `reading=` means: False nothing, None the model's habit (None for nothing), True that or else the defaults.

    Raises:
        OptionError: it is something else.
    """
    if reading is None:
        return habit
    if isinstance(reading, bool):
        return (habit or Reading()) if reading else None
    if isinstance(reading, Reading):
        return reading
    raise OptionError(f"reading must be a Reading, True, False or None, not {type(reading).__name__}")
