"""Dates and times of day."""

import re
from functools import cache

from .tongue import Tongue

YEAR_FIRST = re.compile(r"(?<![\w./-])(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?![\w/-]|\.\d)", re.ASCII)
YEAR_LAST = re.compile(r"(?<![\w./-])(\d{1,2})([-/.])(\d{1,2})\2(\d{4})(?![\w/-]|\.\d)", re.ASCII)
CLOCK = re.compile(r"(?<![\w.:,])([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d))?(?![\w:]|\.\d)", re.ASCII)


def read_date(day: str, month: str, year: str | None, tongue: Tongue, before: str = "") -> str | None:
    """Words of a date; None where there is no such day."""
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return None
    y = None if year is None else int(year)
    if tongue.month_date is not None:
        names = tongue.months[int(month) - 1].split()
        return tongue.month_date(int(day), names[0], y, before)
    return tongue.date(y, int(month), int(day))


def year_first(match: re.Match[str], tongue: Tongue) -> str | None:
    """2024-03-05"""
    return read_date(match[4], match[3], match[1], tongue, word_before(match))


def year_last(match: re.Match[str], tongue: Tongue) -> str | None:
    """5.3.2024; where both numbers may be the month, as the language has it."""
    day, month = (match[1], match[3]) if tongue.day_first or match[2] == "." else (match[3], match[1])
    if int(month) > 12:
        day, month = month, day
    return read_date(day, month, match[4], tongue, word_before(match))


def clock(match: re.Match[str], tongue: Tongue) -> str:
    """14:30, 14:30:05"""
    return tongue.clock(int(match[1]), int(match[2]), int(match[3]) if match[3] else None)


@cache
def month_patterns(tongue: Tongue) -> list[re.Pattern[str]]:
    """Day before month, and, in English, after it."""
    if not tongue.months:
        return []
    names = sorted((name for forms in tongue.months for name in forms.split()), key=len, reverse=True)
    month = rf"(?P<month>{'|'.join(map(re.escape, names))})(?!\w)"
    year = r"(?:,?[ \u00a0](?:de )?(?P<year>\d{4})(?![\w%]|[.,:]\d)(?:[ \u00a0](?:года|г\.))?)?"
    day = r"(?P<day>[12]\d|3[01]|0?[1-9])(?:st|nd|rd|th|er|[º°.])?"
    patterns = [re.compile(rf"(?<![\w.,:/-]){day}[ \u00a0](?:of |de )?{month}{year}")]
    if not tongue.day_first:
        patterns.append(re.compile(rf"(?<!\w){month} {day}(?![\w:%]|[.,]\d){year}"))
    return patterns


def month_date(match: re.Match[str], tongue: Tongue) -> str | None:
    """5 March 2024"""
    if tongue.month_date is None:
        return None
    year = int(match["year"]) if match["year"] else None
    return tongue.month_date(int(match["day"]), match["month"], year, word_before(match))


def word_before(match: re.Match[str]) -> str:
    """The word that stands right before a match, or ""."""
    found = re.search(r"([^\W\d_]+)[ \u00a0]\Z", match.string[max(0, match.start() - 40) : match.start()])
    return found[1] if found else ""
