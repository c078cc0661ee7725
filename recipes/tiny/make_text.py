"""Writes the sentences that the teachers speak: prose, and words in random order.

Prose teaches rhythm; random words, drawn from a frequency list, teach spelling far beyond what prose of the same length covers.
Deterministic for a seed. One line: id <TAB> sentence.
"""

import argparse
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wordfreq import top_n_list, word_frequency

PROSE = Path(__file__).parent / "text"
SHORT = frozenset("a i am an as at be by do go he if in is it me my no of on or so to up us we ok hi oh ah ox ax".split())


@dataclass(frozen=True, slots=True)
class Writing:
    """How a language is written: what is a word of it, what stands between words, commas and final marks."""

    prefix: str  # of the sentences' names
    is_word: Callable[[str], bool]
    words: tuple[int, int]  # of a sentence
    space: str
    comma: str
    marks: str


def english(word: str) -> bool:
    return word.replace("'", "").isalpha() and word.isascii() and (len(word) > 2 or word in SHORT)


def chinese(word: str) -> bool:
    return all("一" <= c <= "龥" for c in word)


WRITING = {"en": Writing("", english, (4, 14), " ", ",", ".?!"), "zh": Writing("zh_", chinese, (3, 9), "", "，", "。？！")}


def word_sentence(rng: random.Random, writing: Writing, words: list[str], weights: list[float]) -> str:
    """A sentence-like row of words: capital, a comma now and then, a final mark."""
    picked = rng.choices(words, cum_weights=weights, k=rng.randint(*writing.words))
    picked = [w if not (i and rng.random() < 0.08) else f"{w}{writing.comma}" for i, w in enumerate(picked)]
    text = writing.space.join(picked).rstrip(writing.comma)
    return text[0].upper() + text[1:] + rng.choices(writing.marks, [8, 1, 1])[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--language", choices=WRITING, default="en")
    parser.add_argument("--word-sentences", type=int, default=9000)
    parser.add_argument("--vocabulary", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    rng, writing = random.Random(args.seed), WRITING[args.language]
    words = [w for w in top_n_list(args.language, args.vocabulary) if writing.is_word(w)]
    total, weights = 0.0, []
    for word in words:  # the cube root flattens Zipf: rare spellings are seen, common words are seen more
        total += word_frequency(word, args.language) ** (1 / 3)
        weights.append(total)
    prose = (PROSE / f"{args.language}.txt").read_text("utf-8").splitlines()
    lines = [f"{writing.prefix}prose_{i:05d}\t{line}" for i, line in enumerate(prose)]
    made = [f"{writing.prefix}words_{i:05d}\t{word_sentence(rng, writing, words, weights)}" for i in range(args.word_sentences)]
    mixed = lines + made
    rng.shuffle(mixed)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text("\n".join(mixed) + "\n", "utf-8")
    print(f"{len(lines)} prose sentences, {len(made)} of random words from {len(words)}")


if __name__ == "__main__":
    main()
