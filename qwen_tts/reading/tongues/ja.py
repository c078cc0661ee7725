"""Japanese. Numbers become kanji, which the models read with the right sounds before each counter."""

from ..tongue import Noun, Tongue

DIGITS = "零一二三四五六七八九"
SPELLED = ("ゼロ", "イチ", "ニ", "サン", "ヨン", "ゴ", "ロク", "ナナ", "ハチ", "キュウ")
PLACES = ((1000, "千"), (100, "百"), (10, "十"))
MYRIADS = ("", "万", "億", "兆")


def below_myriad(number: int) -> str:
    words = ""
    for size, name in PLACES:
        digit, number = divmod(number, size)
        if digit:
            words += ("" if digit == 1 else DIGITS[digit]) + name
    return words + (DIGITS[number] if number else "")


def cardinal(number: int, gender: str = "") -> str:
    if not number:
        return "ゼロ"
    words, power = "", 0
    while number:
        number, group = divmod(number, 10_000)
        if group:
            said = below_myriad(group)
            # 一億, 一千万; but 千
            words = ("一" + said if said.startswith("千") and power else said) + MYRIADS[power] + words
        power += 1
    return words


def ordinal(number: int, gender: str = "") -> str:
    return f"第{cardinal(number)}"


def date(y: int | None, m: int, d: int) -> str:
    return (f"{cardinal(y)}年" if y is not None else "") + f"{cardinal(m)}月{cardinal(d)}日"


def clock(h: int, m: int, s: int | None) -> str:
    words = f"{'零' if not h else cardinal(h)}時" + (f"{cardinal(m)}分" if m or s else "")
    return words + (f"{cardinal(s)}秒" if s else "")


JAPANESE = Tongue(
    code="ja", digits=SPELLED, cardinal=cardinal, ordinal=ordinal, point="点", comma=False, gap="", minus="マイナス",
    to="{}から{}",
    fraction=lambda digits: "".join("〇" if d == "0" else DIGITS[int(d)] for d in digits),
    year=cardinal, date=date, clock=clock, day_first=False, percent="{}パーセント", and_cents="", scales="千万|百万|万|億|兆",
    parts="{1}分の{0}",
    units={
        "km": Noun("キロメートル"), "m": Noun("メートル"), "cm": Noun("センチメートル"), "mm": Noun("ミリメートル"),
        "kg": Noun("キログラム"),
        "g": Noun("グラム"), "mg": Noun("ミリグラム"), "l": Noun("リットル"), "L": Noun("リットル"),
        "ml": Noun("ミリリットル"), "mL": Noun("ミリリットル"),
        "m²": Noun("平方メートル"), "km²": Noun("平方キロメートル"), "m³": Noun("立方メートル"), "ms": Noun("ミリ秒"),
        "min": Noun("分"),
        "h": Noun("時間"), "s": Noun("秒"), "°C": Noun("度"), "℃": Noun("度"), "°F": Noun("華氏度"), "°": Noun("度"),
        "Hz": Noun("ヘルツ"),
        "kHz": Noun("キロヘルツ"), "MHz": Noun("メガヘルツ"), "GHz": Noun("ギガヘルツ"), "W": Noun("ワット"),
        "kW": Noun("キロワット"),
        "kWh": Noun("キロワット時"), "V": Noun("ボルト"), "KB": Noun("キロバイト"), "MB": Noun("メガバイト"),
        "GB": Noun("ギガバイト"),
        "TB": Noun("テラバイト"), "dB": Noun("デシベル"), "ha": Noun("ヘクタール"),
    },
    phrases=((r"(?<![A-Za-z0-9.])(\d+(?:\.\d+)?) ?(km/h|m/s)(?![A-Za-z0-9])", lambda tongue, number, unit: (
        f"{'時速' if unit == 'km/h' else '秒速'}{tongue.number(*number.split('.'))}"
        f"{'キロメートル' if unit == 'km/h' else 'メートル'}")),),
    money={
        "$": (Noun("ドル"), None), "€": (Noun("ユーロ"), None), "£": (Noun("ポンド"), None), "¥": (Noun("円"), None),
        "₽": (Noun("ルーブル"), None),
        "₩": (Noun("ウォン"), None),
    },
    signs={
        "=": "イコール", "±": "プラスマイナス", "+": "プラス", "-": "マイナス", "×": "かける", "*": "かける", "÷": "わる",
        "/": "わる", "√": "ルート",
        "²": "の二乗", "³": "の三乗", "^": "の累乗", "<": "小なり", ">": "大なり", "≤": "以下", "≥": "以上",
        "≠": "ノットイコール",
        "≈": "ニアリーイコール", "∞": "無限大", "π": "パイ", "∑": "シグマ", "∫": "インテグラル", "&": "アンド",
        "#": "シャープ", "№": "ナンバー",
        "@": "アットマーク", "%": "パーセント", "°": "度", "§": "セクション", "©": "コピーライト", "→": "から",
        "½": "二分の一", "¼": "四分の一", "¾": "四分の三", "⅓": "三分の一", "⅔": "三分の二",
    },
    net={".": "ドット", "@": "アットマーク", "/": "スラッシュ", "-": "ハイフン", "_": "アンダーバー", ":": "コロン",
        "?": "クエスチョン", "=": "イコール",
        "&": "アンド", "#": "シャープ", "%": "パーセント", "+": "プラス", "~": "チルダ"},
)  # fmt: skip
