"""Text as it is written -> text as it is said: numbers, dates, times, money, units, addresses, formulas and signs in words.

The rules are the same for the ten languages, the words come from `tongues/`. Text without any of these stays as it is, and
what has been read is plain text: normalising twice is normalising once.
"""

import re
from collections.abc import Callable, Iterator

from . import addresses, amounts, dates
from .decoration import undecorate
from .mathematics import PAD, read_formulas, read_signs
from .tongue import Tongue
from .tongues import tongue_of

BLOCK = 2000  # characters that the rules see at once: their time then grows with the text, whatever the text
NOTHING_TO_DO = re.compile(r"[^\W\d_]*(?:[ ,.!?;:'’\"“”«»，。！？；：、\n-]{1,9}[^\W\d_]+)*[ ,.!?;:'’\"“”«»，。！？；：、\n-]*")
NUMERO = re.compile(r"(?<!\w)(?:[nN]\.? ?[º°]|N[or]\.) ?(?=\d)")
MINUS = re.compile(r"(?<=\d) [-−] (?=\d)")
PADDING = re.compile(rf"[ \u00a0]*{PAD}[ {PAD}\u00a0]*")
OPENING, CLOSING = "([{«“„‘¿¡\"'-–/", ")]}»”’.,!?;:…\"'-–/，。！？；：、）」』"
ENDS = ".,!?;:…，。！？；：、"  # no space stands before them
Reading = Callable[[re.Match[str], Tongue], str | None]


def normalise(text: str, language: str | None = None) -> str:
    """Writes out what is not written as it is said.

    Args:
        text: any text, line breaks and all.
        language: as the models name it ("English", "Beijing_dialect"), or its code ("en"); None or "auto": the one the text
            looks like.
    Returns:
        The text in words. Emoji, faces made of signs and marks of layout are gone, unless nothing else would be left of a
        text that has letters or digits: such a text comes back as it was.
    Raises:
        OptionError: there are no rules for the language.
    """
    tongue = tongue_of(language, text)
    said = "".join(_block(block, tongue) for block in _blocks(text))
    if any(c.isalnum() for c in text) and not any(c.isalnum() for c in said):
        return text
    return said


def _blocks(text: str) -> Iterator[str]:
    """Pieces of at most BLOCK characters, cut after white space where there is any."""
    start = 0
    while len(text) - start > BLOCK:
        end = start + BLOCK
        cut = max(text.rfind(space, start, end) for space in "\n ")
        end = cut + 1 if cut > start else end
        yield text[start:end]
        start = end
    yield text[start:]


def _block(text: str, tongue: Tongue) -> str:
    text = undecorate(text, tongue)
    if NOTHING_TO_DO.fullmatch(text):
        return text
    for pattern, reading in _rules(tongue):
        text = _apply(pattern, reading, text, tongue)
    text = read_formulas(text, tongue)
    text = MINUS.sub(f"{PAD}{tongue.signs['-']}{PAD}", text)
    text = _apply(amounts.VULGAR, lambda m, t: "", text, tongue)
    text = _apply(amounts.plain_pattern(tongue), amounts.plain, text, tongue)
    return _unpad(read_signs(text, tongue))


def _rules(tongue: Tongue) -> list[tuple[re.Pattern[str], Reading]]:
    """In order: what could be taken for something else comes first."""
    return [
        (NUMERO, lambda m, t: t.signs["#"] if t.spaced else None),
        (addresses.EMAIL, lambda m, t: addresses.read_address(m[0], t)),
        (addresses.URL, addresses.read_url),
        (dates.YEAR_FIRST, dates.year_first),
        (dates.YEAR_LAST, dates.year_last),
        *((pattern, dates.month_date) for pattern in dates.month_patterns(tongue)),
        *((re.compile(pattern), _phrase(reading)) for pattern, reading in tongue.phrases),
        (addresses.PHONE, lambda m, t: addresses.read_phone(m[0], t)),
        (dates.CLOCK, dates.clock),
        *((pattern, amounts.money) for pattern in amounts.money_patterns(tongue)),
        (amounts.unit_pattern(tongue), amounts.unit),
        (amounts.ordinal_pattern(tongue), amounts.ordinal),
    ]


def _phrase(reading: Callable[..., str]) -> Reading:
    return lambda match, tongue: reading(tongue, *match.groups())


def _apply(pattern: re.Pattern[str], reading: Reading, text: str, tongue: Tongue) -> str:
    def replace(match: re.Match[str]) -> str:
        said = reading(match, tongue)
        return match[0] if said is None else f"{PAD}{said}{PAD}"

    return pattern.sub(replace, text)


def _unpad(text: str) -> str:
    """A pad between words becomes one space; beside punctuation, or in the languages without spaces, nothing."""

    def space(match: re.Match[str]) -> str:
        before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
        if " " in match[0]:
            return " " if before and after and not before.isspace() and not after.isspace() and after not in ENDS else ""
        if not before or not after or before.isspace() or after.isspace():
            return ""
        wordlike = before not in OPENING and after not in CLOSING
        return " " if wordlike and not (_dense(before) or _dense(after)) else ""

    return PADDING.sub(space, text)


def _dense(character: str) -> bool:
    """Of a script that has no spaces between words (and Korean, whose particles follow numbers at once)."""
    return "\u2e80" <= character <= "\ud7ff" or character > "\uff00"
