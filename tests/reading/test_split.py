"""Pieces that fit a budget, and lose nothing."""

import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_tts.errors import OptionError
from qwen_tts.reading import Piece, pack, paragraphs, sentences
from qwen_tts.reading.tongues import CODES

TEXTS = st.text(
    st.one_of(
        st.sampled_from("ab Z 1..!?,;:…。！？，、」”»)\n\n\u0301 一か한—-Mr. "), st.characters(exclude_categories=["Cs"])
    ),
    max_size=200,
)


def solid(text: str) -> str:
    return "".join(text.split())


@settings(deadline=None, max_examples=400)
@given(text=TEXTS, code=st.sampled_from([*sorted(CODES), None]), budget=st.integers(1, 60), unit=st.integers(1, 3))
def test_nothing_is_lost_and_everything_fits(text, code, budget, unit):
    pieces = pack(text, code, budget, lambda t: -(-len(t) // unit))
    assert solid("".join(piece.text for piece in pieces)) == solid(text)
    for piece in pieces:
        assert piece.text == piece.text.strip() != ""
        assert -(-len(piece.text) // unit) <= budget or len(piece.text) <= 16
    assert not pieces or pieces[-1].ending == "paragraph"
    assert pack(text, code, budget, lambda t: -(-len(t) // unit)) == pieces
    assert solid("".join(s for p in paragraphs(text) for s in sentences(p, code or "en"))) == solid(text)


def test_sentences_are_packed_whole():
    text = "One is here. Two is here. Three is here.\n\nFour."
    assert pack(text, "en", 30) == [
        Piece("One is here. Two is here.", "sentence"),
        Piece("Three is here.", "paragraph"),
        Piece("Four.", "paragraph"),
    ]
    assert [piece.text for piece in pack("今天好。明天好。后天好。", "zh", 8)] == ["今天好。明天好。", "后天好。"]


def test_a_long_sentence_is_divided_where_it_breathes():
    text = "When it rained, we stayed in; when the sun came out, we went to the sea and swam."
    assert pack(text, "en", 40) == [
        Piece("When it rained, we stayed in;", "clause"),
        Piece("when the sun came out,", "clause"),
        Piece("we went to the sea and swam.", "paragraph"),
    ]
    assert [p.ending for p in pack("one two three four", "en", 10)] == ["word", "paragraph"]
    assert [p.text for p in pack("春眠不觉晓处处闻啼鸟", "zh", 5)] == ["春眠不觉晓", "处处闻啼鸟"]
    assert pack("e\u0301" * 4, "en", 3)[0].text == "e\u0301"


def test_no_short_last_piece():
    sizes = [len(piece.text) for piece in pack("This is it. " * 5 + "Yes.", "en", 60)]
    assert len(sizes) == 2 and min(sizes) > 20


def test_the_budget_is_checked():
    with pytest.raises(OptionError, match="above 0, not 0"):
        pack("a", "en", 0)


def test_a_megabyte():
    tracemalloc.start()
    started = time.process_time()
    pieces = pack("Mr. Smith came home (late). He said: “It rains, it pours.” Nobody knew… " * 14_000, "en", 200)
    took, peak = time.process_time() - started, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(pieces) > 4000
    assert took < 20
    assert peak < 100e6


@pytest.mark.parametrize(
    "text",
    [
        "a" * 200_000,
        "一" * 100_000,
        "a, " * 60_000,
        "(" * 200_000,
        "Mr. " * 50_000,
        "..." * 60_000,
        " " * 200_000 + "a",
        "\n \n" * 60_000,
        "\n" + " " * 200_000,
        "「」" * 60_000,
        "a.b." * 50_000,
        "\u0301" * 100_000,
        ",)" * 100_000,
        "?!" * 100_000 + "a",
    ],
    ids=lambda text: ascii(text[:4]),
)
def test_hostile(text):
    """A time that grew with the square of the length would be hours."""
    started = time.process_time()
    pack(text, "en", 200)
    assert time.process_time() - started < 6
