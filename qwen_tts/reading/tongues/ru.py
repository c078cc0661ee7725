"""Russian: numbers agree in gender, things take one of three forms, ordinals are declined."""

from ..tongue import Noun, Tongue, chunks_of_thousand

ONES = (
    "ноль один два три четыре пять шесть семь восемь девять десять одиннадцать двенадцать тринадцать четырнадцать пятнадцать "
    "шестнадцать семнадцать восемнадцать девятнадцать"
).split()
TENS = "_ _ двадцать тридцать сорок пятьдесят шестьдесят семьдесят восемьдесят девяносто".split()
HUNDREDS = "_ сто двести триста четыреста пятьсот шестьсот семьсот восемьсот девятьсот".split()
SCALES = (
    None,
    Noun("тысяча", "тысяч", "f", "тысячи"),
    Noun("миллион", "миллионов", "m", "миллиона"),
    Noun("миллиард", "миллиардов", "m", "миллиарда"),
    Noun("триллион", "триллионов", "m", "триллиона"),
)
# Stems of ordinals. Those in "о" carry the stress on the ending: второй, not вторый.
STEMS = (
    "нулево первы второ трети четвёрты пяты шесто седьмо восьмо девяты десяты одиннадцаты двенадцаты тринадцаты четырнадцаты "
    "пятнадцаты шестнадцаты семнадцаты восемнадцаты девятнадцаты"
).split()
STEM_TENS = "_ _ двадцаты тридцаты сороково пятидесяты шестидесяты семидесяты восьмидесяты девяносты".split()
STEM_HUNDREDS = "_ соты двухсоты трёхсоты четырёхсоты пятисоты шестисоты семисоты восьмисоты девятисоты".split()
THOUSANDTHS = (
    "_ тысячны двухтысячны трёхтысячны четырёхтысячны пятитысячны шеститысячны семитысячны восьмитысячны девятитысячны".split()
)
ENDINGS = {"m": "й", "f": "ая", "n": "ое", "gen": "ого", "prep": "ом", "dat": "ому", "ins": "ым"}
MONTHS = "января февраля марта апреля мая июня июля августа сентября октября ноября декабря".split()
PLACES = ("десят", "сот", "тысячн")


def plural(number: int) -> str:
    if number % 10 == 1 and number % 100 != 11:
        return "one"
    return "few" if number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14) else "many"


