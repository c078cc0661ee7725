"""French."""

from ..tongue import Noun, Tongue, number_with_zeros

ONES = (
    "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept dix-huit dix-neuf"
).split()
TENS = "_ _ vingt trente quarante cinquante soixante soixante quatre-vingt quatre-vingt".split()
SCALES = ((10**12, "billion"), (10**9, "milliard"), (10**6, "million"))
MONTHS = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()


def below_hundred(number: int) -> str:
    if number < 20:
        return ONES[number]
    tens, unit = divmod(number, 10)
    if tens in (7, 9):
        unit += 10
    if not unit:
        return TENS[tens] + ("s" if tens == 8 else "")
    return f"{TENS[tens]} et {ONES[unit]}" if unit in (1, 11) and tens < 8 else f"{TENS[tens]}-{ONES[unit]}"


def below_thousand(number: int, plural: bool = True) -> str:
    hundreds, rest = divmod(number, 100)
    words = [] if not hundreds else ["cent"] if hundreds == 1 else [ONES[hundreds], "cents" if plural and not rest else "cent"]
    if rest:
        small = below_hundred(rest)
        words.append(small[:-1] if rest == 80 and not plural else small)
    return " ".join(words)


def cardinal(number: int, gender: str = "") -> str:
    if not number:
        return ONES[0]
    words = []
    for size, name in SCALES:
        count, number = divmod(number, size)
        if count:
            words.append(f"{below_thousand(count)} {name}{'s' * (count > 1)}")
    thousands, rest = divmod(number, 1000)
    if thousands:
        words.append("mille" if thousands == 1 else f"{below_thousand(thousands, plural=False)} mille")
    if rest:
        words.append(below_thousand(rest))
    said = " ".join(words)
    return said + "e" if gender == "f" and (said == "un" or said.endswith((" un", "-un"))) else said


def ordinal(number: int, gender: str = "") -> str:
    if number == 1:
        return "première" if gender == "f" else "premier"
    words = cardinal(number).removesuffix("s") if number % 100 in (0, 80) else cardinal(number)
    for last, stem in (("cinq", "cinqu"), ("neuf", "neuv"), ("e", "")):
        if words.endswith(last):
            return words.removesuffix(last) + stem + "ième"
    return words + "ième"


def month_date(day: int, month: str, y: int | None, before: str) -> str:
    return f"{'premier' if day == 1 else cardinal(day)} {month}" + (f" {cardinal(y)}" if y is not None else "")


def date(y: int | None, m: int, d: int) -> str:
    return month_date(d, MONTHS[m - 1], y, "")


def clock(h: int, m: int, s: int | None) -> str:
    words = f"{cardinal(h, 'f')} heure{'s' * (h > 1)}" + (f" {cardinal(m, 'f')}" if m or s else "")
    return words + (f" et {cardinal(s, 'f')} seconde{'s' * (s > 1)}" if s else "")


def hours(tongue: Tongue, hour: str, minute: str | None) -> str:
    """14h30, 14 h 30, 14 h"""
    return clock(int(hour), int(minute or 0), None)


def plural(number: int) -> str:
    return "one" if number < 2 else "many"


def gender_of(word: str, number: int) -> str:
    return (
        "f"
        if word.endswith(("tion", "sion", "té", "ette", "elle", "ure", "ine", "ance", "ence", "ée", "heure"))
        and word != "musée"
        else ""
    )


