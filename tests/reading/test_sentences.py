"""Where sentences and paragraphs end."""

import pytest

from qwen_tts.reading import paragraphs, sentences

# A bar stands where a sentence ends.
TEXTS = {
    "en": [
        'Mr. Smith met Dr. J. R. R. Tolkien at 5.30 p.m. in Rome.|"Is it true?" he asked.|Yes!|See www.a.com.|Go.',
        "It costs 3.5 dollars...|Yes... and so on.|The U.S. President spoke.|I live in the U.S.|They left, e.g. now.|Oh.",
        "So do I.|You too.|Was it Elizabeth I. of England?|No!!",
        "1. First item.|2. Second item.|No. 5 is alive.",
        "It was dark (really. It was).|He said “Stop!”|She did.|What?!|Yes…|Good.",
        "Version 3.11.7 is out.|Mail a.b@c.de now.|He has a Ph.D. in law.|Yahoo! is a firm.",
    ],
    "de": [
        "Am 3. Oktober kam Dr. Müller z. B. nach Berlin.|Er ist 12.|Das ist gut.|Es kostet 3,50 Euro.",
        "„Komm her!“, sagte er.|Sie ging usw.|Dann kam er 1990.|Danach kam nichts.|Der 2. Mann schwieg.",
    ],
    "fr": ["M. Dupont est arrivé.|« Bonjour ! » dit-il.|C'est bien…|Oui.|Il coûte 3,5 euros.|Mme. Durand, p. 5, arrive."],
    "es": ["El Sr. López llegó.|¿Qué tal?|¡Bien!|EE.UU. es grande.|Vea la pág. 3."],
    "pt": ["O Sr. Silva chegou.|Por quê?|Assim.|A Dra. Ana saiu."],
    "it": ["Il sig. Rossi è qui.|Perché?|Così.|Il dott. Verdi no."],
    "ru": ["В 1999 г. он жил на ул. Ленина.|А. С. Пушкин родился в Москве.|И т. д.|Потом ушёл.|Да?|Нет!"],
    "zh": ["他说：“你好。”|然后走了。|今天天气好！|真的吗？|是的……也许吧。|价格是3.5元。"],
    "ja": ["「行こう。早く。」と言った。|今日は晴れ。|すごい！|本当？|はい。"],
    "ko": ["안녕하세요.|반갑습니다!|3.5원입니다.|정말요?|네."],
}


@pytest.mark.parametrize(("code", "text"), [(code, text) for code, texts in TEXTS.items() for text in texts])
def test_sentences(code, text):
    joint = "" if code in ("zh", "ja") else " "
    assert sentences(text.replace("|", joint), code) == text.split("|")


def test_lines():
    assert sentences("Chapter One\nIt was a dark night,\nand the wind blew", "en") == [
        "Chapter One",
        "It was a dark night,\nand the wind blew",
    ]
    wrapped = "This line is as long as lines of wrapped text are, so its break ends\nNothing at all."
    assert sentences(wrapped, "en") == [wrapped]
    assert sentences("Buy:\n- milk\n- bread and butter", "en") == ["Buy:", "- milk", "- bread and butter"]


def test_paragraphs():
    assert paragraphs("\n\n a\nb \n \n\nc\n\u2029d\r\n\r\ne\n") == ["a\nb", "c", "d", "e"]
    assert paragraphs(" \n\n ") == []
