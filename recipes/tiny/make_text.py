"""Writes the sentences that the teachers speak: prose, and words in random order.

Prose teaches rhythm; random words, drawn from a frequency list, teach spelling far beyond what prose of the same length covers.
Deterministic for a seed. One line: id <TAB> sentence.
"""

import argparse
import random
from pathlib import Path

from wordfreq import top_n_list, word_frequency

PROSE = Path(__file__).parent / "text" / "en.txt"


def pronounceable(word: str) -> bool:
    return word.replace("'", "").isalpha() and word.isascii() and (len(word) > 2 or word in SHORT)


SHORT = frozenset("a i am an as at be by do go he if in is it me my no of on or so to up us we ok hi oh ah ox ax".split())


def word_sentence(rng: random.Random, words: list[str], weights: list[float]) -> str:
    """A sentence-like row of words: capital, a comma now and then, a final mark."""
    picked = rng.choices(words, cum_weights=weights, k=rng.randint(4, 14))
    picked = [w if not (i and rng.random() < 0.08) else f"{w}," for i, w in enumerate(picked)]
    text = " ".join(picked).rstrip(",")
    return text[0].upper() + text[1:] + rng.choices([".", "?", "!"], [8, 1, 1])[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--word-sentences", type=int, default=9000)
    parser.add_argument("--vocabulary", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    rng = random.Random(args.seed)
    words = [w for w in top_n_list("en", args.vocabulary) if pronounceable(w)]
    total, weights = 0.0, []
    for word in words:  # the cube root flattens Zipf: rare spellings are seen, common words are seen more
        total += word_frequency(word, "en") ** (1 / 3)
        weights.append(total)
    lines = [f"prose_{i:05d}\t{line}" for i, line in enumerate(PROSE.read_text("utf-8").splitlines())]
    made = [f"words_{i:05d}\t{word_sentence(rng, words, weights)}" for i in range(args.word_sentences)]
    mixed = lines + made
    rng.shuffle(mixed)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text("\n".join(mixed) + "\n", "utf-8")
    print(f"{len(lines)} prose sentences, {len(made)} of random words from {len(words)}")


if __name__ == "__main__":
    main()
