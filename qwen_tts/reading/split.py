"""Text -> pieces of a size that a model speaks well: whole sentences where they fit, parts of sentences where they do not.

Nothing is lost: the pieces one after another are the text, up to white space.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from ..errors import OptionError
from .sentences import CLOSERS, is_dense, paragraphs, sentences
from .tongues import tongue_of

Ending = Literal["paragraph", "sentence", "clause", "word", "cut"]
Measure = Callable[[str], int]
MOST_MARKS = 16  # that are kept with their character
# Where a sentence that is too long may be divided, best first.
CLAUSE_MARKS = (
    re.compile(
        rf"[;:；：][{CLOSERS}]*(?=\s|[^\x00-\x7f])|\s[–—―](?=\s)|[—―]+|…+"
        rf"|(?<![.!?。！？])[.!?。！？]++[{CLOSERS}]*+(?=\s|[^\x00-\x7f])"
    ),
    re.compile(rf"[,，、،][{CLOSERS}]*(?=\s|[^\x00-\x7f])|[)）」』\]](?=\s)"),
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text, without white space around it, and what ends it."""

    text: str
    ending: Ending


def pack(text: str, language: str | None = None, budget: int = 200, measure: Measure = len) -> list[Piece]:
    """Pieces of at most `budget`: as many whole sentences of one paragraph as fit.

    A sentence that does not fit alone is divided after a mark of clause, or else after a comma, a word, or anywhere between
    two characters; the parts of one sentence share a piece with no other. A last piece that would be much shorter than the
    one before it takes a part of that.

    Args:
        text: of any length.
        language: as for `normalise`.
        budget: of a piece, in units of `measure`, above 0.
        measure: the size of a text: characters, or tokens of a model. A single character may exceed the budget.
    Raises:
        OptionError: the budget is not above 0, or there are no rules for the language.
    """
    code = tongue_of(language, text).code
    return [piece for part in paragraphs(text) for piece in pack_sentences(sentences(part, code), budget, measure)]


def pack_sentences(found: list[str], budget: int, measure: Measure = len) -> list[Piece]:
    """The pieces of one paragraph; see `pack`."""
    if budget < 1:
        raise OptionError(f"the budget of a piece must be above 0, not {budget}")
    made: list[Piece] = []
    group: list[str] = []
    for sentence in found:
        if measure(sentence) > budget:
            made += [*_whole(group, budget, measure), *_divide(sentence, budget, measure)]
            group = []
        else:
            group.append(sentence)
    made += _whole(group, budget, measure)
    return [*made[:-1], Piece(made[-1].text, "paragraph")] if made else []


def _whole(group: list[str], budget: int, measure: Measure) -> list[Piece]:
    return [Piece(text, "sentence") for text in _fill(group, budget, measure)]


def _fill(parts: list[str], budget: int, measure: Measure) -> list[str]:
    """Joins parts that fit by themselves, and evens out the last two."""
    rows: list[list[str]] = []
    text = ""
    for part in parts:
        joined = f"{text}{_glue(text, part)}{part}"
        if rows and measure(joined) <= budget:
            rows[-1].append(part)
            text = joined
        else:
            rows.append([part])
            text = part
    if len(rows) > 1 and len(rows[-2]) > 1 and measure(_join(rows[-1])) * 3 < budget:
        both, size = rows[-2] + rows[-1], len(rows[-1])
        cuts = [(both[:cut], both[cut:]) for cut in range(max(1, len(both) - size - 8), len(both))]
        rows[-2:] = min(cuts, key=lambda pair: max(measure(_join(half)) for half in pair))
    return [_join(row) for row in rows]


def _join(parts: list[str]) -> str:
    text = parts[0]
    for part in parts[1:]:
        text += _glue(text, part) + part
    return text


def _glue(left: str, right: str) -> str:
    """A space, except between two characters of a script without spaces (Korean has them)."""
    wide = all(is_dense(c) and not "\uac00" <= c <= "\ud7a3" for c in (left[-1:] or " ", right[:1] or " "))
    return "" if wide or not left else " "


def _divide(sentence: str, budget: int, measure: Measure, level: int = 0) -> list[Piece]:
    """A sentence in parts that fit; `level` counts the marks that have been tried."""
    if level == len(CLAUSE_MARKS):
        return _by_words(sentence, budget, measure)
    parts = [part for part in _cut_after(sentence, CLAUSE_MARKS[level]) if part]
    made: list[Piece] = []
    group: list[str] = []
    for part in parts:
        if measure(part) <= budget:
            group.append(part)
            continue
        made += [Piece(text, "clause") for text in _fill(group, budget, measure)]
        made += _divide(part, budget, measure, level + 1)
        made[-1] = Piece(made[-1].text, "clause")
        group = []
    made += [Piece(text, "clause") for text in _fill(group, budget, measure)]
    return [*made[:-1], Piece(made[-1].text, "sentence")]


def _cut_after(text: str, marks: re.Pattern[str]) -> list[str]:
    cuts = [0, *(match.end() for match in marks.finditer(text)), len(text)]
    return [text[a:b].strip() for a, b in pairwise(cuts)]


def _by_words(text: str, budget: int, measure: Measure) -> list[Piece]:
    made: list[Piece] = []
    group: list[str] = []
    for word in text.split():
        if measure(word) <= budget:
            group.append(word)
            continue
        made += [Piece(part, "word") for part in _fill(group, budget, measure)]
        made += [Piece(part, "cut") for part in _anywhere(word, budget, measure)]
        group = []
    return made + [Piece(part, "word") for part in _fill(group, budget, measure)]


def _anywhere(word: str, budget: int, measure: Measure) -> list[str]:
    """Cuts a word, but not before a mark that belongs to the character before it."""
    made: list[str] = []
    start = 0
    size = budget
    while start < len(word):
        size = max(1, min(size * 2, len(word) - start))
        while size > 1 and measure(word[start : start + size]) > budget:
            size = max(1, size * 3 // 4)
        end = cut = start + size
        while cut < len(word) and start + 1 < cut > end - MOST_MARKS and _attached(word[cut], word[cut - 1]):
            cut -= 1
        if size == 1:  # the one character with its marks
            while cut < len(word) and cut < start + MOST_MARKS and _attached(word[cut], word[cut - 1]):
                cut += 1
        end = cut if size == 1 or not (cut < len(word) and _attached(word[cut], word[cut - 1])) else end
        made.append(word[start:end])
        start = end
    return made


def _attached(character: str, before: str) -> bool:
    return unicodedata.category(character) in ("Mn", "Me", "Mc") or character in "\u200d\ufe0f" or before == "\u200d"
