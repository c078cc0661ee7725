"""Numbers and what they count: money, units, percent, ordinals, ranges, fractions, plain numbers."""

import re
from functools import cache

from .tongue import Noun, Tongue

GROUPED_BY_COMMA = r"\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?"
GROUPED_BY_POINT = r"\d{1,3}(?:(?:\.\d{3})+|(?:[ \u00a0\u202f]\d{3})+|(?:['’]\d{3})+)(?!\d)(?:,\d+)?"
ALIASES = {
    "US$": "$",
    "USD": "$",
    "EUR": "€",
    "GBP": "£",
    "JPY": "¥",
    "CNY": "CN¥",
    "RMB": "CN¥",
    "RUB": "₽",
    "KRW": "₩",
    "BRL": "R$",
    "CHF": "CHF",
}
FRACTIONS = {"1/2": "½", "1/4": "¼", "3/4": "¾", "1/3": "⅓", "2/3": "⅔"}
LETTERS = (
    "A-Za-z0-9_\u00c0-\u024f\u0400-\u04ff"  # a unit that one of these follows is part of a word; not so the others' letters
)
VULGAR = re.compile(r"(?<=\d) ?(?=[½¼¾⅓⅔])")


def number_pattern(tongue: Tongue) -> str:
    """A regular expression for a number as the language writes it, without groups."""
    return rf"(?>{GROUPED_BY_POINT if tongue.comma else GROUPED_BY_COMMA}|\d+(?:[{'.,' if tongue.comma else '.'}]\d+)?)"


def parse(written: str, tongue: Tongue) -> tuple[str, str]:
    """The digits of the whole part and of the fraction."""
    written = re.sub(r"[ \u00a0\u202f'’]", "", written)
    if not tongue.comma:
        whole, _, fraction = written.replace(",", "").partition(".")
        return whole, fraction
    if "," in written:
        whole, _, fraction = written.partition(",")
        return whole.replace(".", ""), fraction
    first, *groups = written.split(".")
    if groups and first != "0" and len(first) <= 3 and all(len(group) == 3 for group in groups):
        return first + "".join(groups), ""
    return first, "".join(groups)


def read_number(written: str, tongue: Tongue, gender: str = "") -> str:
    """Words of a number with its grouping and decimal mark."""
    return tongue.number(*parse(written, tongue), gender)


@cache
def money_patterns(tongue: Tongue) -> list[re.Pattern[str]]:
    """Sign before the number, and after it."""
    signs = sorted(
        {*tongue.money, *(a for a, sign in ALIASES.items() if sign in tongue.money or sign == "CN¥")}, key=len, reverse=True
    )
    sign, number = "|".join(map(re.escape, signs)), number_pattern(tongue)
    scale = rf"(?:[ \u00a0]?(?P<scale>{tongue.scales}))?" if tongue.scales else "(?P<scale>)"
    end = f"(?![{LETTERS}])" if tongue.spaced else ""
    return [
        re.compile(rf"(?<!\w)(?P<minus>[-–])?(?P<sign>{sign}) ?(?P<n>{number}){scale}{end}", re.ASCII),
        re.compile(rf"(?<![\w.,])(?P<minus>[-–])?(?P<n>{number}){scale}[ \u00a0]?(?P<sign>{sign})(?![A-Za-z])", re.ASCII),
    ]


def money(match: re.Match[str], tongue: Tongue) -> str:
    """$5.99, 5 Mio. €"""
    sign = ALIASES.get(match["sign"], match["sign"])
    major, minor = tongue.money.get(sign) or tongue.money["¥"]
    whole, fraction = parse(match["n"], tongue)
    minus = f"{tongue.minus}{tongue.gap}" if match["minus"] else ""
    if match["scale"]:
        return minus + _scaled(whole, fraction, match["scale"], major, tongue)
    if fraction and not fraction.strip("0"):
        fraction = ""
    if not fraction or minor is None or len(fraction) > 2:
        return minus + tongue.count(whole, fraction, major)
    cents = tongue.count(str(int(fraction.ljust(2, "0"))), "", minor)
    return minus + (cents if not whole.strip("0") else f"{tongue.count(whole, '', major)}{tongue.and_cents}{cents}")


def _scaled(whole: str, fraction: str, scale: str, noun: Noun, tongue: Tongue) -> str:
    spelled = {
        "Mio.": "Millionen",
        "Mrd.": "Milliarden",
        "млн": "миллионов",
        "млрд": "миллиардов",
        "тыс.": "тысяч",
        "M": "million",
        "B": "billion",
        "bn": "billion",
    }.get(scale, scale)
    thing = noun.form("many")
    link = "" if spelled in ("mil", "mila", "mille") else tongue.of_scale
    if link == "de " and tongue.code == "fr" and thing[0] in "aeiouéh":
        link = "d'"
    number = tongue.number(whole, fraction, "m" if tongue.code in ("es", "fr", "it") else "")
    return f"{number}{tongue.gap}{spelled}{tongue.gap}{link}{thing}"


