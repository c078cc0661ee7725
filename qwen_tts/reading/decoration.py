"""What is written but never said: emoji, faces made of signs, marks of layout, invisible characters."""

import re
import unicodedata

from .tongue import Tongue

# Full-width letters, digits and signs as the ordinary ones; the punctuation of Chinese and Japanese stays what it is.
WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F) if chr(code) not in "！（），：；？～"}
LOOKALIKES = {
    0x2212: "-",
    0x2215: "/",
    0x2217: "*",
    0xFFE5: "¥",
    0xFFE1: "£",
    0xFFE6: "₩",
    0x2103: "°C",
    0x2109: "°F",
    0xB5: "μ",
}
TABLE = WIDE | LOOKALIKES
INVISIBLE = re.compile(
    "[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff\u20e3\ue000-\uf8ff\U000e0000-\U000e007f]"
)
SQUARED = re.compile("[\u2460-\u2473\u3300-\u33ff]")  # ㎏, ㎡
FACE = re.compile(r" ?[(（][^()（）\w]{0,3}[^()（）]{0,24}[)）][^\s\w.,!?;:。，！？、]{0,3}")
RULE = re.compile(r"^(?:[^\w\n]|_)+$", re.MULTILINE)
REPEATED = re.compile(r"([-=_*~#+.])\1{3}")
MARKDOWN = re.compile(
    r"^(?:[ \t]{0,8}(?:#{1,6}|>{1,3}|[-*+•‣◦▪–])[ \t]+)+|(?<!\w)[*_]{1,3}(?=\w)|(?<=[\w.,!?…。！？])[*_]{1,3}(?!\w)|`{1,3}|~~",
    re.MULTILINE,
)
JOINER = re.compile("(?<!\\w)\u200d|\u200d(?!\\w)")  # all that is left of a group of pictures
SPOKEN_SYMBOLS = re.compile(r" ?(?:[^\w\s]|_)")
HTML = re.compile(r"</?(?:a|b|br|code|div|em|h[1-6]|i|img|li|ol|p|pre|s|span|strong|sub|sup|u|ul)(?:\s[^<>\n]{0,200})?/?>")
LINKED = re.compile(r"!?\[([^\[\]\n]{1,300})\]\([^()\s]{1,300}\)")  # [words](address)


def undecorate(text: str, tongue: Tongue) -> str:
    """The text without decoration, in NFC, with full-width letters as ordinary ones."""
    text = unicodedata.normalize("NFC", text.translate(TABLE))
    if text.isascii() and text.replace(" ", "").isalnum():
        return text
    text = SQUARED.sub(
        lambda m: unicodedata.normalize("NFKC", m[0]).replace("m2", "m²").replace("m3", "m³"), INVISIBLE.sub("", text)
    )
    text = HTML.sub("", text)
    text = LINKED.sub(r"\1", RULE.sub(lambda m: "" if REPEATED.search(m[0]) else m[0], text))
    text = FACE.sub(lambda m: "" if _is_face(m[0]) else m[0], text)
    text = MARKDOWN.sub("", text)
    text = SPOKEN_SYMBOLS.sub(lambda m: m[0] if _is_said(m[0].lstrip(), tongue) else "", text)
    return JOINER.sub("", text)


def _is_face(group: str) -> bool:
    """Mostly signs, and no two letters or digits side by side: (^_^), (´･ω･`); but not (a+b) or (5)."""
    inside = re.split(r"[)）]", group.lstrip()[1:])[0]
    if not inside.strip() or re.search(r"[^\W_]{2}|\d", inside):
        return False
    return sum(not c.isalpha() and not c.isspace() for c in inside) * 10 >= 6 * len(inside)


def _is_said(sign: str, tongue: Tongue) -> bool:
    """Punctuation, and signs that have a reading; no pictures."""
    if sign in tongue.signs or sign in "~|\\":
        return True
    return unicodedata.category(sign) not in ("So", "Sk", "Co", "Cn", "Cs")
