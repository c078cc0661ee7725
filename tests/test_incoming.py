"""However a text is cut into pieces, its ids are those of the whole."""

import itertools
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qwen_tts.errors import TextError
from qwen_tts.incoming import incoming_ids
from qwen_tts.text import TextTokenizer
from tests import real_vocabulary

LETTERS = "aeEsSdtT'’ \n\t\r\u3000\u00a0.,!?-/(\"1²½家我ไทยที่йé\u0301\u0338한ᄒ\u1161\u11ab🙂\u200d<|>_=≠\u2028q"


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return real_vocabulary.write(tmp_path_factory.mktemp("vocabulary"))


@pytest.fixture(scope="module", params=["qwen", "mistral"])
def tokenizer(request: pytest.FixtureRequest, vocabulary: Path) -> TextTokenizer:
    return TextTokenizer.from_dir(vocabulary, split=request.param)


@settings(max_examples=250, deadline=None)
@given(text=st.text(LETTERS, max_size=14) | st.text(max_size=8), cuts=st.sets(st.integers(0, 14)))
@example("a  5", {3})
@example("ab  \n c", {3, 4})
@example("Don't. \n\n(Really?)\r\n", set(range(20)))
@example("e\u0301", {1})
@example(" \n \nthe", {2, 3})
def test_any_cutting_gives_the_ids_of_the_whole(tokenizer: TextTokenizer, text: str, cuts: set[int]) -> None:
    places = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    pieces = [text[a:b] for a, b in itertools.pairwise(places)]
    try:
        whole = tokenizer.target_ids(text)
    except TextError as error:
        with pytest.raises(TextError, match="empty" if "empty" in str(error) else "Unicode"):
            list(incoming_ids(tokenizer, pieces))
        return
    assert list(incoming_ids(tokenizer, pieces)) == whole


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("The kettle is on, and the rain has stopped. It is 10:35 now.", 9),
        ("我今天很高兴,因为天气很好。你呢?", 8),
        ("line one\nline two\n\nline three", 6),
    ],
)
def test_no_more_is_held_back_than_the_last_word(tokenizer: TextTokenizer, text: str, most: int) -> None:
    """Letter by letter, the ids that are out spell all but the last few characters."""
    asked = 0

    def letters() -> Iterable[str]:
        nonlocal asked
        for asked, letter in enumerate(text, 1):  # noqa: B007
            yield letter

    spelled = [len(tokenizer._tokenizer.decode(tokenizer.encode(text)[:n])) for n in range(len(tokenizer.encode(text)) + 1)]
    for out, _ in enumerate(incoming_ids(tokenizer, letters()), 1):
        assert asked - spelled[out - 1] <= most + 2, (asked, text[:asked])


def test_nothing_is_asked_for_early(tokenizer: TextTokenizer) -> None:
    pieces = iter(["one ", "two ", "three ", "four"])
    ids = incoming_ids(tokenizer, pieces)
    assert [next(ids)] == tokenizer.encode("one")
    assert list(pieces) == ["two ", "three ", "four"]


@pytest.mark.parametrize("pieces", [[], [""], [" ", "\n"], [" \t ", ""]])
def test_nothing_to_say(tokenizer: TextTokenizer, pieces: list[str]) -> None:
    with pytest.raises(TextError, match="empty"):
        list(incoming_ids(tokenizer, pieces))
