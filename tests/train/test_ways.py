"""What somebody is told in words is what is done, in whatever words."""

import re
import runpy
from pathlib import Path

import numpy as np
import pytest
from make_pack import words
from score import Score
from ways import CHINESE, ENGLISH, SHORT, WAYS, Way, instruction, order, way

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
ORDERS = [order(np.random.default_rng(number)) for number in range(600)]


def letters(text: str) -> str:
    return re.sub(r"[^a-z\u4e00-\u9fff]", "", text.lower())


def test_the_words_of_an_order_name_its_ways_one_after_the_other() -> None:
    names = {letters(text): name for said in (ENGLISH, CHINESE) for name, some in said.items() for text in some.split("|")}
    names |= {letters(text): name for name, text in SHORT.items()}
    for number, names_told in enumerate(ORDERS):
        told = instruction(names_told, np.random.default_rng(number))
        found = []
        for text in (letters(told), letters(re.sub("^(Speak|Talk|Say it) ", "", told, flags=re.I))):
            for first in names:
                rest = text.removeprefix(first).removeprefix("and")
                if text == first:
                    found.append((names[first],))
                elif text.startswith(first) and rest in names:
                    found.append((names[first], names[rest]))
        assert names_told in found, told
    assert 100 < sum(len(names) == 2 for names in ORDERS) < 300


def test_no_words_mean_two_things() -> None:
    for said in (ENGLISH, CHINESE):
        assert set(said) == set(WAYS)
        every = [letters(text) for some in said.values() for text in some.split("|")]
        assert len(every) == len(set(every))


def test_two_things_at_once_change_nothing_twice() -> None:
    for one in WAYS.values():
        assert Way().and_also(one) == one.and_also(Way()) == one
    for names in ORDERS:
        done = way(names)
        assert 0.7 < done.pace < 1.4 and 0.8 < done.pitch < 1.25 and -8 <= done.loud <= 5, names
        assert not (done.whispered and done.pitch != 1), names


def test_an_order_is_worded_anew_whenever_it_is_packed() -> None:
    nothing = np.zeros(0, np.float32)
    made = Score("", "ryan", "English", *[nothing] * 6, told=("slow", "low"))
    said = {words(made, np.random.default_rng(number)) for number in range(200)}
    assert len(said) > 100 and any("，" in text for text in said)
    assert any(text == text.lower() for text in said) and any(text[0].isupper() for text in said)
    made.told = ()
    assert words(made, np.random.default_rng(0)) == ""
    made.heard = {"woman": True, "pitch": -1, "pace": 0, "loud": 9, "bright": 0, "mood": 0}
    assert re.search("woman|female|lady|女", words(made, np.random.default_rng(1)), re.I)


def test_the_benchmark_asks_in_words_that_nobody_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    asked = runpy.run_path(str(BENCHMARKS / "voices.py"))["OTHER_WORDS"]
    learned = {letters(text) for said in (ENGLISH, CHINESE) for some in said.values() for text in some.split("|")}
    assert len(asked) == len(WAYS) and not {letters(text) for some in asked.values() for text in some.split("|")} & learned
