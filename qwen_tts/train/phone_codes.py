"""Codebook 0 as what is said: each code is the phone in the first half of a frame and the phone in its second half.

A codec that learns from sound alone keeps, at 80 ms a frame, what moves the spectrum most, and mixes up "far" and "poor". Where
it is known what was said and when, code 0 can say so: to predict it is to read, and the other codebooks need not.
"""

import numpy as np


def frequent_pairs(halves: np.ndarray, size: int) -> np.ndarray:
    """The `size` most frequent pairs of classes of `halves` [frames, 2], the most frequent first: [size or fewer, 2]."""
    classes = int(halves.max()) + 1
    found, counts = np.unique(halves[:, 0].astype(np.int64) * classes + halves[:, 1], return_counts=True)
    kept = found[np.argsort(-counts, kind="stable")[:size]]
    return np.stack((kept // classes, kept % classes), 1)


def phone_codes(halves: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Which of the pairs each frame [frames, 2] is, int64 [frames].

    A frame with a pair that has no code gets the most frequent one with the same second class; failing that, the first of all.
    """
    classes = int(max(halves.max(), pairs.max())) + 1
    code = np.zeros((classes, classes), np.int64)
    seconds, first = np.unique(pairs[:, 1], return_index=True)
    code[:, seconds] = first
    code[pairs[:, 0], pairs[:, 1]] = np.arange(len(pairs))
    return code[halves[:, 0], halves[:, 1]]
