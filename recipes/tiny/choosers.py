"""The encoder's codebooks: what of the decoder's can be heard, and what an encoder is to choose of it.

Of the melody it can choose only speeds of whole turns a frame, and no bends, since it does not know how far the phase has come;
with those it need not. What comes (code 7) it cannot hear.
"""

import torch
from codes import ROUGH, SIZE, SPEEDS, UNTOLD
from synthesiser import BENDS, DICE, LEARNED_IN, PHONE_DICE, SLOWEST, UNITS
from torch import Tensor

from qwen_tts.codec.codec import Codec
from qwen_tts.codec.quantizer import ResidualEncoder

AWAY = 1e3  # where no vector comes


@torch.no_grad()
def audible_vectors(codec: Codec) -> list[Tensor]:
    """The decoder's vectors of each codebook, without what cannot be heard: random numbers, and how far the phase has come."""
    quantizer = codec.decoder.quantizer
    found = [book.vectors().clone() for part in (quantizer.rvq_first, quantizer.rvq_rest) for book in part.codebooks()]
    found[0][:, PHONE_DICE : PHONE_DICE + DICE] = 0
    for vectors in found[1:]:
        vectors[:, :LEARNED_IN] = 0
    return found


def choosers(codec: Codec) -> tuple[ResidualEncoder, ResidualEncoder]:
    quantizer = codec.encoder.quantizer
    return quantizer.semantic_residual_vector_quantizer, quantizer.acoustic_residual_vector_quantizer


@torch.no_grad()
def give_codebooks(codec: Codec, vectors: list[Tensor]) -> None:
    """Makes these the encoder's, without what it is not to choose."""
    numbers = torch.arange(SIZE)
    done, speed = numbers // SPEEDS, numbers % SPEEDS + SLOWEST
    chosen = [vector.clone() for vector in vectors]
    chosen[1][(done != 0) | (speed % UNITS != 0)] = AWAY
    chosen[2][numbers // ROUGH != BENDS.index(0)] = AWAY
    chosen[-1][:UNTOLD] = AWAY
    books = [book for chooser in choosers(codec) for book in chooser.codebooks()]
    for book, values in zip(books, chosen, strict=True):
        book.get_buffer(book.sum_name).copy_(values)
        book.get_buffer("cluster_usage").fill_(1)
