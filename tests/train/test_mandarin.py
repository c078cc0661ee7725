"""Chinese as the built-in talker learns it: syllables, their names, their phones."""

import mandarin
import pytest


def test_each_syllable_goes_by_a_character_that_is_read_so() -> None:
    names = mandarin.names()
    assert len(mandarin.characters()) == 6763 and 1150 < len(names) < 1300
    assert all(mandarin.syllables(name) == [syllable] for syllable, name in names.items())
    assert not mandarin.OWN & set(names.values())


def test_every_character_has_a_name_that_sounds_the_same() -> None:
    namesakes = mandarin.namesakes()
    for c, name in namesakes.items():
        assert mandarin.syllables(c) == mandarin.syllables(name)
    kept = set(mandarin.characters()) - set(namesakes)
    assert kept == set(mandarin.names().values()) | (mandarin.OWN & set(mandarin.characters()))


def test_a_text_is_spelled_as_it_is_read_and_keeps_its_length() -> None:
    text = "长江很长，他在银行数钱，一共 3 块 OK。"
    spelled = mandarin.spelled(text)
    assert len(spelled) == len(text) and len(spelled.encode()) == len(text.encode())
    assert spelled[0] == "长" and spelled[3] == "长"  # what has several readings is called by itself
    assert mandarin.syllables(spelled)[1] == "jiang1" and spelled[1] == mandarin.names()["jiang1"]
    assert [c for c in spelled if not mandarin.is_character(c)] == [c for c in text if not mandarin.is_character(c)]


@pytest.mark.parametrize(
    ("syllable", "phones"),
    [
        ("zhong1", "ʈʊŋ"), ("shi4", "ʂʅ"), ("si5", "sɿ"), ("yi1", "i"), ("ying2", "iŋ"), ("yuan3", "yɛn"), ("ju2", "ʥy"),
        ("lv4", "ly"), ("wu3", "u"), ("wei2", "weɪ"), ("liu4", "ljoʊ"), ("you3", "joʊ"), ("er4", "ɚ"), ("ang2", "ɑŋ"),
    ],
)  # fmt: skip
def test_phones_of_a_syllable(syllable: str, phones: str) -> None:
    assert mandarin.phones(syllable) == phones


def test_every_syllable_has_phones_and_together_with_english_they_fit_a_code() -> None:
    classes = set("".join(mandarin.phones(syllable) for syllable in mandarin.names()))
    assert len(classes) < 45
