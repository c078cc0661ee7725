"""Italian."""

from ..tongue import Noun, Tongue, number_with_zeros

ONES = (
    "zero uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici diciassette "
    "diciotto diciannove"
).split()
TENS = "_ _ venti trenta quaranta cinquanta sessanta settanta ottanta novanta".split()
SCALES = ((10**12, "bilione", "bilioni"), (10**9, "miliardo", "miliardi"), (10**6, "milione", "milioni"))
MONTHS = "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre".split()
FIRSTS = "_ primo secondo terzo quarto quinto sesto settimo ottavo nono decimo".split()
MASCULINE_IN_A = {"problema", "sistema", "programma", "tema", "pianeta", "clima", "poema"}


def below_thousand(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    words = ("" if hundreds == 1 else ONES[hundreds]) + "cento" if hundreds else ""
    if not rest:
        return words
    if rest == 8 or rest // 10 == 8:
        words = words.removesuffix("o")  # centotto, centottanta
    if rest < 20:
        return words + ONES[rest]
    tens, unit = divmod(rest, 10)
    stem = TENS[tens][:-1] if unit in (1, 8) else TENS[tens]
    return words + stem + (ONES[unit] if unit else "")


def cardinal(number: int, gender: str = "") -> str:
    if number < 2:
        return ONES[0] if not number else {"m": "un", "f": "una"}.get(gender, "uno")
    words = []
    for size, one, many in SCALES:
        count, number = divmod(number, size)
        if count:
            words.append(f"un {one}" if count == 1 else f"{accented(shortened(below_thousand(count)))} {many}")
    thousands, rest = divmod(number, 1000)
    small = (
        "" if not thousands else "mille" if thousands == 1 else f"{shortened(below_thousand(thousands))}mila"
    ) + below_thousand(rest)
    return " ".join([*words, accented(small)] if small else words)


def shortened(words: str) -> str:
    """ventuno, but ventunmila."""
    return words[:-1] if words.endswith("uno") and words != "uno" else words


def accented(words: str) -> str:
    """tre alone, but ventitré."""
    return words[:-1] + "é" if words.endswith("tre") and words != "tre" else words


def ordinal(number: int, gender: str = "") -> str:
    if number <= 0:
        return cardinal(number)
    if number <= 10:
        words = FIRSTS[number]
    else:
        stem = cardinal(number).replace(" ", "").replace("é", "e")
        keep = number % 100 // 10 != 1 and number % 10 in (3, 6)  # ventitreesimo, ventiseiesimo
        stem = stem.removesuffix("mila") + "mill" if stem.endswith("mila") else stem if keep else stem[:-1]
        words = stem + "esimo"
    return words[:-1] + "a" if gender == "f" else words


def month_date(day: int, month: str, y: int | None, before: str) -> str:
    return f"{'primo' if day == 1 else cardinal(day)} {month}" + (f" {cardinal(y)}" if y is not None else "")


def date(y: int | None, m: int, d: int) -> str:
    return month_date(d, MONTHS[m - 1], y, "")


def clock(h: int, m: int, s: int | None) -> str:
    words = ("una" if h == 1 else cardinal(h)) + (f" e {cardinal(m)}" if m or s else " in punto")
    return words + (f" e {cardinal(s, 'm')} second{'o' if s == 1 else 'i'}" if s else "")


def gender_of(word: str, number: int) -> str:
    if number != 1:
        return ""
    return (
        "f"
        if word.endswith(("a", "zione", "tà")) and word not in MASCULINE_IN_A and word != "a"
        else "m"
        if len(word) > 2
        else ""
    )


ITALIAN = Tongue(
    code="it", digits=tuple(ONES[:10]), cardinal=cardinal, ordinal=ordinal, point="virgola", minus="meno", to="{} a {}",
    fraction=number_with_zeros(cardinal, "zero"), year=cardinal, date=date, clock=clock, percent="{} per cento",
    and_cents=" e ", gender_of=gender_of, months=tuple(MONTHS), month_date=month_date,
    scales="mila|milioni|milione|miliardi|miliardo", of_scale="di ",
    ordinal_mark=r"(?P<n>\d+)(?:º|°(?!\s?[CF])|(?P<g>ª))(?!\w)",
    units={
        "km": Noun("chilometro", "chilometri"), "m": Noun("metro", "metri"), "cm": Noun("centimetro", "centimetri"),
        "mm": Noun("millimetro", "millimetri"), "kg": Noun("chilogrammo", "chilogrammi"), "g": Noun("grammo", "grammi"),
        "mg": Noun("milligrammo", "milligrammi"), "l": Noun("litro", "litri"), "L": Noun("litro", "litri"),
        "ml": Noun("millilitro", "millilitri"),
        "km/h": Noun("chilometro orario", "chilometri orari"), "m/s": Noun("metro al secondo", "metri al secondo"),
        "m²": Noun("metro quadrato", "metri quadrati"), "km²": Noun("chilometro quadrato", "chilometri quadrati"),
        "m³": Noun("metro cubo", "metri cubi"), "ms": Noun("millisecondo", "millisecondi"), "min": Noun("minuto", "minuti"),
        "h": Noun("ora", "ore", "f"), "s": Noun("secondo", "secondi"), "°C": Noun("grado Celsius", "gradi Celsius"),
        "°F": Noun("grado Fahrenheit", "gradi Fahrenheit"), "°": Noun("grado", "gradi"), "Hz": Noun("hertz"),
        "kHz": Noun("kilohertz"),
        "MHz": Noun("megahertz"), "GHz": Noun("gigahertz"), "W": Noun("watt"), "kW": Noun("kilowatt"),
        "kWh": Noun("kilowattora"), "V": Noun("volt"), "KB": Noun("kilobyte"), "MB": Noun("megabyte"), "GB": Noun("gigabyte"),
        "TB": Noun("terabyte"), "dB": Noun("decibel"), "ha": Noun("ettaro", "ettari"),
    },
    money={
        "$": (Noun("dollaro", "dollari"), Noun("centesimo", "centesimi")),
        "€": (Noun("euro"), Noun("centesimo", "centesimi")),
        "£": (Noun("sterlina", "sterline", "f"), Noun("penny", "pence")), "¥": (Noun("yen"), None),
        "₽": (Noun("rublo", "rubli"), Noun("copeco", "copechi")), "₩": (Noun("won"), None),
    },
    signs={
        "=": "uguale", "±": "più o meno", "+": "più", "-": "meno", "×": "per", "*": "per", "÷": "diviso", "/": "fratto",
        "√": "radice quadrata di", "²": "al quadrato", "³": "al cubo", "^": "elevato a", "<": "minore di", ">": "maggiore di",
        "≤": "minore o uguale a", "≥": "maggiore o uguale a", "≠": "diverso da", "≈": "circa uguale a", "∞": "infinito",
        "π": "pi greco",
        "∑": "somma di", "∫": "integrale di", "&": "e", "#": "numero", "@": "chiocciola", "%": "per cento", "°": "gradi",
        "§": "paragrafo",
        "©": "copyright", "→": "a", "½": "un mezzo", "¼": "un quarto", "¾": "tre quarti", "⅓": "un terzo", "⅔": "due terzi",
    },
    net={".": "punto", "@": "chiocciola", "/": "barra", "-": "trattino", "_": "trattino basso", ":": "due punti",
        "?": "punto interrogativo",
        "=": "uguale", "&": "e", "#": "cancelletto", "%": "per cento", "+": "più", "~": "tilde"},
)  # fmt: skip
