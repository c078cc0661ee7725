"""Codebook 1 as pairs of pitches."""

import numpy as np
import pytest
import torch

from qwen_tts.train.pitch_codes import ONSETS, halves, pitch_codes, pitch_pairs, pitch_vectors

SIZE = 400


def melodies(count: int) -> np.ndarray:
    """Random pairs of pitches, some without a voice."""
    rng = np.random.default_rng(0)
    first = rng.uniform(np.log2(80), np.log2(300), count)
    rows = np.stack((first, first + rng.normal(0, 0.1, count)), 1).astype(np.float32)
    rows[rng.random((count, 2)) < 0.3] = np.nan
    return rows


def test_a_half_has_the_median_of_its_voice_or_none() -> None:
    pitch = np.array([100, 0, 100, 0] + [200, 200, 200, 400] + [0, 0, 0, 100], np.float32)
    rows = halves(pitch, 2)
    np.testing.assert_allclose(rows, [[np.log2(100), np.log2(200)], [np.nan, np.nan]], rtol=1e-6)
    assert np.isnan(halves(np.zeros(0, np.float32), 3)).all()


def test_pairs_keep_the_voice_and_are_near() -> None:
    rows = melodies(20_000)
    pairs = pitch_pairs(rows, SIZE)
    assert pairs.shape == (SIZE, 2) and np.isnan(pairs[0]).all()
    assert (np.isnan(pairs).sum(1) == 1).sum() == 2 * ONSETS
    found = pairs[pitch_codes(rows, pairs)]
    assert np.array_equal(np.isnan(found), np.isnan(rows))
    assert np.nanmean(np.abs(found - rows)) * 12 < 0.4  # semitones
    assert np.array_equal(pitch_codes(pairs, pairs), np.arange(SIZE))


def test_vectors_of_near_pitches_are_near_and_the_nearest_is_the_pair_itself() -> None:
    pairs = pitch_pairs(melodies(5000), SIZE)
    vectors = pitch_vectors(pairs, SIZE + 1, 64, 3.0)
    torch.testing.assert_close(vectors[:SIZE].norm(dim=1), torch.full((SIZE,), 3.0))
    assert torch.equal(torch.cdist(vectors, vectors).argmin(1), torch.arange(SIZE + 1))
    steps = np.log2(100) + np.arange(4) / 12
    near = pitch_vectors(np.stack((steps, steps), 1), 4, 64, 1.0)
    apart = (near[0] - near).norm(dim=1)
    assert (apart.diff() > 0.1).all()
    with pytest.raises(ValueError, match="does not fit vectors of 16 numbers"):
        pitch_vectors(pairs, SIZE, 16, 1.0)
