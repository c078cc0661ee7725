"""Spanish."""

from ..tongue import Noun, Tongue, number_with_zeros

ONES = (
    "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete dieciocho "
    "diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete veintiocho veintinueve"
).split()
TENS = "_ _ _ treinta cuarenta cincuenta sesenta setenta ochenta noventa".split()
HUNDREDS = "_ ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos".split()
SCALES = ((10**12, "billón", "billones"), (10**6, "millón", "millones"))
MONTHS = "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split()
FIRSTS = "_ primero segundo tercero cuarto quinto sexto séptimo octavo noveno décimo undécimo duodécimo".split()
FIRST_TENS = "_ décimo vigésimo trigésimo cuadragésimo quincuagésimo sexagésimo septuagésimo octogésimo nonagésimo".split()
MASCULINE_IN_A = {"día", "problema", "sistema", "programa", "tema", "mapa", "planeta", "clima", "idioma", "poema", "euros"}


def below_thousand(number: int, gender: str) -> str:
    if number == 100:
        return "cien"
    hundreds, rest = divmod(number, 100)
    words = [HUNDREDS[hundreds]] if hundreds else []
    if rest:
        tens, unit = divmod(rest, 10)
        words.append(ONES[rest] if rest < 30 else TENS[tens] + (f" y {ONES[unit]}" if unit else ""))
    said = " ".join(words)
    if gender == "f":
        said = said.replace("cientos", "cientas").replace("quinientos", "quinientas")
        return said[:-1] + "a" if said.endswith("uno") else said
    if gender == "m" and said.endswith("uno"):
        return said.removesuffix("veintiuno") + "veintiún" if said.endswith("veintiuno") else said[:-1]
    return said


def below_million(number: int, gender: str) -> str:
    thousands, rest = divmod(number, 1000)
    words = [] if not thousands else ["mil"] if thousands == 1 else [f"{below_thousand(thousands, gender or 'm')} mil"]
    return " ".join(words + ([below_thousand(rest, gender)] if rest else []))


def cardinal(number: int, gender: str = "") -> str:
    if not number:
        return ONES[0]
    words = []
    for size, one, many in SCALES:
        count, number = divmod(number, size)
        if count:
            words.append(f"{below_million(count, 'm')} {one if count == 1 else many}")
    return " ".join(words + ([below_million(number, gender)] if number else []))


def ordinal(number: int, gender: str = "") -> str:
    if not 0 < number < 100:
        return cardinal(number, gender)  # from a hundred on, as it is said
    tens, unit = divmod(number, 10)
    words = FIRSTS[number] if number < len(FIRSTS) else " ".join([FIRST_TENS[tens]] + ([FIRSTS[unit]] if unit else []))
    if 12 < number < 20:
        words = f"decimo{FIRSTS[unit]}".replace("oo", "o")
    if gender == "f":
        return " ".join(word[:-1] + "a" for word in words.split())
    return words.removesuffix("o") if gender == "short" and words.endswith(("primero", "tercero")) else words


def month_date(day: int, month: str, y: int | None, before: str) -> str:
    return f"{'primero' if day == 1 else cardinal(day)} de {month}" + (f" de {cardinal(y)}" if y is not None else "")


def date(y: int | None, m: int, d: int) -> str:
    return month_date(d, MONTHS[m - 1], y, "")


def clock(h: int, m: int, s: int | None) -> str:
    words = cardinal(h, "f") + (f" y {cardinal(m)}" if m or s else " en punto")
    return words + (f" y {cardinal(s, 'm')} segundo{'s' * (s != 1)}" if s else "")


def hours(tongue: Tongue, hour: str, minute: str | None) -> str:
    """14 h, 14:30 h"""
    return (
        clock(int(hour), int(minute), None)
        if minute and minute != "00"
        else f"{cardinal(int(hour), 'f')} hora{'s' * (hour != '1')}"
    )


def gender_of(word: str, number: int) -> str:
    word = word.lower()
    feminine = word.rstrip("s").endswith(("a", "ción", "dad")) or word.endswith(("ciones", "dades"))
    return (
        "f"
        if feminine and word.rstrip("s") not in MASCULINE_IN_A
        else "m"
        if word not in ("de", "a", "y", "o", "en", "al")
        else ""
    )