def below_thousand(number: int, gender: str) -> str:
    hundreds, rest = divmod(number, 100)
    words = [HUNDREDS[hundreds]] if hundreds else []
    if rest >= 20:
        words.append(TENS[rest // 10])
        rest %= 10
    if rest:
        words.append({("f", 1): "одна", ("n", 1): "одно", ("f", 2): "две"}.get((gender, rest), ONES[rest]))
    return " ".join(words)


def cardinal(number: int, gender: str = "") -> str:
    if not number:
        return ONES[0]
    words = []
    for power, part in chunks_of_thousand(number):
        scale = SCALES[power]
        if scale is None:
            words.append(below_thousand(part, gender))
        elif (power, part) == (1, 1):
            words.append("тысяча")
        else:
            words.append(f"{below_thousand(part, scale.gender)} {scale.form(plural(part))}")
    return " ".join(words)


def ordinal(number: int, gender: str = "") -> str:
    """`gender`: "m" (also ""), "f" or "n" in the nominative; "gen", "prep", "dat" or "ins" for the masculine in that case."""
    stem, before = STEMS[0], 0
    if number % 100 and (number % 100 < 20 or number % 10):
        last = number % 100 if number % 100 < 20 else number % 10
        stem, before = STEMS[last], number - last
    elif number % 100:
        stem, before = STEM_TENS[number % 100 // 10], number - number % 100
    elif number % 1000:
        stem, before = STEM_HUNDREDS[number % 1000 // 100], number - number % 1000
    elif number:
        if number > 9000:
            return cardinal(number)
        stem, before = THOUSANDTHS[number // 1000], 0
    return " ".join([cardinal(before)] * bool(before) + [inflected(stem, gender or "m")])


def inflected(stem: str, form: str) -> str:
    if stem == "трети":
        return {
            "m": "третий",
            "f": "третья",
            "n": "третье",
            "gen": "третьего",
            "prep": "третьем",
            "dat": "третьему",
            "ins": "третьим",
        }[form]
    return stem + "й" if form == "m" else stem[:-1] + ENDINGS[form]


def decimal(whole: int, fraction: str) -> str:
    """Три целых пять десятых; from the fourth place on digit by digit."""
    if len(fraction) > 3:
        return " ".join([cardinal(whole), "запятая", *(ONES[int(digit)] for digit in fraction)])
    part = int(fraction)
    ends = ["ая" if plural(number) == "one" else "ых" for number in (whole, part)]
    return f"{cardinal(whole, 'f')} цел{ends[0]} {cardinal(part, 'f')} {PLACES[len(fraction) - 1]}{ends[1]}"


def date(y: int | None, m: int, d: int) -> str:
    return month_date(d, MONTHS[m - 1], y, "")


def month_date(day: int, month: str, y: int | None, before: str) -> str:
    return f"{ordinal(day, 'gen')} {month}" + (f" {ordinal(y, 'gen')} года" if y is not None else "")


def clock(h: int, m: int, s: int | None) -> str:
    parts = [(h, Noun("час", "часов", "m", "часа"))] + [(m, Noun("минута", "минут", "f", "минуты"))] * bool(m or s)
    parts += [(s, Noun("секунда", "секунд", "f", "секунды"))] if s else []
    return " ".join(f"{cardinal(n, noun.gender)} {noun.form(plural(n))}" for n, noun in parts)


def in_year(tongue: Tongue, number: str, word: str) -> str:
    """в 2024 году, 1999 года, 1999 год"""
    case = {"год": "m", "года": "gen", "г.": "gen", "году": "prep", "годом": "ins"}[word]
    return f"{ordinal(int(number), case)} {'года' if word == 'г.' else word}"


def suffixed(tongue: Tongue, number: str, suffix: str) -> str:
    """5-й, 5-я, 5-е, 5-го, 5-м; 90-е, 90-х"""
    if suffix in ("е", "х") and number[-1] == "0" and len(number) > 1:
        return ordinal(int(number), "n")[:-2] + ("ые" if suffix == "е" else "ых")
    case = {
        "й": "m",
        "ый": "m",
        "ий": "m",
        "ой": "m",
        "я": "f",
        "ая": "f",
        "е": "n",
        "ое": "n",
        "го": "gen",
        "ого": "gen",
        "м": "prep",
        "му": "dat",
    }
    return ordinal(int(number), case[suffix])


def gender_of(word: str, number: int) -> str:
    word = word.lower()
    if plural(number) == "one":
        return "f" if word.endswith(("а", "я")) else "n" if word.endswith(("о", "е")) else "m"
    return "f" if number % 10 == 2 and len(word) > 2 and word.endswith(("и", "ы")) else "m"


def things(stem: str, one: str, few: str, many: str, gender: str = "m") -> Noun:
    return Noun(stem + one, stem + many, gender, stem + few)


RUSSIAN = Tongue(
    code="ru", digits=tuple(ONES[:10]), cardinal=cardinal, ordinal=ordinal, point="запятая", minus="минус", to="{} – {}",
    decimal=decimal, plural=plural, gender_of=gender_of, year=cardinal, date=date, clock=clock, percent="",
    months=tuple(MONTHS), month_date=month_date,
    scales="тысячи|тысяч|тыс\\.|миллионов|миллиона|миллион|млн|миллиардов|миллиарда|миллиард|млрд",
    phrases=(
        (r"(?<![\w.,])([1-9]\d{2,3})[ \u00a0](годом|году|года|год(?!\w)|г\.)(?!\w)", in_year),
        (r"(?<![\w.,])(\d{1,4})-?(ый|ий|ой|й|ая|я|ое|е|ого|го|му|м|(?<=0-)х)(?!\w)", suffixed),
    ),
    units={
        "км": things("километр", "", "а", "ов"), "м": things("метр", "", "а", "ов"), "см": things("сантиметр", "", "а", "ов"),
        "мм": things("миллиметр", "", "а", "ов"), "кг": things("килограмм", "", "а", "ов"),
        "г": things("грамм", "", "а", "ов"),
        "мг": things("миллиграмм", "", "а", "ов"), "л": things("литр", "", "а", "ов"),
        "мл": things("миллилитр", "", "а", "ов"),
        "км/ч": Noun("километр в час", "километров в час", "m", "километра в час"), "т": things("тонн", "а", "ы", "", "f"),
        "м/с": Noun("метр в секунду", "метров в секунду", "m", "метра в секунду"),
        "м²": Noun("квадратный метр", "квадратных метров", "m", "квадратных метра"),
        "км²": Noun("квадратный километр", "квадратных километров", "m", "квадратных километра"),
        "м³": Noun("кубический метр", "кубических метров", "m", "кубических метра"),
        "мин": things("минут", "а", "ы", "", "f"),
        "ч": things("час", "", "а", "ов"), "с": things("секунд", "а", "ы", "", "f"),
        "мс": things("миллисекунд", "а", "ы", "", "f"),
        "°C": Noun("градус Цельсия", "градусов Цельсия", "m", "градуса Цельсия"), "°": things("градус", "", "а", "ов"),
        "%": things("процент", "", "а", "ов"), "Гц": things("герц", "", "а", ""), "кГц": things("килогерц", "", "а", ""),
        "МГц": things("мегагерц", "", "а", ""), "ГГц": things("гигагерц", "", "а", ""), "Вт": things("ватт", "", "а", ""),
        "кВт": things("киловатт", "", "а", ""), "В": things("вольт", "", "а", ""), "КБ": things("килобайт", "", "а", ""),
        "МБ": things("мегабайт", "", "а", ""), "ГБ": things("гигабайт", "", "а", ""), "дБ": things("децибел", "", "а", ""),
        "га": things("гектар", "", "а", "ов"), "km": things("километр", "", "а", "ов"),
        "kg": things("килограмм", "", "а", "ов"),
    },
    money={
        "₽": (things("рубл", "ь", "я", "ей"), things("копе", "йка", "йки", "ек", "f")),
        "руб.": (things("рубл", "ь", "я", "ей"), things("копе", "йка", "йки", "ек", "f")),
        "$": (things("доллар", "", "а", "ов"), things("цент", "", "а", "ов")),
        "€": (Noun("евро"), things("цент", "", "а", "ов")),
        "£": (things("фунт", "", "а", "ов"), things("пенс", "", "а", "ов")), "¥": (things("иен", "а", "ы", "", "f"), None),
        "₩": (things("вон", "а", "ы", "", "f"), None),
    },
    signs={
        "=": "равно", "±": "плюс-минус", "+": "плюс", "-": "минус", "×": "умножить на", "*": "умножить на",
        "÷": "разделить на",
        "/": "делить на", "√": "корень из", "²": "в квадрате", "³": "в кубе", "^": "в степени", "<": "меньше", ">": "больше",
        "≤": "не больше", "≥": "не меньше", "≠": "не равно", "≈": "примерно равно", "∞": "бесконечность", "π": "пи",
        "∑": "сумма",
        "∫": "интеграл", "&": "и", "#": "номер", "№": "номер", "@": "собака", "%": "процентов", "°": "градусов",
        "§": "параграф",
        "©": "копирайт", "→": "в", "½": "одна вторая", "¼": "одна четвёртая", "¾": "три четверти", "⅓": "одна треть",
        "⅔": "две трети",
    },
    net={".": "точка", "@": "собака", "/": "слэш", "-": "дефис", "_": "подчёркивание", ":": "двоеточие", "?": "знак вопроса",
        "=": "равно", "&": "и", "#": "решётка", "%": "процент", "+": "плюс", "~": "тильда"},
)  # fmt: skip
