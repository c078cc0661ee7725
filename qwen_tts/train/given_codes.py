"""Codebooks whose codes are known beforehand: their vectors are set, and at the end the encoder is shown how to hear them."""

import numpy as np
import torch
from torch import Tensor

from ..codec.codec import Codec
from ..codec.quantizer import ResidualDecoder, ResidualEncoder
from .phone_codes import pair_vectors
from .pitch_codes import pitch_vectors
from .quantizer import QuantizerTrainer

NORM = 11.0  # of their vectors: that of 128 numbers of variance one, which whitened vectors are


def give_pairs(codec: Codec, phones: np.ndarray, pitches: np.ndarray | None) -> None:
    """Sets codebook 0 to pairs of phones and, where there are such, codebook 1 to pairs of pitches, [size or fewer, 2] each.

    Vectors are as long as those that were there; of a fresh codec, `NORM`.
    """
    for number, (make, pairs) in enumerate(((pair_vectors, phones), (pitch_vectors, pitches))):
        if pairs is not None:
            (chooser, _), index = place(codec, number)
            vectors = chooser.codebooks()[index].vectors()
            size, dim = vectors.shape
            give(codec, number, make(pairs, size, dim, float(vectors.norm(dim=1).mean()) or NORM))


def place(codec: Codec, number: int) -> tuple[tuple[ResidualEncoder, ResidualDecoder], int]:
    """The half of the quantiser that a codebook is in, and its number there."""
    return QuantizerTrainer(codec).halves[min(number, 1)], max(0, number - 1)


@torch.no_grad()
def give(codec: Codec, number: int, vectors: Tensor) -> None:
    """Makes these the vectors of a codebook, in the encoder and in the decoder."""
    (chooser, user), index = place(codec, number)
    for part in (chooser, user):
        QuantizerTrainer._set(part.codebooks()[index], vectors, torch.ones(len(vectors)))


@torch.no_grad()
def hear(codec: Codec, number: int, z: Tensor, codes: Tensor) -> None:
    """Sets the encoder's way to a codebook, in the dimensions that it uses, to the linear map closest to the right vectors.

    Args:
        z: the encoder's vectors of some frames, [N, width].
        codes: what they should become, int64 [N].
    """
    (chooser, _), index = place(codec, number)
    vectors = chooser.codebooks()[index].vectors()
    ridge = 1e-3 * len(z) * z.square().mean() * torch.eye(z.shape[1])
    weight = torch.linalg.solve(z.T @ z + ridge, z.T @ vectors[codes]).T[..., None]
    replaced = vectors.any(0) if number else torch.ones(len(weight), dtype=torch.bool)  # codebook 0 is alone in its half
    chooser.input_proj.weight[replaced] = weight[replaced]
