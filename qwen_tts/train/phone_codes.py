"""Codebook 0 as what is said: each code is the phone in the first half of a frame and the phone in its second half.

A codec that learns from sound alone keeps, at 80 ms a frame, what moves the spectrum most, and mixes up "far" and "poor". Where
it is known what was said and when, code 0 can say so: to predict it is to read, and the other codebooks need not.

    vectors of codebook 0    first phone, second phone      each one-hot, so the nearest vector is the likeliest pair
    from sound               a linear layer of the encoder's vectors, by least squares: it hears less than the text knows
"""

import numpy as np
import torch
from torch import Tensor

from ..codec.codec import Codec
from .quantizer import QuantizerTrainer


def frequent_pairs(halves: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The most frequent pairs of classes, and which of them each frame is.

    A frame with a rarer pair gets the most frequent one with the same second class; failing that, the most frequent of all.

    Args:
        halves: [frames, 2].
        size: how many pairs.
    Returns:
        pairs [size or fewer, 2] and codes int64 [frames].
    """
    classes = int(halves.max()) + 1
    joined = halves[:, 0].astype(np.int64) * classes + halves[:, 1]
    found, counts = np.unique(joined, return_counts=True)
    kept = found[np.argsort(-counts, kind="stable")[:size]]
    code, second = np.zeros(classes * classes, np.int64), np.arange(classes * classes) % classes
    for number in reversed(range(len(kept))):
        code[second == kept[number] % classes] = number  # the most frequent comes last
    code[kept] = np.arange(len(kept))
    return np.stack((kept // classes, kept % classes), 1), code[joined]


def pair_vectors(pairs: np.ndarray, size: int, dim: int, norm: float) -> Tensor:
    """Two-hot vectors of this norm, [size, dim]; codes beyond the pairs stay far from all of them.

    Raises:
        ValueError: there are more phones than fit into `dim` numbers.
    """
    classes = int(pairs.max()) + 1
    if 2 * classes > dim:
        raise ValueError(f"{classes} phones, twice, do not fit vectors of {dim} numbers")
    vectors = torch.zeros(size, dim)
    place = torch.arange(len(pairs))
    vectors[place, torch.from_numpy(pairs[:, 0])] = norm / 2**0.5
    vectors[place, classes + torch.from_numpy(pairs[:, 1])] = norm / 2**0.5
    vectors[len(pairs) :, -1] = -10 * norm
    return vectors


@torch.no_grad()
def set_codebook(codec: Codec, vectors: Tensor) -> None:
    """Makes these the vectors of codebook 0, in the encoder and in the decoder."""
    for half in QuantizerTrainer(codec).halves[0]:
        (codebook,) = half.codebooks()
        QuantizerTrainer._set(codebook, vectors, torch.ones(len(vectors)))


@torch.no_grad()
def hear(codec: Codec, z: Tensor, codes: Tensor) -> None:
    """Sets the encoder's way to codebook 0 to the linear map that comes closest to the right vectors.

    Args:
        z: the encoder's vectors of some frames, [N, width].
        codes: what they should become, int64 [N].
    """
    chooser = QuantizerTrainer(codec).halves[0][0]
    (codebook,) = chooser.codebooks()
    ridge = 1e-3 * len(z) * z.square().mean() * torch.eye(z.shape[1])
    weight = torch.linalg.solve(z.T @ z + ridge, z.T @ codebook.vectors()[codes])
    chooser.input_proj.weight.copy_(weight.T[..., None])
