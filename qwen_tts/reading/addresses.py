"""Web and e-mail addresses, and numbers of telephones."""

import re
from itertools import groupby

from .tongue import Tongue

EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,6}[A-Za-z]{2,24}(?![A-Za-z0-9])", re.ASCII)
ENDINGS = "com|org|net|edu|gov|io|ai|dev|app|info|co|uk|us|de|fr|ru|pt|br|es|it|cn|jp|kr|eu|at|ch|ca|au|tv|me"
URL = re.compile(
    r"(?<![\w@.])(?:(?P<scheme>https?|ftp)://|(?=www\.)|(?=(?:[a-z0-9-]{1,63}\.){1,5}(?:"
    + ENDINGS
    + r")(?![A-Za-z0-9-]|\.[A-Za-z])))"
    r"(?P<rest>[A-Za-z0-9](?:[A-Za-z0-9._~:/?#@!$&'*+,;=%-]{0,300}[A-Za-z0-9/])?)",
    re.ASCII,
)
# With a country's code, with an area's code in brackets or beginning with 0, or in the American grouping.
PHONE = re.compile(
    r"(?<![\w.,+])(?:\+\d{1,3}(?:[ .-]?\(?\d{1,4}\)?){2,6}|\(0?\d{2,4}\)[ -]?\d{2,4}(?:[ -]?\d{2,4}){1,3}"
    r"|0\d{1,4}[ /-]\d{2,4}(?:[ -]?\d{2,4}){1,3}|\d{3}[.-]\d{3}[.-]\d{4}|\d{3}-\d{4})(?![\w-]|[.,]\d)",
    re.ASCII,
)


def read_address(text: str, tongue: Tongue) -> str:
    """Words and names of signs: "example dot com slash a"."""
    parts = re.findall(r"[^\W_]+|.", text.removesuffix("/"))
    return " ".join(
        " ".join("".join(g) for _, g in groupby(p, str.isdigit)) if p.isalnum() else tongue.net.get(p, "") for p in parts
    )


def read_url(match: re.Match[str], tongue: Tongue) -> str:
    """Without the scheme, which nobody says; "www" letter by letter."""
    return read_address(match["rest"], tongue).replace("www ", "w w w ", 1)


def read_phone(number: str, tongue: Tongue) -> str:
    """Digit by digit, a short pause between groups; the plus sign by its name."""
    groups = [tongue.spell_digits(digits) for digits in re.findall(r"\d+", number)]
    comma = "，" if tongue.code == "zh" else "、" if tongue.code == "ja" else ", "
    plus = f"{tongue.net['+']}{tongue.gap}" if "+" in number else ""
    return plus + comma.join(groups)
