"""Waves of the miniature models: short ones, and whether two calls gave the same."""

from typing import Any

import numpy as np

RATE, FRAME = 24_000, 1920
SHORT: dict[str, Any] = {"seed": 1, "max_new_tokens": 12}
VOICE = (0.1 * np.random.default_rng(0).standard_normal(RATE)).astype(np.float32), RATE


def same(one: tuple[list[np.ndarray], int], other: tuple[list[np.ndarray], int]) -> bool:
    return [len(w) for w in one[0]] == [len(w) for w in other[0]] and all(
        np.allclose(a, b, atol=1e-5) for a, b in zip(one[0], other[0], strict=True)
    )
