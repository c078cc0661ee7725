"""Text that is to be said in a certain way: what <say-as> asks for."""

import re
import unicodedata

from . import addresses, amounts, dates
from .normalise import normalise
from .tongue import Tongue


def say_as(text: str, how: str, tongue: Tongue) -> str:
    """Words of a text.

    Args:
        text: "404", "ABC", "2024-03-05".
        how: characters, spell-out, digits, cardinal, ordinal, date, time or telephone. A text that is no number, date or time
            is read as any text.
        tongue: the language.
    """
    text = unicodedata.normalize("NFKC", text).strip()
    said: str | None = None
    if how in ("characters", "spell-out"):
        said = spell(text, tongue)
    elif how == "digits":
        said = " ".join(tongue.spell_digits(part) if part.isdigit() else part for part in re.findall(r"\d+|[^\d\s]+", text))
    elif how == "telephone":
        said = addresses.read_phone(text, tongue) if re.search(r"\d", text) else None
    elif how == "date":
        said = _date(text, tongue)
    elif how == "time":
        match = dates.CLOCK.fullmatch(text)
        said = dates.clock(match, tongue) if match else None
    elif match := re.fullmatch(rf"([-−–])?({amounts.number_pattern(tongue)})(?:\D{{1,3}})?", text):
        said = _number(match, how, tongue)
    return said if said is not None else normalise(text, tongue.code)


def spell(text: str, tongue: Tongue) -> str:
    """Character by character: "A, B, one"."""
    names = [
        tongue.digits[int(c)] if c.isdecimal() else tongue.net.get(c) or tongue.signs.get(c) or c
        for c in text
        if not c.isspace()
    ]
    return " ".join(names) if tongue.spaced else "".join(f"{a} " if a.isascii() else a for a in names).strip()


def _number(match: re.Match[str], how: str, tongue: Tongue) -> str | None:
    whole, fraction = amounts.parse(match[2], tongue)
    if how == "ordinal":
        return tongue.ordinal(int(whole), "") if not fraction and len(whole) < 13 else None
    minus = f"{tongue.minus}{tongue.gap}" if match[1] else ""
    return minus + tongue.number(whole.lstrip("0") or "0", fraction)


def _date(text: str, tongue: Tongue) -> str | None:
    for pattern, reading in ((dates.YEAR_FIRST, dates.year_first), (dates.YEAR_LAST, dates.year_last)):
        if match := pattern.fullmatch(text):
            return reading(match, tongue)
    return None
