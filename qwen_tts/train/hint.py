"""A hint for the alignment: which rows of a prompt each frame speaks, and where a head of attention looks instead."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..nn.transformer import Attention


@dataclass(frozen=True, slots=True)
class TextRows:
    """Where the text's rows begin in a prompt, and which bytes of the text each stands for: its middle and half its length."""

    begin: int
    middle: Tensor
    half: Tensor

    def near(self, place: Tensor, slack: float) -> Tensor:
        """Logarithms of how well each row fits a place in the text, in bytes. [T] -> [T, rows]"""
        gap = (place[:, None] - self.middle).abs().sub(self.half).clamp(min=0)
        return -gap.square() / (2 * slack**2)


class HeadWatch:
    """Recomputes one head's attention of one layer, as a hook on the inputs of its Attention."""

    def __init__(self, attention: Attention) -> None:
        self.attention = attention
        self.inputs: tuple[Any, ...] | None = None
        attention.register_forward_pre_hook(lambda _, args: setattr(self, "inputs", args))

    def scores(self) -> Tensor:
        """Logarithms of the last pass's attention of head 0, [B, T, T]."""
        assert self.inputs is not None
        x, rope = self.inputs[:2]
        q, k, _ = self.attention.project(x, *rope)
        scores = q[:, 0] @ k[:, 0].transpose(1, 2) / q.shape[-1] ** 0.5
        future = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
        return scores.float().masked_fill(future, -torch.inf).log_softmax(-1)
