"""Codebooks of the built-in codec for tests of recipes/tiny."""

import numpy as np
from codes import ROUGH, SIZE, TIMBRES, VOICE_BOOKS, Codebooks
from score import PHONES, POINTS


def some_codebooks(rng: np.random.Generator) -> Codebooks:
    """Of the right sizes, and with nothing behind them."""
    pairs = np.stack(np.divmod(np.arange(SIZE), len(PHONES)), 1)
    basis = np.linalg.qr(rng.normal(size=(128, TIMBRES)))[0]
    shapes = rng.normal(size=(ROUGH + SIZE, 2 * POINTS)).astype(np.float32)
    voices = rng.normal(size=(VOICE_BOOKS, SIZE, TIMBRES)).astype(np.float32)
    return Codebooks(pairs, shapes[:ROUGH], shapes[ROUGH:], np.zeros(128), basis, voices)
