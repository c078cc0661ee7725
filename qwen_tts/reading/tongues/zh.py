"""Chinese (Mandarin)."""

from ..tongue import Noun, Tongue

DIGITS = "零一二三四五六七八九"
PLACES = ((1000, "千"), (100, "百"), (10, "十"))
MYRIADS = ("", "万", "亿", "万亿")
COUNTERS = "个只本张条位名次天年岁块件台辆家座杯瓶双对种层样组批期场首支封顿分钟小时周"


def below_myriad(number: int, inner: bool) -> str:
    """Up to 9999; `inner`: something stands before it, so its own zeros and the one of ten are said."""
    words, gap = "", inner and number < 1000
    for size, name in PLACES:
        digit, number = divmod(number, size)
        if digit:
            said = "两" if digit == 2 and size == 1000 else DIGITS[digit]
            words += "零" * gap + ("" if (digit, size) == (1, 10) and not words and not inner else said) + name
            gap = False
        elif words and number:
            gap = True
    return words + ("零" * gap + DIGITS[number] if number else "")


def cardinal(number: int, gender: str = "") -> str:
    """`gender` "m" stands before a counter: 两."""
    if not number:
        return DIGITS[0]
    if number == 2 and gender == "m":
        return "两"
    groups = []
    while number:
        number, group = divmod(number, 10_000)
        groups.append(group)
    words, skipped = "", False
    for power in range(len(groups) - 1, -1, -1):
        group = groups[power]
        if not group:
            skipped = bool(words)
            continue
        said = "两" if group == 2 and power else below_myriad(group, bool(words))
        words += ("零" if skipped and not said.startswith("零") else "") + said + MYRIADS[power]
        skipped = False
    return words


def ordinal(number: int, gender: str = "") -> str:
    return f"第{cardinal(number)}"


def year(number: int) -> str:
    return "".join(DIGITS[int(digit)] for digit in str(number))


def date(y: int | None, m: int, d: int) -> str:
    return (f"{year(y)}年" if y is not None else "") + f"{cardinal(m)}月{cardinal(d)}日"


def clock(h: int, m: int, s: int | None) -> str:
    words = f"{cardinal(h, 'm')}点" + (f"{'零' * (m < 10)}{cardinal(m)}分" if m or s else "")
    return words + (f"{cardinal(s)}秒" if s else "")


def years(tongue: Tongue, number: str) -> str:
    """2024年, 90年代"""
    if len(number) == 2:
        return f"{cardinal(int(number))}年"
    return f"{year(int(number))}年" if number[0] != "0" else f"{''.join(DIGITS[int(d)] for d in number)}年"


def told(tongue: Tongue, hour: str, minute: str) -> str:
    """3点05分"""
    return f"{cardinal(int(hour), 'm')}点{'零' * (minute[0] == '0')}{cardinal(int(minute))}分"


def mobile(tongue: Tongue, number: str) -> str:
    """13812345678: of telephones the one is called 幺."""
    said = "".join("幺" if digit == "1" else DIGITS[int(digit)] for digit in number if digit.isdigit())
    return f"{said[:3]}，{said[3:7]}，{said[7:]}"


def below_zero(tongue: Tongue, number: str, sign: str) -> str:
    """-5℃"""
    whole, _, part = number.partition(".")
    return f"零下{tongue.number(whole, part)}{'摄氏度' if 'C' in sign or '℃' in sign else '度'}"


def gender_of(word: str, number: int) -> str:
    return "m" if number == 2 and word[:1] in COUNTERS else ""


CHINESE = Tongue(
    code="zh", digits=tuple(DIGITS), cardinal=cardinal, ordinal=ordinal, point="点", comma=False, gap="", minus="负",
    to="{}到{}",
    year=year, date=date, clock=clock, day_first=False, percent="百分之{}", and_cents="", gender_of=gender_of,
    scales="万亿|千万|百万|万|亿",
    phrases=(
        (r"(?<![\d.])(\d{4}|\d{2}(?=年代))年", years),
        (r"(?<![\d.])([01]?\d|2[0-4])点([0-5]\d)分", told),
        (r"(?<![\d.-])(1[3-9]\d[ -]?\d{4}[ -]?\d{4})(?!\d)", mobile),
        (r"(?<![A-Za-z0-9.)\]])[-−](\d+(?:\.\d+)?) ?(℃|°C|度)", below_zero),
    ),
    parts="{1}分之{0}",
    units={
        "km": Noun("公里"), "m": Noun("米"), "cm": Noun("厘米"), "mm": Noun("毫米"), "kg": Noun("公斤"), "g": Noun("克"),
        "mg": Noun("毫克"),
        "l": Noun("升"), "L": Noun("升"), "ml": Noun("毫升"), "mL": Noun("毫升"), "km/h": Noun("公里每小时"),
        "m/s": Noun("米每秒"),
        "m²": Noun("平方米"), "km²": Noun("平方公里"), "m³": Noun("立方米"), "ms": Noun("毫秒"), "min": Noun("分钟"),
        "h": Noun("小时"),
        "s": Noun("秒"), "°C": Noun("摄氏度"), "℃": Noun("摄氏度"), "°F": Noun("华氏度"), "°": Noun("度"), "Hz": Noun("赫兹"),
        "kHz": Noun("千赫兹"),
        "MHz": Noun("兆赫兹"), "GHz": Noun("吉赫兹"), "W": Noun("瓦"), "kW": Noun("千瓦"), "kWh": Noun("千瓦时"),
        "V": Noun("伏"), "KB": Noun("千字节"),
        "MB": Noun("兆字节"), "GB": Noun("吉字节"), "TB": Noun("太字节"), "dB": Noun("分贝"), "ha": Noun("公顷"),
    },
    money={
        "$": (Noun("美元"), None), "€": (Noun("欧元"), None), "£": (Noun("英镑"), None), "¥": (Noun("元"), None),
        "₽": (Noun("卢布"), None),
        "₩": (Noun("韩元"), None),
    },
    signs={
        "=": "等于", "±": "正负", "+": "加", "-": "减", "×": "乘", "*": "乘", "÷": "除以", "/": "除以", "√": "根号",
        "²": "的平方",
        "³": "的立方", "^": "的次方", "<": "小于", ">": "大于", "≤": "小于等于", "≥": "大于等于", "≠": "不等于",
        "≈": "约等于", "∞": "无穷大",
        "π": "派", "∑": "求和", "∫": "积分", "&": "和", "#": "井号", "№": "第", "@": "艾特", "%": "百分号", "°": "度",
        "§": "节", "©": "版权",
        "→": "到", "½": "二分之一", "¼": "四分之一", "¾": "四分之三", "⅓": "三分之一", "⅔": "三分之二",
    },
    net={".": "点", "@": "艾特", "/": "斜杠", "-": "杠", "_": "下划线", ":": "冒号", "?": "问号", "=": "等于", "&": "和",
        "#": "井号",
        "%": "百分号", "+": "加", "~": "波浪号"},
)  # fmt: skip
