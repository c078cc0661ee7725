"""German."""

from ..abbreviations import STARTERS
from ..tongue import YEAR_ALONE, Noun, Tongue

ONES = (
    "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn "
    "achtzehn neunzehn"
).split()
TENS = "_ _ zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig".split()
SCALES = ((10**12, "Billion", "Billionen"), (10**9, "Milliarde", "Milliarden"), (10**6, "Million", "Millionen"))
MONTHS = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split()
FIRSTS = {1: "erst", 3: "dritt", 7: "siebt", 8: "acht"}
# After these an ordinal ends in -en; after the articles of the second list in -e; else in -er.
WEAK_N = set(
    "am im vom zum zur beim ab bis seit dem den des der's einem einen eines ihrem seinem ins diesem jedem nach vor".split()
)
NEW_SENTENCE = "|".join(word.capitalize() for word in STARTERS["de"].split())
WEAK_E = set("der die das diese dieser jede eine ihre seine".split())


def below_thousand(number: int, one: str) -> str:
    hundreds, rest = divmod(number, 100)
    words = f"{'ein' if hundreds == 1 else ONES[hundreds]}hundert" if hundreds else ""
    if rest == 1:
        return words + one
    if rest < 20:
        return words + (ONES[rest] if rest else "")
    tens, unit = divmod(rest, 10)
    return words + (f"{'ein' if unit == 1 else ONES[unit]}und" if unit else "") + TENS[tens]


def cardinal(number: int, gender: str = "") -> str:
    if not number:
        return ONES[0]
    words = []
    for size, one, many in SCALES:
        count, number = divmod(number, size)
        if count:
            words.append(f"eine {one}" if count == 1 else f"{below_thousand(count, 'ein')} {many}")
    thousands, rest = divmod(number, 1000)
    small = f"{below_thousand(thousands, 'ein')}tausend" if thousands else ""
    last = "eins" if not gender or words or small or rest > 1 else {"f": "eine"}.get(gender, "ein")
    small += below_thousand(rest, last)
    return " ".join([*words, small] if small else words)


def ordinal(number: int, gender: str = "") -> str:
    """`gender` is the ending here: "e", "en" or "er"."""
    head, rest = divmod(number, 100)
    if not rest:
        return f"{cardinal(number).replace(' ', '')}st{gender or 'e'}".lower()
    before = cardinal(head * 100) if head else ""
    stem = FIRSTS.get(rest) or (f"{ONES[rest]}t" if rest < 20 else f"{below_thousand(rest, 'eins')}st")
    return f"{before}{stem}{gender or 'e'}"


def ending(before: str) -> str:
    """Of an ordinal after a word."""
    before = before.lower()
    return "en" if before in WEAK_N else "e" if before in WEAK_E else "er"


def year(number: int) -> str:
    century, rest = divmod(number, 100)
    if 1100 <= number < 2000:
        return f"{ONES[century]}hundert{below_thousand(rest, 'eins')}"
    return cardinal(number)


def date(y: int | None, m: int, d: int) -> str:
    return month_date(d, MONTHS[m - 1], y, "")


def month_date(day: int, month: str, y: int | None, before: str) -> str:
    month = next((name for name in MONTHS if name.startswith(month[:3])), month)
    return f"{ordinal(day, ending(before))} {month}" + (f" {year(y)}" if y is not None else "")


def clock(h: int, m: int, s: int | None) -> str:
    words = f"{cardinal(h, 'n')} Uhr" + (f" {cardinal(m)}" if m or s else "")
    return words + (f" und {cardinal(s, 'f')} Sekunde{'n' * (s != 1)}" if s else "")


def hours(tongue: Tongue, hour: str, minute: str | None) -> str:
    """14.30 Uhr, 14 Uhr"""
    return clock(int(hour), int(minute or 0), None)


def day_and_month(tongue: Tongue, before: str | None, day: str, month: str) -> str:
    """am 24.12."""
    said = month_date(int(day), MONTHS[int(month) - 1], None, before or "")
    return f"{before} {said}" if before else said


def numbered(tongue: Tongue, before: str, number: str) -> str:
    """der 3. Mann"""
    return f"{before} {ordinal(int(number), ending(before))}"


def plain_year(tongue: Tongue, number: str) -> str:
    return year(int(number))


def gender_of(word: str, number: int) -> str:
    return "n" if word[:1].isupper() else ""  # "1 Haus": "ein" is right for two genders of three


