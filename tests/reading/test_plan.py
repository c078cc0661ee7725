"""From a text to what is spoken and where a pause is."""

import subprocess
import sys
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_tts.errors import OptionError, TextError
from qwen_tts.reading import Lexicon, Pause, Pauses, Speak, normalise, plan
from qwen_tts.reading.say_as import say_as
from qwen_tts.reading.tongues import CODES


def spoken(segments) -> list[str]:
    return [segment.text for segment in segments if isinstance(segment, Speak)]


def test_everything_together():
    text = (
        'Hello <break time="1s"/> world. [pause:400ms]SQL costs $5. <sub alias="World Wide Web">WWW</sub> 😀.\n\nNew: 1. Two.'
    )
    assert plan(text, "English", lexicon=Lexicon({"sql": "sequel"})) == [
        Speak("Hello"),
        Pause(1.0),
        Speak("world."),
        Pause(0.4),
        Speak("sequel costs five dollars. World Wide Web."),
        Pause(0.5, "paragraph"),
        Speak("New: one. Two."),
    ]


def test_each_part_can_be_switched_off():
    text = "It is 5 [pause:1s] & a <break/> b."
    assert plan(text, "en", normalise=False, marks=False) == [Speak(text)]
    assert spoken(plan(text, "en", marks=False)) == [normalise(text, "en")]
    assert spoken(plan(text, "en", normalise=False)) == ["It is 5", "& a", "b."]


def test_ssml_document():
    text = '<speak><p><s>One.</s><s>Two</s></p> <p>Three <say-as interpret-as="ordinal">4</say-as> day</p></speak>'
    assert plan(text, "en") == [
        Speak("One."),
        Pause(0.2, "sentence"),
        Speak("Two"),
        Pause(0.5, "paragraph"),
        Speak("Three fourth day"),
    ]


def test_pauses_and_budget():
    pauses = Pauses(clause=0.1, sentence=0.3, paragraph=1.0)
    text = "One is here. Two is, as it were, here with us all. Three.\n\nFour."
    assert plan(text, "en", budget=20, pauses=pauses) == [
        Speak("One is here."),
        Pause(0.3, "sentence"),
        Speak("Two is, as it were,"),
        Pause(0.1, "clause"),
        Speak("here with us all."),
        Pause(0.3, "sentence"),
        Speak("Three."),
        Pause(1.0, "paragraph"),
        Speak("Four."),
    ]
    words = plan("a b c d e f", "en", budget=2, measure=lambda t: len(t.split()))
    assert spoken(words) == ["a b", "c d", "e f"]
    with pytest.raises(OptionError, match="0 to 60"):
        Pauses(sentence=-1)


def test_wrapped_lines_become_one():
    assert spoken(plan("this line was wrapped by\nsomeone  with\ttabs", "en")) == ["this line was wrapped by someone with tabs"]
    assert spoken(plan("昨天我们一起去了公园里面看到了很多的花还有\n很多的人", "zh")) == [
        "昨天我们一起去了公园里面看到了很多的花还有很多的人"
    ]


@pytest.mark.parametrize("text", ["", " \n", "[pause:1s]", "<break/>", "...", "😀", "<speak> </speak>", "-----"])
def test_nothing_to_speak(text):
    with pytest.raises(TextError, match="nothing to speak"):
        plan(text, "en")


@pytest.mark.parametrize(
    ("code", "how", "text", "said"),
    [
        ("en", "characters", "USA1", "U S A one"),
        ("en", "spell-out", "a.b", "a dot b"),
        ("en", "digits", "404", "four zero four"),
        ("en", "cardinal", "1,234", "one thousand two hundred and thirty-four"),
        ("en", "cardinal", "2024", "two thousand and twenty-four"),
        ("en", "ordinal", "3", "third"),
        ("en", "ordinal", "3rd", "third"),
        ("en", "date", "2024-03-05", "March fifth, twenty twenty-four"),
        ("en", "time", "14:30", "fourteen thirty"),
        ("en", "telephone", "555 1234", "five five five, one two three four"),
        ("de", "ordinal", "3.", "dritte"),
        ("de", "digits", "110", "eins eins null"),
        ("fr", "ordinal", "1", "premier"),
        ("zh", "digits", "110", "一一零"),
        ("ja", "ordinal", "3", "第三"),
        ("ko", "digits", "102", "일공이"),
        ("en", "date", "tomorrow at 5", "tomorrow at five"),
        ("en", "cardinal", "x", "x"),
    ],
)
def test_say_as(code, how, text, said):
    assert say_as(text, how, CODES[code]) == said


@settings(deadline=None, max_examples=200)
@given(
    text=st.text(st.sampled_from("abc Z15.,!?\n<>[]&:。一の한😀 "), max_size=120),
    code=st.sampled_from([*sorted(CODES), None]),
    budget=st.integers(5, 50),
)
def test_any_text_gives_a_plan_or_says_why_not(text, code, budget):
    try:
        segments = plan(text, code, budget=budget)
    except TextError:
        return
    assert segments == plan(text, code, budget=budget)
    assert all(len(said) <= budget or len(said) <= 16 for said in spoken(segments))
    assert all(said == said.strip() != "" for said in spoken(segments))
    assert isinstance(segments[0], Speak) and isinstance(segments[-1], Speak)
    assert not any(isinstance(a, Pause) and isinstance(b, Pause) for a, b in pairwise(segments))


def test_a_long_book():
    """Time in proportion: ten times the text takes about ten times as long."""
    page = "Mr. Smith paid $5.99 on 3/4/2021. “Really?” she asked, and left at 14:30 — it was late.\n\n" * 100
    started = time.process_time()
    one = plan(page, "en")
    first = time.process_time() - started
    started = time.process_time()
    ten = plan(page * 10, "en")
    assert time.process_time() - started < 30 * first + 1
    assert len(spoken(ten)) == 10 * len(spoken(one))


def test_reading_needs_no_model():
    code = "import sys, qwen_tts.reading; assert not {'torch', 'tokenizers', 'num2words'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
