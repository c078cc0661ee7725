"""What voices are called: what is said is what is so."""

import re
import runpy
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from captions import (
    AGES,
    ASKING,
    CHINESE,
    CHINESE_PEOPLE,
    ENGLISH,
    OLD_AND_YOUNG,
    PEOPLE,
    SINGERS,
    WARM_AND_BRIGHT,
    Voice,
    describe,
    heard,
    way_and_mood,
)
from kokoro import TIMBRE
from score import Score
from ways import Way

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.parametrize("woman", [False, True])
@pytest.mark.parametrize(("shift", "bright"), [(-0.1, -1), (0.1, 0), (None, 1)])
def test_a_voice_is_called_bright_that_is_so_among_its_sex(woman: bool, shift: float | None, bright: int) -> None:
    warm, brighter = WARM_AND_BRIGHT[woman]
    voice = np.zeros(TIMBRE, np.float32)
    voice[7] = brighter + 0.1 if shift is None else warm + shift
    nothing = np.zeros(0, np.float32)
    made = Score("", "", "English", nothing, nothing, np.full(8, 120.0), nothing, voice, nothing)
    assert heard(woman, made, Way(), np.eye(TIMBRE)[7]).bright == bright


def mentions(text: str, name: str) -> set[int]:
    """What a description says of something: -1, 0 or 1."""
    words = [(value, word) for tongue in (ENGLISH, CHINESE) for value, some in tongue[name].items() for word in some]
    words += [
        (value, f"{verb}ing {rest}") for value, word in words for verb, rest in re.findall(r"(speak|talk|tak)e?s (.*)", word)
    ]
    if name == "pitch":
        words += [(value, word) for (_, value), some in SINGERS.items() for word in some]
    return {value for value, word in words if re.search(rf"(?<![a-z-]){re.escape(word)}(?![a-z-]| pace)", text, re.I)}


def is_told(woman: bool, text: str) -> bool:
    """Whether a description says that this is who speaks."""
    people = [word for some in (*PEOPLE[woman].values(), *CHINESE_PEOPLE[woman].values()) for word in some]
    people += [word for (sex, _), some in SINGERS.items() if sex == woman for word in some]
    people.append("female" if woman else "male")
    return any(re.search(rf"(?<![a-z-]){word}(?![a-z-])", text, re.I) for word in people)


@pytest.mark.parametrize("name", ["pitch", "bright", "mood", "loud", "pace"])
@pytest.mark.parametrize("value", [-1, 0, 1])
def test_descriptions_say_only_what_is_so_and_in_many_ways(name: str, value: int) -> None:
    said = [describe(replace(Voice(True, 0, 0, 0, 0), **{name: value}), np.random.default_rng(n)) for n in range(300)]
    assert all(mentions(text, name) <= {value} for text in said)
    told = [text for text in said if mentions(text, name)]
    assert (180 < len(told) < 270) if value else (len(told) < 100)
    assert all(is_told(True, text) and not is_told(False, text) for text in said)
    assert not any(re.search(r"\ba [aeiou]|\ban [^aeiou]|  | ,|^,|[，、]$|, *\.", text) for text in said)
    assert len(set(said)) > 150


@pytest.mark.parametrize("mood", [-1, 1])
def test_a_mood_is_often_told_alone(mood: int) -> None:
    """Who always hears "sad" beside "slowly" and "quiet" does not listen to it."""
    voice = Voice(False, 0, pace=mood, loud=mood, bright=0, mood=mood)
    said = [describe(voice, np.random.default_rng(n)) for n in range(300)]
    moody = [text for text in said if mentions(text, "mood") == {mood}]
    alone = [text for text in moody if not mentions(text, "pace") and not mentions(text, "loud")]
    assert len(moody) > 180 and 0.45 < len(alone) / len(moody) < 0.7


@pytest.mark.parametrize("woman", [False, True])
@pytest.mark.parametrize("age", [-1, 0, 1])
def test_who_is_low_dark_and_slow_is_old_and_who_is_high_and_bright_is_young(woman: bool, age: int) -> None:
    said = [describe(Voice(woman, pitch=age, pace=0, loud=0, bright=age), np.random.default_rng(n)) for n in range(300)]
    old_or_young = {
        kind: [*AGES[kind], *PEOPLE[woman][kind], *CHINESE_PEOPLE[woman][kind], *("年轻" if kind > 0 else "老年",)]
        for kind in (-1, 1)
    }
    for kind, words in old_or_young.items():
        named = [text for text in said if any(re.search(rf"(?<![a-z-]){word}(?![a-z])", text, re.I) for word in words)]
        assert 160 < len(named) < 270 if kind == age else not named
        alone = [text for text in named if not mentions(text, "pitch") and not mentions(text, "bright")]
        assert len(alone) >= 0.45 * len(named), "an age is often told without what it is made of"
    assert Voice(woman, pitch=1, pace=1, loud=0, bright=-1).age == 0 == Voice(woman, pitch=1, pace=9, loud=9, bright=0).age


