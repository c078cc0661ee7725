"""Mandarin for a small talker: what each character sounds like.

Thousands of characters would have to be heard, each many times. But it is known how a character is read. So the talker
learns 1,200 syllables, each under the name of one character that is read so. When it has learned, every other character gets
that one's vector (`export.py`), whether it was ever heard or not. Characters with several readings, and those that often lose
their tone, keep names of their own, so that their readings are learned from what stands around them.
"""

from functools import cache

from pypinyin import Style, lazy_pinyin

OWN = frozenset("一不了着的得地还都长行为好重乐觉种只数教调传发当间量应子儿头们过上下里")


def is_character(c: str) -> bool:
    return "一" <= c <= "龥"


@cache
def characters() -> str:
    """All of GB 2312, 6,763."""
    rows = (bytes((high, low)) for high in range(0xB0, 0xF8) for low in range(0xA1, 0xFF))
    return "".join(c for row in rows if is_character(c := row.decode("gb2312", "ignore")))


def syllables(text: str) -> list[str]:
    """One for each character of the text, its tone as a digit, 5 without: "zhong1"; "" for what is none."""
    read = lazy_pinyin(text, style=Style.TONE3, neutral_tone_with_five=True, errors=list)
    return [s if is_character(c) else "" for c, s in zip(text, read, strict=True)]


@cache
def names() -> dict[str, str]:
    """Syllable -> the character under whose name it is learned."""
    found: dict[str, str] = {}
    for c in characters():
        if c not in OWN:
            found.setdefault(syllables(c)[0], c)
    return found


def spelled(text: str) -> str:
    """The text as the talker learns it: each character as the one whose name its syllable has."""
    read = syllables(text)
    return "".join(_name(c, s) if s else c for c, s in zip(text, read, strict=True))


def _name(c: str, syllable: str) -> str:
    if c in OWN:
        return c
    return names().get(syllable) or names().get(syllables(c)[0], c)


def namesakes() -> dict[str, str]:
    """Each character that is learned under another one's name -> that one."""
    known = {c: _name(c, syllables(c)[0]) for c in characters()}
    return {c: name for c, name in known.items() if c != name}
