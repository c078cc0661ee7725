import numpy as np
import pytest

from qwen_tts.eval.metric import Clip
from qwen_tts.eval.wer import WordErrorRate, word_error_rate


def test_the_rate_weighs_sentences_by_their_words():
    # one substitution in two words; one deletion and one insertion in eight
    texts = ["good morning", "the cat sat on the mat at noon"]
    heard = ["good evening", "the cat sat the mat at noon today"]
    score = word_error_rate(texts, heard)
    assert score.each == (0.5, 0.25)
    assert score.value == pytest.approx(3 / 10)


def test_a_clip_of_which_nothing_is_heard_is_all_wrong():
    assert word_error_rate(["good morning"], [""]).each == (1.0,)


def test_a_text_without_words_is_no_error_unless_something_is_heard():
    assert word_error_rate(["", ""], ["", "something"]).each == (0.0, 1.0)


@pytest.fixture(scope="module")
def metric() -> WordErrorRate:
    return WordErrorRate("tiny.en")


def test_silence_is_heard_as_nothing(metric):
    score = metric([Clip(np.zeros(48000, np.float32), 24000, "Nobody won the race.")])
    assert score.value == 1.0
    assert score.notes == ("",)


def test_spelling_case_and_punctuation_do_not_count(metric):
    assert metric.normalise("It's a lighter colour, Mr. Brown!") == metric.normalise("it is a lighter color mister brown")
    assert metric.normalise("Wait… what?") == metric.normalise("Wait, what?") == "wait what"
    assert metric.normalise("…") == ""