@pytest.mark.parametrize("mood", [-1, 1])
def test_somebody_sounds_as_well_as_has_a_voice(mood: int) -> None:
    said = [describe(Voice(True, 0, 0, 0, 0, mood), np.random.default_rng(n)) for n in range(300)]
    sounds = [text for text in said if re.search("sound(s|ing) ", text)]
    assert 40 < len(sounds) < 110 and all(mentions(text, "mood") == {mood} for text in sounds)


def test_slow_and_soft_is_calm() -> None:
    for kind, calm in ((-1, "calm|relaxed|平静|沉稳"), (1, "energetic|dynamic|活力|有力")):
        said = [describe(Voice(False, 0, pace=kind, loud=kind, bright=0), np.random.default_rng(n)) for n in range(300)]
        in_one = [text for text in said if re.search(calm, text, re.I)]
        assert 60 < len(in_one) < 160 and not any(mentions(text, "pace") or mentions(text, "loud") for text in in_one)
    for pace, loud in ((-1, 0), (0, -1), (1, -1), (0, 0)):
        said = [describe(Voice(False, 0, pace, loud, 0), np.random.default_rng(n)) for n in range(100)]
        assert not any(re.search("calm|relaxed|energetic|dynamic|平静|沉稳|活力|有力", text, re.I) for text in said)


def test_what_is_not_known_is_not_told() -> None:
    said = [describe(Voice(True, 0, 9, 9, 0), np.random.default_rng(n)) for n in range(100)]
    assert not any(mentions(text, "pace") or mentions(text, "loud") for text in said)


def test_a_mood_is_heard_in_all_that_it_changes() -> None:
    found = [way_and_mood(np.random.default_rng(n)) for n in range(300)]
    cheerful, sad = ([way for way, mood in found if mood == kind] for kind in (1, -1))
    assert min(len(cheerful), len(sad)) > 20 and len(cheerful) + len(sad) < 150
    for name in ("pace", "loud"):
        assert min(getattr(way, name) for way in cheerful) > max(getattr(way, name) for way in sad)


def test_the_benchmark_describes_people_that_nobody_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    asked = runpy.run_path(str(BENCHMARKS / "descriptions.py"))["UNHEARD"]
    for text in asked:
        chinese = not text.isascii()
        people = chain.from_iterable(chain(*(kinds.values() for kinds in (CHINESE_PEOPLE if chinese else PEOPLE).values())))
        learned = {word for who in (*people, *chain(*SINGERS.values()), "male", "female") for word in who.split()}
        said = text if chinese else re.findall("[a-z]+", text.lower())
        assert not [word for word in learned if word in said], text


def test_voices_are_asked_for_in_many_words_but_not_in_those_of_the_benchmark() -> None:
    said = [describe(Voice(n % 2 == 0, 1, 0, 0, 1), np.random.default_rng(n)).lower() for n in range(600)]
    asking = [words.lower() for words in ASKING if any(text.startswith(f"{words.lower()} a") for text in said)]
    assert len(asking) > 0.8 * len(ASKING) and "i want" not in asking
    asked = [text for text in said if text.startswith(tuple(asking))]
    assert 0.1 < len(asked) / len(said) < 0.4
    assert all(is_told(n % 2 == 0, text) for n, text in enumerate(said))


def test_the_old_are_lower_and_slower_than_the_young() -> None:
    found = [way for way, mood in (way_and_mood(np.random.default_rng(n)) for n in range(600)) if not mood]
    aged = {age: [way for way in found if usual.pitch * 0.93 < way.pitch < usual.pitch * 1.07
                  and usual.pace * 0.92 < way.pace < usual.pace * 1.08] for age, usual in OLD_AND_YOUNG.items()}  # fmt: skip
    assert all(len(ways) > 0.1 * 600 for ways in aged.values())
    assert max(way.pitch for way in aged[-1]) < 1 < min(way.pitch for way in aged[1])
    assert max(way.pace for way in aged[-1]) < 0.88 and min(way.pace for way in aged[1]) > 1.12, "as slow and fast are told"