FRENCH = Tongue(
    code="fr", digits=tuple(ONES[:10]), cardinal=cardinal, ordinal=ordinal, point="virgule", minus="moins", to="{} à {}",
    fraction=number_with_zeros(cardinal, "zéro"), year=cardinal, date=date, clock=clock, percent="{} pour cent", and_cents=" ",
    plural=plural, gender_of=gender_of, months=tuple(MONTHS), month_date=month_date,
    scales="mille|millions|million|milliards|milliard", of_scale="de ",
    ordinal_mark=r"(?P<n>\d+)(?:ers?|(?P<g>r)es?|èmes?|ème|es?|nde?s?|ᵉʳ|ᵉ)(?!\w)",
    phrases=((r"(?<![\w.:,])([01]?\d|2[0-4]) ?[hH](?: ?([0-5]\d))?(?!\w)", hours),),
    units={
        "km": Noun("kilomètre", "kilomètres"), "m": Noun("mètre", "mètres"), "cm": Noun("centimètre", "centimètres"),
        "mm": Noun("millimètre", "millimètres"), "kg": Noun("kilogramme", "kilogrammes"), "g": Noun("gramme", "grammes"),
        "mg": Noun("milligramme", "milligrammes"), "l": Noun("litre", "litres"), "L": Noun("litre", "litres"),
        "ml": Noun("millilitre", "millilitres"), "km/h": Noun("kilomètre heure", "kilomètres heure"),
        "m/s": Noun("mètre par seconde", "mètres par seconde"), "m²": Noun("mètre carré", "mètres carrés"),
        "km²": Noun("kilomètre carré", "kilomètres carrés"), "m³": Noun("mètre cube", "mètres cubes"),
        "ms": Noun("milliseconde", "millisecondes", "f"), "min": Noun("minute", "minutes", "f"),
        "s": Noun("seconde", "secondes", "f"),
        "°C": Noun("degré Celsius", "degrés Celsius"), "°F": Noun("degré Fahrenheit", "degrés Fahrenheit"),
        "°": Noun("degré", "degrés"),
        "Hz": Noun("hertz"), "kHz": Noun("kilohertz"), "MHz": Noun("mégahertz"), "GHz": Noun("gigahertz"),
        "W": Noun("watt", "watts"),
        "kW": Noun("kilowatt", "kilowatts"), "kWh": Noun("kilowattheure", "kilowattheures"), "V": Noun("volt", "volts"),
        "Ko": Noun("kilooctet", "kilooctets"), "Mo": Noun("mégaoctet", "mégaoctets"), "Go": Noun("gigaoctet", "gigaoctets"),
        "MB": Noun("mégaoctet", "mégaoctets"), "GB": Noun("gigaoctet", "gigaoctets"), "dB": Noun("décibel", "décibels"),
        "ha": Noun("hectare", "hectares"),
    },
    money={
        "$": (Noun("dollar", "dollars"), Noun("cent", "cents")), "€": (Noun("euro", "euros"), Noun("centime", "centimes")),
        "£": (Noun("livre", "livres", "f"), Noun("penny", "pence")), "¥": (Noun("yen", "yens"), None),
        "₽": (Noun("rouble", "roubles"), Noun("kopeck", "kopecks")), "₩": (Noun("won", "wons"), None),
    },
    signs={
        "=": "égale", "±": "plus ou moins", "+": "plus", "-": "moins", "×": "fois", "*": "fois", "÷": "divisé par", "/": "sur",
        "√": "racine carrée de", "²": "au carré", "³": "au cube", "^": "puissance", "<": "inférieur à", ">": "supérieur à",
        "≤": "inférieur ou égal à", "≥": "supérieur ou égal à", "≠": "différent de", "≈": "environ égal à", "∞": "l'infini",
        "π": "pi",
        "∑": "somme de", "∫": "intégrale de", "&": "et", "#": "numéro", "@": "arobase", "%": "pour cent", "°": "degrés",
        "§": "paragraphe", "©": "copyright", "→": "vers", "№": "numéro",
        "½": "un demi", "¼": "un quart", "¾": "trois quarts", "⅓": "un tiers", "⅔": "deux tiers",
    },
    net={".": "point", "@": "arobase", "/": "barre oblique", "-": "tiret", "_": "tiret bas", ":": "deux points",
        "?": "point d'interrogation",
        "=": "égale", "&": "et", "#": "dièse", "%": "pour cent", "+": "plus", "~": "tilde"},
)  # fmt: skip
