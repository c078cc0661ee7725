"""Chinese as the built-in talker learns it: syllables and their names."""

import mandarin


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
