"""Text that comes in, cut into sentences; how it comes changes nothing."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_tts.chunks import AudioChunk
from qwen_tts.errors import TextError
from qwen_tts.reading import sentences
from qwen_tts.server.sentences import LONGEST, Sentences, by_sentence, in_turn, joined

TEXT = "Mr. Smith came at 3.30 p.m. He said: hello! And left? Yes, with Dr. Who. "


def cut(pieces: list[str], **options: bool) -> list[str]:
    coming = Sentences("english", **options)
    return [sentence for piece in pieces for sentence in coming.add(piece)] + coming.rest()


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, len(TEXT)), max_size=20))
def test_any_cutting_gives_the_same_sentences(places: list[int]) -> None:
    edges = [0, *sorted(places), len(TEXT)]
    assert cut([TEXT[a:b] for a, b in pairwise(edges)]) == sentences(TEXT, "english")


def test_a_sentence_leaves_when_something_follows_it() -> None:
    coming = Sentences()
    assert coming.add("The house. ") == [] and not coming.empty
    assert coming.add("And") == ["The house."]
    coming.clear()
    assert coming.empty and coming.rest() == []


def test_clauses_and_text_without_an_end() -> None:
    assert cut(["One, two; 3,000 and 家，家。"], clauses=True) == ["One,", "two;", "3,000 and 家，", "家。"]
    parts = cut(["word "] * 1000)
    assert all(len(part) <= LONGEST + 5 for part in parts) and " ".join(parts).split() == ["word"] * 1000
    assert "".join(cut(["家" * 100] * 20)) == "家" * 2000


def test_joined() -> None:
    assert joined(["A.", "B。", "C"]) == "A. B。C"


def test_spoken_in_turn_as_one() -> None:
    async def pieces() -> AsyncIterator[str]:
        for piece in ("One. T", "wo. Three."):
            yield piece

    async def begin(text: str, number: int):
        codes = np.zeros((1, 4), np.int64)
        yield AudioChunk(np.full(10, number, np.float32), 24_000, 0, 0, 1, None, codes)
        yield AudioChunk(np.full(5, number, np.float32), 24_000, 0, 1, 1, "loop" if number == 1 else "eos", codes)

    async def run(text: AsyncIterator[str]) -> list[AudioChunk]:
        return [chunk async for chunk in in_turn(by_sentence(text, "english"), begin)]

    chunks = asyncio.run(run(pieces()))
    assert np.concatenate([chunk.samples for chunk in chunks]).tolist() == [0] * 15 + [1] * 15 + [2] * 15
    assert [chunk.finish_reason for chunk in chunks] == [None] * 6 + ["loop"] and chunks[-1].frames == 0

    async def nothing() -> AsyncIterator[str]:
        yield "  "

    with pytest.raises(TextError):
        asyncio.run(run(nothing()))
