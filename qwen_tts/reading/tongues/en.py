"""English."""

from ..tongue import YEAR_ALONE, Noun, Tongue, chunks_of_thousand

ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()
SCALES = ("", "thousand", "million", "billion", "trillion")
FIRSTS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
MONTHS = "January February March April May June July August September October November December".split()


def below_thousand(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    words = [f"{ONES[hundreds]} hundred"] if hundreds else []
    if rest:
        small = ONES[rest] if rest < 20 else TENS[rest // 10] + (f"-{ONES[rest % 10]}" if rest % 10 else "")
        words.append(small)
    return " and ".join(words)


def cardinal(number: int, gender: str = "") -> str:
    if not number:
        return ONES[0]
    parts = chunks_of_thousand(number)
    words = [f"{below_thousand(part)} {SCALES[power]}".rstrip() for power, part in parts]
    power, last = parts[-1]
    if len(words) > 1 and power == 0 and last < 100:
        words.insert(-1, "and")
    return " ".join(words)


def ordinal(number: int, gender: str = "") -> str:
    words = cardinal(number)
    cut = max(words.rfind(" "), words.rfind("-")) + 1
    last = words[cut:]
    return words[:cut] + (FIRSTS.get(last) or (last[:-1] + "ieth" if last.endswith("y") else last + "th"))


def year(number: int) -> str:
    century, rest = divmod(number, 100)
    if not 1000 < number < 10_000 or (not century % 10 and rest < 10):
        return cardinal(number)  # two thousand and five
    return f"{cardinal(century)} {'hundred' if not rest else f'oh {ONES[rest]}' if rest < 10 else cardinal(rest)}"


def date(y: int | None, m: int, d: int) -> str:
    return f"{MONTHS[m - 1]} {ordinal(d)}" + (f", {year(y)}" if y is not None else "")


def month_date(day: int, month: str, y: int | None, before: str) -> str:
    number = next(i for i, name in enumerate(MONTHS, 1) if name.startswith(month[:3]))
    if before.lower() == "the":
        return f"{ordinal(day)} of {MONTHS[number - 1]}" + (f", {year(y)}" if y is not None else "")
    return date(y, number, day)


def clock(h: int, m: int, s: int | None) -> str:
    words = cardinal(h)
    words += f" {cardinal(m)}" if m > 9 else f" oh {ONES[m]}" if m else " o'clock" if 0 < h < 13 and not s else " hundred"
    return words + (f" and {cardinal(s)} second{'s' * (s != 1)}" if s else "")


def meridiem(tongue: Tongue, hour: str, minute: str | None, half: str) -> str:
    """2:30 p.m."""
    told = cardinal(int(hour)) if minute in (None, "00") else clock(int(hour), int(minute), None)
    return f"{told} {half[0].upper()}M"


def decade(tongue: Tongue, number: str) -> str:
    """1980s"""
    words = year(int(number))
    return words[:-1] + "ies" if words.endswith("y") else words + "s"


def short_scale(tongue: Tongue, number: str, scale: str) -> str:
    """3.5M, 10k"""
    return f"{tongue.number(*number.split('.'))} {({'k': 'thousand', 'M': 'million', 'B': 'billion'})[scale]}"


def plain_year(tongue: Tongue, number: str) -> str:
    return year(int(number))


ENGLISH = Tongue(
    code="en", digits=tuple(ONES[:10]), cardinal=cardinal, ordinal=ordinal, point="point", comma=False, minus="minus",
    to="{} to {}",
    year=year, date=date, clock=clock, day_first=False, percent="{} percent", and_cents=" and ",
    months=tuple(f"{name} {name[:3]}. {name[:3]}" + (" Sept. Sept" if name[0:3] == "Sep" else "") for name in MONTHS),
    month_date=month_date, scales="hundred|thousand|million|billion|trillion|M|B|bn",
    ordinal_mark=r"(?P<n>\d{1,3}(?:,\d{3})+|\d+)(?:st|nd|rd|th)(?!\w)",
    phrases=(
        (r"(?<![\w.:,])(1[0-2]|0?[1-9])(?::([0-5]\d))?\s?([AaPp])(?:\.[Mm]\.|[Mm](?!\w))", meridiem),
        (r"(?<![\w.,$€£¥])(1\d\d0|20\d0)'?s(?!\w)", decade),
        (r"(?<![\w.,$€£¥])(\d+(?:\.\d+)?)([kMB])(?![\w/])", short_scale),
        (YEAR_ALONE.replace("{0}", r"|20[1-9]\d"), plain_year),
    ),
    units={
        "km": Noun("kilometer", "kilometers"), "m": Noun("meter", "meters"), "cm": Noun("centimeter", "centimeters"),
        "mm": Noun("millimeter", "millimeters"), "kg": Noun("kilogram", "kilograms"), "g": Noun("gram", "grams"),
        "mg": Noun("milligram", "milligrams"), "l": Noun("liter", "liters"), "L": Noun("liter", "liters"),
        "ml": Noun("milliliter", "milliliters"), "km/h": Noun("kilometer per hour", "kilometers per hour"),
        "mph": Noun("mile per hour", "miles per hour"), "m/s": Noun("meter per second", "meters per second"),
        "m²": Noun("square meter", "square meters"), "km²": Noun("square kilometer", "square kilometers"),
        "m³": Noun("cubic meter", "cubic meters"), "ms": Noun("millisecond", "milliseconds"), "min": Noun("minute", "minutes"),
        "h": Noun("hour", "hours"), "s": Noun("second", "seconds"),
        "°C": Noun("degree Celsius", "degrees Celsius"), "°F": Noun("degree Fahrenheit", "degrees Fahrenheit"),
        "°": Noun("degree", "degrees"), "Hz": Noun("hertz"), "kHz": Noun("kilohertz"), "MHz": Noun("megahertz"),
        "GHz": Noun("gigahertz"), "W": Noun("watt", "watts"), "kW": Noun("kilowatt", "kilowatts"),
        "kWh": Noun("kilowatt hour", "kilowatt hours"), "V": Noun("volt", "volts"), "KB": Noun("kilobyte", "kilobytes"),
        "MB": Noun("megabyte", "megabytes"), "GB": Noun("gigabyte", "gigabytes"), "TB": Noun("terabyte", "terabytes"),
        "dB": Noun("decibel", "decibels"), "ft": Noun("foot", "feet"), "lb": Noun("pound", "pounds"),
        "lbs": Noun("pound", "pounds"),
        "mi": Noun("mile", "miles"), "oz": Noun("ounce", "ounces"), "ha": Noun("hectare", "hectares"),
    },
    money={
        "$": (Noun("dollar", "dollars"), Noun("cent", "cents")), "€": (Noun("euro", "euros"), Noun("cent", "cents")),
        "£": (Noun("pound", "pounds"), Noun("penny", "pence")), "¥": (Noun("yen"), None),
        "₽": (Noun("ruble", "rubles"), Noun("kopeck", "kopecks")),
        "₩": (Noun("won"), None), "CN¥": (Noun("yuan"), None),
    },
    signs={
        "=": "equals", "±": "plus or minus", "+": "plus", "-": "minus", "×": "times", "*": "times", "÷": "divided by",
        "/": "over",
        "√": "the square root of", "²": "squared", "³": "cubed", "^": "to the power of", "<": "is less than",
        ">": "is greater than",
        "≤": "is at most", "≥": "is at least", "≠": "is not equal to", "≈": "is about", "∞": "infinity", "π": "pi",
        "∑": "the sum of",
        "∫": "the integral of", "&": "and", "#": "number", "@": "at", "%": "percent", "°": "degrees", "§": "section",
        "©": "copyright", "→": "to", "½": "one half",
        "¼": "one quarter", "¾": "three quarters", "⅓": "one third", "⅔": "two thirds",
    },
    net={".": "dot", "@": "at", "/": "slash", "-": "dash", "_": "underscore", ":": "colon", "?": "question mark",
        "=": "equals",
        "&": "and", "#": "hash", "%": "percent", "+": "plus", "~": "tilde"},
)  # fmt: skip
