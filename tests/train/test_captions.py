"""What ways to speak and voices are called: what is said is what is done."""

import re
from dataclasses import replace

import numpy as np
import pytest
from captions import SHORT, WARM_AND_BRIGHT, WAYS, Voice, Way, describe, heard, order, way_and_mood
from kokoro import TIMBRE
from score import Score

ORDERS = [order(np.random.default_rng(number)) for number in range(600)]


def test_whoever_is_told_does_what_the_words_say() -> None:
    """The words, one phrase after the other, name ways whose product is what is done."""

    def letters(text: str) -> str:
        return re.sub(r"[^a-z\u4e00-\u9fff]", "", text.lower())

    names = {letters(text): way for way, words in WAYS.values() for text in words.split("|")}
    names |= {letters(text): WAYS[name][0] for name, text in SHORT.items()}
    twice = 0
    for way, words in ORDERS:
        found = []
        for text in (letters(words), letters(re.sub("^(Speak|Talk|Say it) ", "", words))):
            for first in names:
                rest = text.removeprefix(first).removeprefix("and")
                if text == first:
                    found.append(names[first])
                elif text.startswith(first) and rest in names:
                    found.append(names[first].and_also(names[rest]))
        assert way in found, words
        twice += way not in [one for one, _ in WAYS.values()]
    assert 100 < twice < 300


def test_two_things_at_once_change_nothing_twice() -> None:
    for one, _ in WAYS.values():
        assert Way().and_also(one) == one.and_also(Way()) == one
    for way, words in ORDERS:
        assert 0.7 < way.pace < 1.4 and 0.8 < way.pitch < 1.25 and -8 <= way.loud <= 5, words
        assert not (way.whispered and way.pitch != 1), words


@pytest.mark.parametrize("woman", [False, True])
@pytest.mark.parametrize(("shift", "bright"), [(-0.1, -1), (0.1, 0), (None, 1)])
def test_a_voice_is_called_bright_that_is_so_among_its_sex(woman: bool, shift: float | None, bright: int) -> None:
    warm, brighter = WARM_AND_BRIGHT[woman]
    voice = np.zeros(TIMBRE, np.float32)
    voice[7] = brighter + 0.1 if shift is None else warm + shift
    nothing = np.zeros(0, np.float32)
    made = Score("", "", "English", nothing, nothing, np.full(8, 120.0), nothing, voice, nothing)
    assert heard(woman, made, Way(), np.eye(TIMBRE)[7]).bright == bright


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("bright", {-1: ("warm", "dark", "mellow", "温暖"), 1: ("bright", "clear", "crisp", "明亮")}),
        ("mood", {-1: ("sad", "tired", "sorrowful", "悲伤"), 1: ("cheerful", "lively", "happy", "excited", "欢快")}),
    ],
)
def test_descriptions_say_only_what_is_so(name: str, words: dict[int, tuple[str, ...]]) -> None:
    plain = Voice(True, 0, 0, 0, 0)
    for value in (-1, 0, 1):
        said = [describe(replace(plain, **{name: value}), np.random.default_rng(n)) for n in range(200)]
        found = {kind: sum(any(word in text for word in words[kind]) for text in said) for kind in words}
        assert all(100 < count < 190 if kind == value else count == 0 for kind, count in found.items()), found
        assert not any(" a excited" in text for text in said)


def test_a_mood_is_heard_in_all_that_it_changes() -> None:
    found = [way_and_mood(np.random.default_rng(n)) for n in range(300)]
    cheerful, sad = ([way for way, mood in found if mood == kind] for kind in (1, -1))
    assert min(len(cheerful), len(sad)) > 20 and len(cheerful) + len(sad) < 150
    for name in ("pace", "loud"):
        assert min(getattr(way, name) for way in cheerful) > max(getattr(way, name) for way in sad)
