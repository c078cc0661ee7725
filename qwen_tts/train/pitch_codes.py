"""Codebook 1 as the melody: each code is the pitch in the first half of a frame and that in its second half.

What a spectrum says about pitch is in its finest lines, which a codec that learns from spectra blurs first: the mean of two
pitches is closer to either of them than a guess is, and sounds like neither. But pitch can be measured.

    vectors of codebook 1    first pitch, second pitch     each a bump on a scale of pitches, or "no voice"
"""

import numpy as np
import torch
from torch import Tensor

from ..eval.pitch import HIGHEST, HOP, LOWEST
from .quantizer import k_means

ONSETS = 64  # codes of a voice that sets in between the halves, and as many of one that ends there
NOTES = 24  # places of the scale, an eighth of an octave apart


def halves(pitch: np.ndarray, frames: int, rate: float = 12.5) -> np.ndarray:
    """The logarithm (base 2) of the pitch in each half of a frame, NaN where it is mostly without a voice.

    Args:
        pitch: of each hop in Hz, 0 without a voice.
        frames: how many, `rate` of them a second; past the end there is no voice.
    Returns:
        float32 [frames, 2].
    """
    size = round(1 / rate / 2 / HOP)
    padded = np.pad(pitch, (0, max(0, frames * 2 * size - len(pitch))))[: frames * 2 * size].reshape(-1, size)
    logs = np.log2(padded, out=np.full_like(padded, np.nan), where=padded > 0)
    enough = (padded > 0).sum(1) * 2 >= size
    found = np.full(len(padded), np.nan, np.float32)
    found[enough] = np.nanmedian(logs[enough], 1)
    return found.reshape(-1, 2)


def pitch_pairs(rows: np.ndarray, size: int) -> np.ndarray:
    """The pairs [size, 2] that stand best for those of `rows` [N, 2], NaN being no voice: the first is silence, then voices
    that end, voices that set in, and voices that go on."""
    voiced = ~np.isnan(rows)
    none = np.full((1, 2), np.nan, np.float32)
    shares = (np.arange(ONSETS) + 0.5) / ONSETS
    parts = [none]
    for side in (0, 1):
        only = np.quantile(rows[voiced[:, side] & ~voiced[:, 1 - side], side], shares).astype(np.float32)
        pair = np.full((ONSETS, 2), np.nan, np.float32)
        pair[:, side] = only
        parts.append(pair)
    both = torch.from_numpy(rows[voiced.all(1)])
    rng = np.random.default_rng(0)
    picked = both[torch.from_numpy(rng.permutation(len(both))[:100_000])]
    centres, _ = k_means(picked, size - 1 - 2 * ONSETS, torch.Generator().manual_seed(0), 15)
    return np.concatenate([*parts, centres.numpy()])


def pitch_codes(rows: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """The code of each row [N, 2]: the nearest pair with the voice in the same halves. int64 [N]."""
    codes = np.zeros(len(rows), np.int64)
    known, voiced = ~np.isnan(pairs), ~np.isnan(rows)
    for kind in ((True, False), (False, True), (True, True)):
        those, here = np.flatnonzero((known == kind).all(1)), np.flatnonzero((voiced == kind).all(1))
        a, b = np.nan_to_num(rows[here]), np.nan_to_num(pairs[those])
        for start in range(0, len(here), 20_000):
            part = slice(start, start + 20_000)
            off = np.square(a[part, None] - b[None]).sum(-1)
            codes[here[part]] = those[off.argmin(1)]
    return codes


def pitch_vectors(pairs: np.ndarray, size: int, dim: int, norm: float) -> Tensor:
    """Vectors of this norm for the pairs, [size, dim]; codes beyond the pairs stay far from all of them."""
    scale = np.linspace(np.log2(LOWEST), np.log2(HIGHEST), NOTES)
    width = scale[1] - scale[0]
    halves = []
    for side in (0, 1):
        heard = ~np.isnan(pairs[:, side])
        bump = np.exp(-0.5 * ((np.nan_to_num(pairs[:, side])[:, None] - scale) / width) ** 2) * heard[:, None]
        half = np.concatenate((bump, ~heard[:, None]), 1)
        halves.append(half / np.linalg.norm(half, axis=1, keepdims=True))
    joined = np.concatenate(halves, 1) * norm / 2**0.5
    if joined.shape[1] > dim:
        raise ValueError(f"a scale of {NOTES} pitches, twice, does not fit vectors of {dim} numbers")
    vectors = torch.zeros(size, dim)
    vectors[: len(pairs), : joined.shape[1]] = torch.from_numpy(joined)
    vectors[len(pairs) :, -1] = -10 * norm
    return vectors
