"""What the rules of reading must know of a language: one `Tongue` each, filled in by the files of `tongues/`.

A tongue holds words and small functions that inflect them; how a number, a date or an address is found in a text is the
business of the rules, and the same for all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

# A number that looks like a year of 1100 to 1999 ({0} may add others), with no unit, sign or further digits beside it.
YEAR_ALONE = (
    r"(?<![\w.,$€£¥+–−-])(1[1-9]\d\d{0})(?![\w%°$€£¥]|[.,:/]\d|\s?[-–−+*=×÷]"
    r"|\s(?:km|kg|m|cm|mm|g|MB|GB|W|kW|Hz)(?!\w))"
)
MOST_DIGITS = 15  # longer numbers are read digit by digit


@dataclass(frozen=True, slots=True)
class Noun:
    """A thing that is counted.

    Attributes:
        one, many: its form after one, and after several.
        gender: "m", "f" or "n", where the language's numbers agree with it.
        few: Russian: its form after two to four, and after a fraction.
    """

    one: str
    many: str = ""
    gender: str = "m"
    few: str = ""

    def form(self, plural: str) -> str:
        return {"one": self.one, "few": self.few}.get(plural) or self.many or self.one


def same_or_many(number: int) -> str:
    """The plural of most languages: "one" for 1, "many" else."""
    return "one" if number == 1 else "many"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # one instance a language, compared by identity
class Tongue:
    """The words of one language.

    Attributes:
        digits: the names of 0 .. 9, read one by one.
        cardinal: number, gender -> words. Gender "" counts without a thing ("eins", "uno"), else it agrees ("ein", "una").
        ordinal: number, gender -> words.
        point: stands between whole part and fraction.
        comma: the decimal mark is a comma, and a point groups thousands; else the reverse.
        fraction: digits after the point -> words.
        decimal: whole, digits after the point -> words, for a language that needs more than the point.
        plural: number -> a key of `Noun.form`.
        gap: stands between a number and what it counts; the languages without spaces have none.
        gender_of: the word that follows, whether it follows 1 -> gender that a number before it takes.
        minus: the sign.
        to: format of a range.
        year, date, clock: numbers -> words. Year of a date is None where it has none; clock takes hour, minute, second | None.
        day_first: 3/5 is the third of May.
        months: names as they are written in dates, all the forms of a month in one string, separated by spaces.
        month_date: reads a date with a month in letters: day, month as written, year | None, the word before -> words.
        units, money: sign -> thing; of money also its hundredth.
        and_cents: between the major and minor unit of money.
        scales: words such as "million" that may stand between number and currency, a regular expression.
        of_scale: after them, before the currency.
        percent: format of words.
        signs: mathematics and symbols -> words; see `symbols.py`.
        net: signs of addresses -> words: . @ / - _ : and so on.
        parts: format of a fraction; without it, as a division.
        ordinal_mark: a regular expression for a number that is an ordinal; group n, and g where it is feminine.
        phrases: rules of this language alone: a pattern, and what reads the tongue and the pattern's groups.
    """

    code: str
    digits: tuple[str, ...]
    cardinal: Callable[[int, str], str]
    ordinal: Callable[[int, str], str]
    point: str
    comma: bool = True
    fraction: Callable[[str], str] | None = None
    decimal: Callable[[int, str], str] | None = None
    plural: Callable[[int], str] = same_or_many
    gap: str = " "
    gender_of: Callable[[str, int], str] = lambda word, number: ""
    minus: str
    to: str
    year: Callable[[int], str]
    date: Callable[[int | None, int, int], str]
    clock: Callable[[int, int, int | None], str]
    day_first: bool = True
    months: tuple[str, ...] = ()
    month_date: Callable[[int, str, int | None, str], str] | None = None
    units: Mapping[str, Noun]
    money: Mapping[str, tuple[Noun, Noun | None]]
    and_cents: str = " "
    scales: str = ""
    of_scale: str = ""
    percent: str
    signs: Mapping[str, str]
    net: Mapping[str, str]
    ordinal_mark: str = ""
    parts: str = ""
    phrases: tuple[tuple[str, Callable[..., str]], ...] = ()

    @property
    def spaced(self) -> bool:
        """Words are separated by spaces."""
        return self.code not in ("zh", "ja")

    def spell_digits(self, digits: str) -> str:
        """Digits one by one: "two oh four"."""
        gap = "" if self.code == "ko" else self.gap
        return gap.join(self.digits[int(digit)] for digit in digits)

    def number(self, whole: str, fraction: str = "", gender: str = "") -> str:
        """Words of a number given as digits; very long ones and those with leading zeros digit by digit."""
        spelled = len(whole) > MOST_DIGITS or (len(whole) > 1 and whole[0] == "0")
        if not fraction:
            return self.spell_digits(whole) if spelled else self.cardinal(int(whole), gender)
        if self.decimal is not None and len(whole) <= MOST_DIGITS:
            return self.decimal(int(whole), fraction)
        words = self.fraction(fraction) if self.fraction else self.spell_digits(fraction)
        return self.gap.join([self.spell_digits(whole) if spelled else self.cardinal(int(whole), ""), self.point, words])

    def count(self, whole: str, fraction: str, noun: Noun) -> str:
        """Number and thing: "two kilometres", "два километра"."""
        plural = "few" if fraction and noun.few else "many" if fraction else self.plural(int(whole))
        return f"{self.number(whole, fraction, noun.gender)}{self.gap}{noun.form(plural)}"


def chunks_of_thousand(number: int) -> list[tuple[int, int]]:
    """1_002_003 -> [(2, 1), (1, 2), (0, 3)]: power of thousand and what stands there; empty ones are left out."""
    parts = []
    power = 0
    while number:
        number, part = divmod(number, 1000)
        if part:
            parts.append((power, part))
        power += 1
    return parts[::-1]


def number_with_zeros(cardinal: Callable[[int, str], str], zero: str) -> Callable[[str], str]:
    """Reads a fraction of up to three digits as a number after its zeros ("zero five", "twenty-five"), else digit by digit."""

    def read(digits: str) -> str:
        rest = digits.lstrip("0")
        zeros = [zero] * (len(digits) - len(rest))
        return " ".join(zeros + ([cardinal(int(rest), "")] if 0 < len(rest) <= 3 else [cardinal(int(d), "") for d in rest]))

    return read