@cache
def unit_pattern(tongue: Tongue) -> re.Pattern[str]:
    """A number, or a range, and a unit or percent."""
    number = number_pattern(tongue)
    units = "|".join(map(re.escape, sorted({*tongue.units, "%"}, key=len, reverse=True)))
    end = rf"(?![{LETTERS}²³/°]|-(?!\d)[{LETTERS}])"
    return re.compile(
        rf"(?<![\w.,])(?P<minus>[-–])?(?:(?P<from>{number})%? ?[-–~〜～] ?)?"
        rf"(?P<n>{number})[ \u00a0\u202f]?(?P<unit>{units}){end}",
        re.ASCII,
    )


def unit(match: re.Match[str], tongue: Tongue) -> str:
    """20 °C, 5-10 km, 3,5 %"""
    whole, fraction = parse(match["n"], tongue)
    noun = tongue.units.get(match["unit"])
    minus = f"{tongue.minus}{tongue.gap}" if match["minus"] else ""
    said = tongue.count(whole, fraction, noun) if noun else tongue.percent.format(tongue.number(whole, fraction))
    if match["from"]:
        start = read_number(match["from"], tongue)
        said = tongue.to.format(tongue.percent.format(start) if tongue.code == "zh" and noun is None else start, said)
    return minus + said


@cache
def ordinal_pattern(tongue: Tongue) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.,]){tongue.ordinal_mark or '(?!)'}")


def ordinal(match: re.Match[str], tongue: Tongue) -> str:
    """1st, 2º, 3ª"""
    return tongue.ordinal(int(re.sub(r"\D", "", match["n"])), "f" if match.groupdict().get("g") else "")


@cache
def plain_pattern(tongue: Tongue) -> re.Pattern[str]:
    """Fraction, range, version, number; in this order, since each begins as the next does."""
    number = number_pattern(tongue)
    return re.compile(
        rf"(?<!\d)(?:(?P<minus>(?<![^\s(\[{{=,;:，。（])[-–](?=\d))?"
        rf"(?:(?P<top>\d{{1,3}})/(?P<bottom>\d{{1,3}})(?![\d/])"
        rf"|(?<!\d[-–])(?P<from>{number})(?:[-–~〜～]| – )(?P<till>{number})(?![-–]\d|\d)"
        rf"|(?P<version>(?!{GROUPED_BY_POINT if tongue.comma else GROUPED_BY_COMMA}(?!\.\d))\d+(?:\.\d+){{2,}})"
        rf"|(?P<n>{number})))"
    )


def plain(match: re.Match[str], tongue: Tongue) -> str:
    """Every number that no other rule has taken."""
    minus = f"{tongue.minus}{tongue.gap}" if match["minus"] else ""
    if match["top"]:
        return minus + fraction(match["top"], match["bottom"], tongue)
    if match["version"]:
        return minus + f"{tongue.gap}{tongue.point if not tongue.comma else tongue.net['.']}{tongue.gap}".join(
            tongue.number(part) for part in match["version"].split(".")
        )
    if match["from"]:
        ends = [match["from"], match["till"]]
        years = all(re.fullmatch(r"1[1-9]\d\d|20\d\d", end) for end in ends)
        return minus + tongue.to.format(*(tongue.year(int(end)) if years else read_number(end, tongue) for end in ends))
    return minus + read_number(match["n"], tongue, _gender(match, tongue))


def fraction(top: str, bottom: str, tongue: Tongue) -> str:
    """3/4"""
    if sign := FRACTIONS.get(f"{top}/{bottom}"):
        return tongue.signs[sign]
    words = [tongue.number(top), tongue.number(bottom)]
    return tongue.parts.format(*words) if tongue.parts else f"{words[0]} {tongue.signs['/']} {words[1]}"


def _gender(match: re.Match[str], tongue: Tongue) -> str:
    """Of the thing that is counted, as far as its ending shows it."""
    following = re.match(
        r" ?([^\W\d_]+)" if not tongue.spaced else r"[ \u00a0]([^\W\d_]+)", match.string[match.end() : match.end() + 30]
    )
    whole, _ = parse(match["n"], tongue)
    return tongue.gender_of(following[1], int(whole)) if following and len(whole) < 16 else ""
