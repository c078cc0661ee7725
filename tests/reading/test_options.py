import pytest

from qwen_tts.errors import OptionError
from qwen_tts.reading.options import Reading, check_reading

HABIT, OTHER = Reading(budget=120), Reading(normalise=False)


@pytest.mark.parametrize(
    ("asked", "habit", "meant"),
    [
        (None, None, None),
        (None, HABIT, HABIT),
        (True, None, Reading()),
        (True, HABIT, HABIT),
        (False, HABIT, None),
        (OTHER, HABIT, OTHER),
    ],
)
def test_what_is_asked_counts_before_the_habit(
    asked: Reading | bool | None, habit: Reading | None, meant: Reading | None
) -> None:
    assert check_reading(asked, habit) == meant


def test_anything_else_is_refused() -> None:
    with pytest.raises(OptionError, match="not str"):
        check_reading("yes", HABIT)  # type: ignore[arg-type]
