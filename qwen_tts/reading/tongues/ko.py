"""Korean: Chinese numbers, and native ones before the counters that want them."""

from ..tongue import Noun, Tongue

DIGITS = ("영", "일", "이", "삼", "사", "오", "육", "칠", "팔", "구")
PLACES = ((1000, "천"), (100, "백"), (10, "십"))
MYRIADS = ("", "만", "억", "조")
NATIVE = ("", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉")
NATIVE_TENS = ("", "열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔")
COUNTERS = "시간|시|개|명|살|마리|권|잔|병|대|장|달|가지|그루|송이|켤레|벌|사람|배|번째|번"
PHONE = ("공", "일", "이", "삼", "사", "오", "육", "칠", "팔", "구")


def below_myriad(number: int) -> str:
    words = ""
    for size, name in PLACES:
        digit, number = divmod(number, size)
        if digit:
            words += ("" if digit == 1 else DIGITS[digit]) + name
    return words + (DIGITS[number] if number else "")


def cardinal(number: int, gender: str = "") -> str:
    if not number:
        return DIGITS[0]
    words, power = [], 0
    while number:
        number, group = divmod(number, 10_000)
        if group:
            said = "" if (power, group) == (1, 1) and not number else below_myriad(group)  # 만, not 일만
            words.append(said + MYRIADS[power])
        power += 1
    return " ".join(reversed(words))


def native(number: int) -> str:
    """1 .. 99 before a counter."""
    return "스무" if number == 20 else NATIVE_TENS[number // 10] + NATIVE[number % 10]


def ordinal(number: int, gender: str = "") -> str:
    return "첫 번째" if number == 1 else f"{native(number)} 번째" if number < 100 else f"{cardinal(number)} 번째"


def date(y: int | None, m: int, d: int) -> str:
    month = {6: "유", 10: "시"}.get(m) or cardinal(m)  # 유월, 시월
    return (f"{cardinal(y)}년 " if y is not None else "") + f"{month}월 {cardinal(d)}일"


def clock(h: int, m: int, s: int | None) -> str:
    words = f"{native(h) if 0 < h < 13 else cardinal(h)} 시" + (f" {cardinal(m)} 분" if m or s else "")
    return words + (f" {cardinal(s)} 초" if s else "")


def counted(tongue: Tongue, number: str, counter: str) -> str:
    """3명, 5시, 2번째"""
    n = int(number)
    if not 0 < n < {"시": 13, "대": 10}.get(counter, 100):
        return f"{cardinal(n)} {counter}"
    return ordinal(n) if counter == "번째" else f"{native(n)} {counter}"


def month(tongue: Tongue, number: str) -> str:
    """6월, 10월"""
    return f"{ ({6: '유', 10: '시'}.get(int(number)) or cardinal(int(number))) }월"


KOREAN = Tongue(
    code="ko", digits=PHONE, cardinal=cardinal, ordinal=ordinal, point="점", comma=False, minus="마이너스", to="{}에서 {}",
    fraction=lambda digits: "".join(DIGITS[int(digit)] for digit in digits),
    year=cardinal, date=date, clock=clock, day_first=False, percent="{} 퍼센트", scales="만|억|조|천만|백만",
    phrases=(
        (rf"(?<![A-Za-z0-9.,:-])(\d{{1,4}}) ?({COUNTERS})(?![A-Za-z])", counted),
        (r"(?<![A-Za-z0-9.,])(0?[1-9]|1[0-2])월", month),
    ),
    parts="{1}분의 {0}",
    units={
        "km": Noun("킬로미터"), "m": Noun("미터"), "cm": Noun("센티미터"), "mm": Noun("밀리미터"), "kg": Noun("킬로그램"),
        "g": Noun("그램"),
        "mg": Noun("밀리그램"), "l": Noun("리터"), "L": Noun("리터"), "ml": Noun("밀리리터"), "mL": Noun("밀리리터"),
        "m²": Noun("제곱미터"),
        "km²": Noun("제곱킬로미터"), "m³": Noun("세제곱미터"), "ms": Noun("밀리초"), "min": Noun("분"), "s": Noun("초"),
        "°C": Noun("도"),
        "℃": Noun("도"), "°F": Noun("화씨도"), "°": Noun("도"), "Hz": Noun("헤르츠"), "kHz": Noun("킬로헤르츠"),
        "MHz": Noun("메가헤르츠"),
        "GHz": Noun("기가헤르츠"), "W": Noun("와트"), "kW": Noun("킬로와트"), "kWh": Noun("킬로와트시"), "V": Noun("볼트"),
        "KB": Noun("킬로바이트"),
        "MB": Noun("메가바이트"), "GB": Noun("기가바이트"), "TB": Noun("테라바이트"), "dB": Noun("데시벨"),
        "ha": Noun("헥타르"),
        "km/h": Noun("킬로미터 매 시"), "m/s": Noun("미터 매 초"),
    },
    money={
        "$": (Noun("달러"), Noun("센트")), "€": (Noun("유로"), Noun("센트")), "£": (Noun("파운드"), Noun("펜스")),
        "¥": (Noun("엔"), None),
        "₽": (Noun("루블"), None), "₩": (Noun("원"), None),
    },
    signs={
        "=": "는", "±": "플러스마이너스", "+": "더하기", "-": "빼기", "×": "곱하기", "*": "곱하기", "÷": "나누기",
        "/": "나누기", "√": "루트",
        "²": "제곱", "³": "세제곱", "^": "의 거듭제곱", "<": "작다", ">": "크다", "≤": "이하", "≥": "이상", "≠": "같지 않다",
        "≈": "약",
        "∞": "무한대", "π": "파이", "∑": "시그마", "∫": "인테그랄", "&": "그리고", "#": "번호", "№": "번호", "@": "골뱅이",
        "%": "퍼센트",
        "°": "도", "§": "조항", "©": "저작권", "→": "에서", "½": "이분의 일", "¼": "사분의 일", "¾": "사분의 삼",
        "⅓": "삼분의 일", "⅔": "삼분의 이",
    },
    net={".": "점", "@": "골뱅이", "/": "슬래시", "-": "하이픈", "_": "밑줄", ":": "콜론", "?": "물음표", "=": "이퀄",
        "&": "앤드", "#": "샵",
        "%": "퍼센트", "+": "플러스", "~": "물결표"},
)  # fmt: skip
