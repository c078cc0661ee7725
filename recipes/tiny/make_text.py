"""What the teacher speaks: prose, and words in random order.

Prose teaches rhythm; random words, drawn from a frequency list, teach spelling far beyond what prose of the same length
covers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from wordfreq import top_n_list, word_frequency

PROSE = Path(__file__).parent / "text"
SHORT = frozenset("a i am an as at be by do go he if in is it me my no of on or so to up us we ok hi oh ah ox ax".split())


@dataclass(frozen=True, slots=True)
class Writing:
    """How a language is written: what is a word of it, what stands between words, commas and final marks."""

    is_word: Callable[[str], bool]
    words: tuple[int, int]  # of a sentence
    space: str
    comma: str
    marks: str


def english(word: str) -> bool:
    return word.replace("'", "").isalpha() and word.isascii() and (len(word) > 2 or word in SHORT)


def chinese(word: str) -> bool:
    return all("一" <= c <= "龥" for c in word)


WRITING = {"en": Writing(english, (4, 14), " ", ",", ".?!"), "zh": Writing(chinese, (3, 9), "", "，", "。？！")}


def word_list(language: str, size: int) -> tuple[list[str], list[float]]:
    """The most frequent words, and how often each is to be drawn: by the cube root of its frequency.

    That flattens Zipf: rare spellings are seen, common words are seen more.
    """
    words = [w for w in top_n_list(language, size) if WRITING[language].is_word(w)]
    chances = np.array([word_frequency(word, language) for word in words]) ** (1 / 3)
    return words, list(np.cumsum(chances / chances.sum()))


def word_sentence(rng: np.random.Generator, writing: Writing, words: list[str], chances: list[float]) -> str:
    """A sentence-like row of words: capital, a comma now and then, a final mark. `chances` are summed up."""
    count = int(rng.integers(writing.words[0], writing.words[1] + 1))
    picked = [words[i] for i in np.minimum(np.searchsorted(chances, rng.random(count)), len(words) - 1)]
    picked = [w if not (i and rng.random() < 0.08) else f"{w}{writing.comma}" for i, w in enumerate(picked)]
    text = writing.space.join(picked).rstrip(writing.comma)
    return text[0].upper() + text[1:] + writing.marks[int(np.searchsorted([0.8, 0.9, 1.0], rng.random()))]
