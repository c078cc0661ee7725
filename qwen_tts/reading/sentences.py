"""Where sentences and paragraphs end, in ten languages.

A boundary is found by what stands around a mark, never by looking far, so the time grows with the text.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

from .abbreviations import NEVER, PERHAPS, STARTERS
from .tongues import tongue_of

CLOSERS = "\"'”’»›)\\]}」』】》〉）］"
TERMINATOR = re.compile(rf"(?:[.!?…‼⁇⁈⁉。！？｡．]+(?:[ \u00a0\u202f]?»|[{CLOSERS}])*)|\n[ \t\r]*")
WIDE_STOPS = set("。！？｡．")
# In brackets a sentence may end and the sentence around them go on; quotations of this length are taken whole as well.
BRACKETED = re.compile(r"\([^()\n]{1,200}\)|\[[^][\n]{1,200}\]|（[^（）\n]{1,200}）|「[^「」\n]{1,200}」|『[^『』\n]{1,200}』")
PARAGRAPH = re.compile(r"\n[ \t\r]*\n\s*|\u2029|\f")
ITEM = re.compile(r"[ \t]*(?:[-*+•‣◦▪–—·]|\d{1,3}[.)])[ \t]")
LINE_WIDTH = 40  # columns; a shorter line that ends without a mark was ended on purpose: a heading, verse, a list
LOOK = 40  # characters on both sides of a mark


def paragraphs(text: str) -> list[str]:
    """The parts between blank lines, without white space around them; blank ones are left out."""
    return [part.strip() for part in PARAGRAPH.split(text) if part.strip()]


def sentences(text: str, language: str | None = None) -> list[str]:
    """The sentences of a paragraph, in order, without white space around them.

    A line break ends a sentence after a short line that no lower-case letter follows, and before an item of a list; any
    other is a wrapped line. Marks within brackets or corner quotes end nothing.

    Args:
        text: of any length.
        language: as for `normalise`.
    """
    code = tongue_of(language, text).code
    found: list[str] = []
    start, covered = 0, 0
    brackets = _spans(text)
    bracket = next(brackets, None)
    for match in TERMINATOR.finditer(text):
        if match.start() < covered:
            continue
        while bracket is not None and bracket[1] <= match.start():
            bracket = next(brackets, None)
        if bracket is not None and bracket[0] <= match.start() and match.end() < bracket[1]:
            continue
        if _ends(text, match, start, code):
            found.append(text[start : match.end()].strip())
            start = covered = match.end()
    found.append(text[start:].strip())
    return [sentence for sentence in found if sentence]


def _spans(text: str) -> Iterator[tuple[int, int]]:
    return (match.span() for match in BRACKETED.finditer(text))


def _ends(text: str, match: re.Match[str], start: int, code: str) -> bool:
    mark = match[0]
    after = text[match.end() : match.end() + LOOK]
    if mark[0] == "\n":
        return _line_ends(text, match.start(), start, after)
    if not after.strip():
        return True
    body = mark.rstrip(CLOSERS.replace("\\", "") + " \u00a0\u202f")
    if WIDE_STOPS.intersection(body):
        return not (len(body) < len(mark) and re.match(r"[とってのはがをも、，,]", after)) and after[0] not in "、，,"
    if not after[0].isspace():
        return is_dense(after[0]) and body[-1] in "!?‼⁇⁈⁉" and not _dense_quote(after[0])
    following = after.lstrip().lstrip("\"'“‘«„¿¡([「『-–— ")
    if following[:1].islower():
        return False
    if body[-1] == "…" or body.endswith(".."):
        return bool(following) and (following[0].isupper() or is_dense(following[0]) or following[0].isdigit())
    return body != "." or _point_ends(
        text[max(start, match.start() - LOOK) : match.start()], following, code, start < match.start() - LOOK
    )


def _line_ends(text: str, at: int, start: int, after: str) -> bool:
    if ITEM.match(after):
        return True
    line = text[max(start, text.rfind("\n", max(start, at - 200), at) + 1, at - 200) : at]
    columns = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)
    return (
        columns < LINE_WIDTH
        and not after.lstrip()[:1].islower()
        and not line.rstrip().endswith((",", ";", "-", "–", "、", "，"))
    )


def _point_ends(before: str, following: str, code: str, cut: bool) -> bool:
    """Whether a single point does. `before` is what stands before it in the sentence, `cut` that there is more."""
    never, perhaps, starters = _tables(code)
    word = re.split(r"[\s\"'“”‘’«»„(\[{/–—]", before)[-1]
    next_word = re.match(r"[^\W\d_]*", following)
    starts = next_word is not None and next_word[0].lower() in starters and next_word[0][:1].isupper()
    first = not cut and not before.removesuffix(word).strip("\"'“‘«„([ \t\n")
    if word.isdigit():
        if first and len(word) <= 3:
            return False  # "1. First", the number of an item
        return code != "de" or len(word) > 2 or starts
    low = word.lower()
    if low in perhaps:
        return starts
    if code == "ru" and re.search(r"т\. ?[дп]\Z", before):
        return following[:1].isupper()  # и т. д.
    if low in never:
        return False
    if len(word) == 1 and word.isalpha() and not is_dense(word):
        pronoun = code == "en" and word == "I" and not re.search(r"[A-Z][a-z]+ $", before.removesuffix(word))
        return (pronoun or word.islower()) and not first
    return not (re.fullmatch(r"(?:[^\W\d_]\.)+-?[^\W\d_]", word) and not starts)


@cache
def _tables(code: str) -> tuple[frozenset[str], ...]:
    """The words of NEVER, PERHAPS and STARTERS."""
    return tuple(frozenset(table[code].split()) for table in (NEVER, PERHAPS, STARTERS))


def is_dense(character: str) -> bool:
    """Of a script without spaces between words."""
    return "\u2e80" <= character <= "\u9fff" or "\uac00" <= character <= "\ud7a3" or "\uf900" <= character <= "\uffef"


def _dense_quote(character: str) -> bool:
    return character in "，、。！？」』）："
