"""The words of the ten languages, and which of them a text is in."""

import re
from functools import cache

from ...errors import OptionError
from ..tongue import Tongue
from .de import GERMAN
from .en import ENGLISH
from .es import SPANISH
from .fr import FRENCH
from .it import ITALIAN
from .ja import JAPANESE
from .ko import KOREAN
from .pt import PORTUGUESE
from .ru import RUSSIAN
from .zh import CHINESE

NAMES = {
    "chinese": CHINESE,
    "english": ENGLISH,
    "japanese": JAPANESE,
    "korean": KOREAN,
    "german": GERMAN,
    "french": FRENCH,
    "russian": RUSSIAN,
    "portuguese": PORTUGUESE,
    "spanish": SPANISH,
    "italian": ITALIAN,
}
CODES = {tongue.code: tongue for tongue in NAMES.values()}
# Frequent words that few of the other languages share tell those in Latin letters apart.
MARKERS = {
    "en": "the and is of to you that it for was with this are my",
    "de": "der die und ist das nicht ein ich zu mit den auf für sie wir",
    "fr": "le les et est des je pas une vous dans du ce qui nous au",
    "es": "el los y es que una por con no las del está muy pero lo",
    "pt": "o os e é que um uma não com do da em para muito você",
    "it": "il e è che di una non per sono con della gli mi ho lo",
}
EVIDENCE = 2000  # characters that are looked at
HAN, KANA, HANGUL, CYRILLIC = (
    re.compile(pattern) for pattern in ("[\u4e00-\u9fff\u3400-\u4dbf]", "[\u3041-\u30ff]", "[\uac00-\ud7a3]", "[\u0400-\u04ff]")
)


def tongue_of(language: str | None, text: str) -> Tongue:
    """The tongue of a language as the models name it or of its code; for None and "auto", the one the text looks like.

    Raises:
        OptionError: there are no rules for the language.
    """
    name = "auto" if language is None else language.lower()
    if name == "auto":
        return CODES[guess(text[:EVIDENCE])]
    if name.endswith("_dialect"):
        return CHINESE
    found = NAMES.get(name) or CODES.get(name)
    if found is None:
        raise OptionError(f"there are no rules to read {language!r}; there are for auto, {', '.join(sorted(NAMES))}")
    return found


def guess(text: str) -> str:
    """The code of the language that a text looks like; English where nothing tells."""
    if KANA.search(text):
        return "ja"
    counts = {code: len(script.findall(text)) for code, script in (("zh", HAN), ("ko", HANGUL), ("ru", CYRILLIC))}
    best = max(counts, key=lambda code: counts[code])
    if counts[best] * 3 > len(re.findall(r"[^\W\d_]", text)):
        return best
    words = re.findall(r"[^\W\d_]+", text.lower())
    seen = {code: sum(word in markers for word in words) for code, markers in _markers().items()}
    return max(seen, key=lambda code: (seen[code], code == "en"))


@cache
def _markers() -> dict[str, frozenset[str]]:
    return {code: frozenset(words.split()) for code, words in MARKERS.items()}
