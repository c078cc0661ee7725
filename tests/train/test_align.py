"""The alignment of text and speech: the best path against all paths, and times on a made-up clip."""

import itertools

import align
import numpy as np
import pytest


def score(path: tuple[int, ...], scores: np.ndarray, classes: np.ndarray, silent_letter: float) -> float:
    """Log probability of a path by its definition; -inf where it is not allowed."""
    if path[0] > 1 or path[-1] < len(classes) - 2:
        return -np.inf
    total = sum(scores[t, classes[state]] for t, state in enumerate(path))
    for a, b in itertools.pairwise(path):
        if not 0 <= b - a <= 3:
            return -np.inf
        total += sum(0 if classes[passed] == 0 else silent_letter for passed in range(a + 1, b))
    return total


@pytest.mark.parametrize("seed", range(6))
def test_no_path_is_better_than_the_best(seed: int) -> None:
    rng = np.random.default_rng(seed)
    states = [align.States.of(text) for text in ("ab c", "d", "I'm")]
    scores = [rng.normal(0, 3, (hops, align.LETTERS.classes)).astype(np.float32) for hops in (6, 4, 5)]
    for path, s, rows in zip(align.best_paths(scores, states, align.LETTERS.passing, batch=2), states, scores, strict=True):
        every = itertools.product(range(len(s.classes)), repeat=len(rows))
        best = max(score(p, rows, s.classes, align.LETTERS.passing) for p in every)
        assert score(tuple(path), rows, s.classes, align.LETTERS.passing) == pytest.approx(best, abs=1e-4)


def test_times_are_where_the_letters_sound() -> None:
    states = align.States.of("ab, c")
    assert states.classes.tolist() == [0, 1, 2, 0, 3, 0]
    path = np.array([0, 0, 1, 1, 2, 3, 3, 4, 4, 4, 5])
    assert states.times(path).tolist() == [2, 4, 5, 6, 7, 10]  # of a, b, the comma, the space, c, and the end


def test_phones_of_each_half_of_a_frame() -> None:
    known = align.symbols(["ðə haʊs", "ʃ"])
    assert known == "".join(sorted("ðəhaʊsʃ"))
    states = align.States.of_phones("ðə s", known)
    assert states.classes.tolist() == [0, *(1 + known.index(phone) for phone in "ðə"), 0, 1 + known.index("s"), 0]
    heard = np.arange(10, 20)  # a class a hop, four hops a frame
    assert align.halves(heard, 3, 4).tolist() == [[11, 13], [15, 17], [19, 0]]


def test_chinese_characters_begin_with_their_first_phone() -> None:
    line, text = "ni xaʊ ma", "你好，吗"
    known = align.symbols([line])
    states = align.States.of_phones(line, known, text)
    assert states.byte.tolist() == [0, 0, 0, 0, 3, 3, 3, 3, 9, 9, 9] and states.size == len(text.encode())
    path = np.array([0, 1, 2, 2, 4, 5, 6, 7, 7, 8, 9, 10])
    times = states.times(path)
    assert times[[0, 3, 9, 12]].tolist() == [1, 4, 9, 11] and (np.diff(times) >= 0).all()
