"""Portuguese, with the numerals of Brazil."""

from ..tongue import Noun, Tongue, chunks_of_thousand, number_with_zeros

ONES = (
    "zero um dois três quatro cinco seis sete oito nove dez onze doze treze catorze quinze dezesseis dezessete dezoito dezenove"
).split()
TENS = "_ _ vinte trinta quarenta cinquenta sessenta setenta oitenta noventa".split()
HUNDREDS = "_ cento duzentos trezentos quatrocentos quinhentos seiscentos setecentos oitocentos novecentos".split()
SCALES = (("", ""), ("mil", "mil"), ("milhão", "milhões"), ("bilhão", "bilhões"), ("trilhão", "trilhões"))
MONTHS = "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro".split()
FIRSTS = "_ primeiro segundo terceiro quarto quinto sexto sétimo oitavo nono".split()
FIRST_TENS = "_ décimo vigésimo trigésimo quadragésimo quinquagésimo sexagésimo septuagésimo octogésimo nonagésimo".split()
MASCULINE_IN_A = {"dia", "problema", "sistema", "programa", "tema", "mapa", "planeta", "clima", "idioma", "poema", "grama"}


def below_thousand(number: int, gender: str) -> str:
    if number == 100:
        return "cem"
    hundreds, rest = divmod(number, 100)
    words = [HUNDREDS[hundreds]] if hundreds else []
    if rest < 20:
        words += [ONES[rest]] if rest else []
    else:
        words += [TENS[rest // 10]] + ([ONES[rest % 10]] if rest % 10 else [])
    if gender == "f":
        swaps = {"um": "uma", "dois": "duas"}
        words = [swaps.get(word) or (word[:-2] + "as" if word.endswith("entos") else word) for word in words]
    return " e ".join(words)


def cardinal(number: int, gender: str = "") -> str:
    if not number:
        return ONES[0]
    words = []
    parts = chunks_of_thousand(number)
    for power, part in parts:
        agreed = below_thousand(part, gender if power < 2 else "")
        words.append("mil" if (power, part) == (1, 1) else f"{agreed} {SCALES[power][part > 1]}".rstrip())
    last = parts[-1][1]
    if len(words) > 1 and (last < 100 or not last % 100):
        words.insert(-1, "e")  # mil e cem, mil e um, but mil duzentos e um
    return " ".join(words)


def ordinal(number: int, gender: str = "") -> str:
    if not 0 < number < 100:
        return cardinal(number, gender)
    tens, unit = divmod(number, 10)
    words = ([FIRST_TENS[tens]] if tens else []) + ([FIRSTS[unit]] if unit else [])
    return " ".join(word[:-1] + "a" if gender == "f" else word for word in words)


def month_date(day: int, month: str, y: int | None, before: str) -> str:
    return f"{'primeiro' if day == 1 else cardinal(day)} de {month}" + (f" de {cardinal(y)}" if y is not None else "")


def date(y: int | None, m: int, d: int) -> str:
    return month_date(d, MONTHS[m - 1], y, "")


def clock(h: int, m: int, s: int | None) -> str:
    words = f"{cardinal(h, 'f')} hora{'s' * (h != 1)}" + (f" e {cardinal(m)}" if m or s else "")
    return words + (f" e {cardinal(s, 'm')} segundo{'s' * (s != 1)}" if s else "")


def hours(tongue: Tongue, hour: str, minute: str | None) -> str:
    """14h30, 14h"""
    return clock(int(hour), int(minute or 0), None)


def gender_of(word: str, number: int) -> str:
    word = word.lower()
    feminine = word.rstrip("s").endswith(("a", "ção", "dade")) or word.endswith(("ções", "dades"))
    return "f" if feminine and word != "a" and word.rstrip("s") not in MASCULINE_IN_A else ""


PORTUGUESE = Tongue(
    code="pt", digits=tuple(ONES[:10]), cardinal=cardinal, ordinal=ordinal, point="vírgula", minus="menos", to="{} a {}",
    fraction=number_with_zeros(cardinal, "zero"), year=cardinal, date=date, clock=clock, percent="{} por cento",
    and_cents=" e ", gender_of=gender_of, months=tuple(MONTHS), month_date=month_date,
    scales="mil|milhões|milhão|bilhões|bilhão|mil milhões", of_scale="de ",
    ordinal_mark=r"(?P<n>\d+)\.?(?:º|°(?!\s?[CF])|(?P<g>ª))(?!\w)",
    phrases=((r"(?<![\w.:,])([01]?\d|2[0-4]) ?h(?: ?([0-5]\d))?(?:min)?(?!\w)", hours),),
    units={
        "km": Noun("quilômetro", "quilômetros"), "m": Noun("metro", "metros"), "cm": Noun("centímetro", "centímetros"),
        "mm": Noun("milímetro", "milímetros"), "kg": Noun("quilograma", "quilogramas"), "g": Noun("grama", "gramas"),
        "mg": Noun("miligrama", "miligramas"), "l": Noun("litro", "litros"), "L": Noun("litro", "litros"),
        "ml": Noun("mililitro", "mililitros"),
        "km/h": Noun("quilômetro por hora", "quilômetros por hora"), "m/s": Noun("metro por segundo", "metros por segundo"),
        "m²": Noun("metro quadrado", "metros quadrados"), "km²": Noun("quilômetro quadrado", "quilômetros quadrados"),
        "m³": Noun("metro cúbico", "metros cúbicos"), "ms": Noun("milissegundo", "milissegundos"),
        "min": Noun("minuto", "minutos"),
        "s": Noun("segundo", "segundos"), "°C": Noun("grau Celsius", "graus Celsius"),
        "°F": Noun("grau Fahrenheit", "graus Fahrenheit"),
        "°": Noun("grau", "graus"), "Hz": Noun("hertz"), "kHz": Noun("quilohertz"), "MHz": Noun("mega-hertz"),
        "GHz": Noun("giga-hertz"),
        "W": Noun("watt", "watts"), "kW": Noun("quilowatt", "quilowatts"), "kWh": Noun("quilowatt-hora", "quilowatts-hora"),
        "V": Noun("volt", "volts"), "KB": Noun("quilobyte", "quilobytes"), "MB": Noun("megabyte", "megabytes"),
        "GB": Noun("gigabyte", "gigabytes"), "TB": Noun("terabyte", "terabytes"), "dB": Noun("decibel", "decibéis"),
        "ha": Noun("hectare", "hectares"),
    },
    money={
        "$": (Noun("dólar", "dólares"), Noun("centavo", "centavos")), "€": (Noun("euro", "euros"), Noun("centavo", "centavos")),
        "R$": (Noun("real", "reais"), Noun("centavo", "centavos")),
        "£": (Noun("libra", "libras", "f"), Noun("penny", "pence")),
        "¥": (Noun("iene", "ienes"), None), "₽": (Noun("rublo", "rublos"), Noun("copeque", "copeques")),
        "₩": (Noun("won", "wons"), None),
    },
    signs={
        "=": "é igual a", "±": "mais ou menos", "+": "mais", "-": "menos", "×": "vezes", "*": "vezes", "÷": "dividido por",
        "/": "sobre",
        "√": "raiz quadrada de", "²": "ao quadrado", "³": "ao cubo", "^": "elevado a", "<": "menor que", ">": "maior que",
        "≤": "menor ou igual a", "≥": "maior ou igual a", "≠": "diferente de", "≈": "aproximadamente igual a",
        "∞": "infinito", "π": "pi",
        "∑": "soma de", "∫": "integral de", "&": "e", "#": "número", "@": "arroba", "%": "por cento", "°": "graus",
        "§": "seção",
        "©": "copyright", "→": "para", "½": "um meio", "¼": "um quarto", "¾": "três quartos", "⅓": "um terço",
        "⅔": "dois terços",
    },
    net={".": "ponto", "@": "arroba", "/": "barra", "-": "hífen", "_": "sublinhado", ":": "dois pontos", "?": "interrogação",
        "=": "igual", "&": "e", "#": "cerquilha", "%": "por cento", "+": "mais", "~": "til"},
)  # fmt: skip
