"""Codes that stand for similar vectors learn from each other.

A talker's tables (an embedding and a score for each code) know nothing of what codes stand for: what is learned of one of 1,024
voices is learned of no other. But a codec's vectors say which codes are alike. So besides each row for itself, a table W learns
a map P from vectors V to rows: W + V P. All codes teach P. It is taken into W after every step, so the weights stay as they are
stored, and P is 0 again: what is kept of it is what its optimiser knows.
"""

from typing import Any

import torch
from torch import Tensor, nn

from ..codec.decoder import Decoder
from ..talker.talker import Talker

SIZE = 4.0  # root mean square length of a vector; a step moves a row by up to about so many times as much as alone


def told_vectors(decoder: Decoder) -> list[Tensor]:
    """What each codebook's codes stand for, [codes, K] each: columns around 0, at most of size 1, and its length."""
    quantizer, found = decoder.quantizer, []
    for book in (*quantizer.rvq_first.codebooks(), *quantizer.rvq_rest.codebooks()):
        vectors = book.vectors().float()
        vectors = vectors - vectors.mean(0)
        size = vectors.std(0)
        vectors = (vectors / size.clamp(min=1))[:, size > 1e-6]
        length = vectors.square().sum(1, keepdim=True)
        length = (length - length.mean()) / length.std().clamp(min=1e-6)
        columns = torch.cat((vectors, length), 1)
        found.append(columns * SIZE / columns.square().sum(1).mean().sqrt())
    return found


class Alike(nn.Module):
    """The maps of a talker's tables: for each codebook of its embedding and of its scores, [K, D]."""

    def __init__(self, talker: Talker, vectors: list[Tensor]) -> None:
        """`vectors`: of `told_vectors`."""
        super().__init__()
        predictor = talker.code_predictor
        embeddings = [talker.model.codec_embedding, *predictor.model.codec_embedding]
        heads = [talker.codec_head, *predictor.lm_head]
        pairs: list[Any] = list(zip(vectors, embeddings, heads, strict=True))
        self._tables: list[nn.Parameter] = [table.weight for _, *both in pairs for table in both]
        self._vectors = [each.to(table.weight.device) for each, *both in pairs for table in both]
        self.maps = nn.ParameterList(
            torch.zeros(each.shape[1], table.shape[1], device=table.device)
            for each, table in zip(self._vectors, self._tables, strict=True)
        )

    @torch.no_grad()
    def take_gradients(self) -> None:
        """From the gradients of the tables; to be called before the optimiser's step."""
        for each, vectors, table in zip(self.maps, self._vectors, self._tables, strict=True):
            assert table.grad is not None
            each.grad = vectors.T @ table.grad[: len(vectors)]

    @torch.no_grad()
    def give(self) -> None:
        """Takes into the tables what the maps have learned; to be called after the optimiser's step."""
        for each, vectors, table in zip(self.maps, self._vectors, self._tables, strict=True):
            table[: len(vectors)] += vectors @ each
            each.zero_()