GERMAN = Tongue(
    code="de", digits=tuple(ONES[:10]), cardinal=cardinal, ordinal=ordinal, point="Komma", minus="minus", to="{} bis {}",
    year=year, date=date, clock=clock, percent="{} Prozent", gender_of=gender_of,
    months=tuple(f"{name} {name[:3]}. {name[:3]}" for name in MONTHS), month_date=month_date,
    scales="Tausend|Millionen|Million|Milliarden|Milliarde|Mio\\.|Mrd\\.",
    phrases=(
        (r"(?<![\w.:,])([01]?\d|2[0-4])(?:[.:]([0-5]\d))? ?Uhr(?!\w)", hours),
        (r"(?:(?<!\w)([^\W\d]+) )?(?<![\w.,])([12]\d|3[01]|0?[1-9])\.(1[0-2]|0?[1-9])\.(?!\d)", day_and_month),
        (r"(?<!\w)([^\W\d]+) (\d{1,3})\.(?=\s+[^\W\d])(?!\s+(?:" + NEW_SENTENCE + r")(?!\w))", numbered),
        (YEAR_ALONE.replace("{0}", r""), plain_year),
    ),
    units={
        "km": Noun("Kilometer"), "m": Noun("Meter"), "cm": Noun("Zentimeter"), "mm": Noun("Millimeter"),
        "kg": Noun("Kilogramm"),
        "g": Noun("Gramm"), "mg": Noun("Milligramm"), "l": Noun("Liter"), "L": Noun("Liter"), "ml": Noun("Milliliter"),
        "km/h": Noun("Kilometer pro Stunde"), "m/s": Noun("Meter pro Sekunde"), "m²": Noun("Quadratmeter"),
        "km²": Noun("Quadratkilometer"), "m³": Noun("Kubikmeter"), "ms": Noun("Millisekunde", "Millisekunden", "f"),
        "min": Noun("Minute", "Minuten", "f"), "h": Noun("Stunde", "Stunden", "f"), "s": Noun("Sekunde", "Sekunden", "f"),
        "°C": Noun("Grad Celsius"), "°F": Noun("Grad Fahrenheit"), "°": Noun("Grad"), "Hz": Noun("Hertz"),
        "kHz": Noun("Kilohertz"),
        "MHz": Noun("Megahertz"), "GHz": Noun("Gigahertz"), "W": Noun("Watt"), "kW": Noun("Kilowatt"),
        "kWh": Noun("Kilowattstunde", "Kilowattstunden", "f"), "V": Noun("Volt"), "KB": Noun("Kilobyte"),
        "MB": Noun("Megabyte"),
        "GB": Noun("Gigabyte"), "TB": Noun("Terabyte"), "dB": Noun("Dezibel"), "ha": Noun("Hektar"),
    },
    money={
        "$": (Noun("Dollar"), Noun("Cent")), "€": (Noun("Euro"), Noun("Cent")), "£": (Noun("Pfund"), Noun("Penny", "Pence")),
        "¥": (Noun("Yen"), None), "₽": (Noun("Rubel"), Noun("Kopeke", "Kopeken", "f")), "₩": (Noun("Won"), None),
        "CHF": (Noun("Franken"), Noun("Rappen")),
    },
    signs={
        "=": "gleich", "±": "plus minus", "+": "plus", "-": "minus", "×": "mal", "*": "mal", "÷": "geteilt durch",
        "/": "durch",
        "√": "Wurzel aus", "²": "Quadrat", "³": "hoch drei", "^": "hoch", "<": "kleiner als", ">": "größer als",
        "≤": "kleiner oder gleich",
        "≥": "größer oder gleich", "≠": "ungleich", "≈": "ungefähr gleich", "∞": "unendlich", "π": "Pi", "∑": "Summe von",
        "∫": "Integral von",
        "&": "und", "#": "Nummer", "@": "at", "%": "Prozent", "°": "Grad", "§": "Paragraf", "©": "Copyright", "→": "nach",
        "½": "ein halb", "¼": "ein Viertel", "¾": "drei Viertel", "⅓": "ein Drittel", "⅔": "zwei Drittel",
    },
    net={".": "Punkt", "@": "at", "/": "Schrägstrich", "-": "Bindestrich", "_": "Unterstrich", ":": "Doppelpunkt",
        "?": "Fragezeichen",
        "=": "gleich", "&": "und", "#": "Raute", "%": "Prozent", "+": "plus", "~": "Tilde"},
)  # fmt: skip