SPANISH = Tongue(
    code="es", digits=tuple(ONES[:10]), cardinal=cardinal, ordinal=ordinal, point="coma", minus="menos", to="{} a {}",
    fraction=number_with_zeros(cardinal, "cero"), year=cardinal, date=date, clock=clock, percent="{} por ciento",
    and_cents=" con ", gender_of=gender_of, months=tuple(MONTHS), month_date=month_date,
    scales="mil|millones|millón|billones|billón", of_scale="de ",
    ordinal_mark=r"(?P<n>\d+)\.?(?:º|°(?!\s?[CF])|(?P<g>ª))(?!\w)",
    phrases=((r"(?<![\w.:,])([01]?\d|2[0-4])(?::([0-5]\d))? ?h(?:rs?)?(?!\w)", hours),),
    units={
        "km": Noun("kilómetro", "kilómetros"), "m": Noun("metro", "metros"), "cm": Noun("centímetro", "centímetros"),
        "mm": Noun("milímetro", "milímetros"), "kg": Noun("kilogramo", "kilogramos"), "g": Noun("gramo", "gramos"),
        "mg": Noun("miligramo", "miligramos"), "l": Noun("litro", "litros"), "L": Noun("litro", "litros"),
        "ml": Noun("mililitro", "mililitros"),
        "km/h": Noun("kilómetro por hora", "kilómetros por hora"), "m/s": Noun("metro por segundo", "metros por segundo"),
        "m²": Noun("metro cuadrado", "metros cuadrados"), "km²": Noun("kilómetro cuadrado", "kilómetros cuadrados"),
        "m³": Noun("metro cúbico", "metros cúbicos"), "ms": Noun("milisegundo", "milisegundos"),
        "min": Noun("minuto", "minutos"),
        "s": Noun("segundo", "segundos"), "°C": Noun("grado Celsius", "grados Celsius"),
        "°F": Noun("grado Fahrenheit", "grados Fahrenheit"),
        "°": Noun("grado", "grados"), "Hz": Noun("hercio", "hercios"), "kHz": Noun("kilohercio", "kilohercios"),
        "MHz": Noun("megahercio", "megahercios"), "GHz": Noun("gigahercio", "gigahercios"), "W": Noun("vatio", "vatios"),
        "kW": Noun("kilovatio", "kilovatios"), "kWh": Noun("kilovatio hora", "kilovatios hora"),
        "V": Noun("voltio", "voltios"),
        "KB": Noun("kilobyte", "kilobytes"), "MB": Noun("megabyte", "megabytes"), "GB": Noun("gigabyte", "gigabytes"),
        "TB": Noun("terabyte", "terabytes"), "dB": Noun("decibelio", "decibelios"), "ha": Noun("hectárea", "hectáreas", "f"),
    },
    money={
        "$": (Noun("dólar", "dólares"), Noun("centavo", "centavos")), "€": (Noun("euro", "euros"), Noun("céntimo", "céntimos")),
        "£": (Noun("libra", "libras", "f"), Noun("penique", "peniques")), "¥": (Noun("yen", "yenes"), None),
        "₽": (Noun("rublo", "rublos"), Noun("kopek", "kopeks")), "₩": (Noun("won", "wones"), None),
    },
    signs={
        "=": "igual a", "±": "más menos", "+": "más", "-": "menos", "×": "por", "*": "por", "÷": "dividido entre",
        "/": "partido por",
        "√": "raíz cuadrada de", "²": "al cuadrado", "³": "al cubo", "^": "elevado a", "<": "menor que", ">": "mayor que",
        "≤": "menor o igual que", "≥": "mayor o igual que", "≠": "distinto de", "≈": "aproximadamente igual a",
        "∞": "infinito", "π": "pi",
        "∑": "suma de", "∫": "integral de", "&": "y", "#": "número", "@": "arroba", "%": "por ciento", "°": "grados",
        "§": "sección",
        "©": "copyright", "→": "a", "½": "un medio", "¼": "un cuarto", "¾": "tres cuartos", "⅓": "un tercio",
        "⅔": "dos tercios",
    },
    net={".": "punto", "@": "arroba", "/": "barra", "-": "guion", "_": "guion bajo", ":": "dos puntos", "?": "interrogación",
        "=": "igual", "&": "y", "#": "almohadilla", "%": "por ciento", "+": "más", "~": "virgulilla"},
)  # fmt: skip
