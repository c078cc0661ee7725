"""Causal 1-D convolutions with an explicit state, so that any chunking gives the same samples as one pass.

kernel 3, dilation 1, stride 1:   state | chunk        the state is the last 2 inputs of the past, zeros at the start
                                  x x   | x x x x
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class CausalConv1d(nn.Module):
    """[B, C_in, N] -> [B, C_out, ceil(N / stride)].

    Without a state, the end is padded with zeros to a whole output. With one, N must be a multiple of the stride.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, dilation: int = 1, groups: int = 1,
        bias: bool = True, replicate: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, kernel, stride=stride, dilation=dilation, groups=groups, bias=bias)
        self.past = (kernel - 1) * dilation + 1 - stride  # inputs that the first output needs from before its own
        self.replicate = replicate

    def init_state(self, batch: int) -> Tensor:
        weight = self.conv.weight
        return weight.new_zeros(batch, self.conv.in_channels, self.past)

    def forward(self, x: Tensor, state: Tensor | None = None) -> Tensor:
        if state is not None:
            assert x.shape[-1] % self.conv.stride[0] == 0 and not self.replicate
            x = torch.cat((state, x), dim=-1)
            state.copy_(x[..., x.shape[-1] - self.past :])
            return self.conv(x)
        missing = -x.shape[-1] % self.conv.stride[0]
        x = F.pad(x, (self.past, missing), mode="replicate" if self.replicate else "constant")
        return self.conv(x)


class CausalConvTranspose1d(nn.Module):
    """[B, C_in, N] -> [B, C_out, N * stride]. The samples that reach past the end are cut, or kept as state."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose1d(inputs, outputs, kernel, stride=stride)
        self.past = kernel - stride  # outputs of the past that the next ones are added to

    def init_state(self, batch: int) -> Tensor:
        return self.conv.weight.new_zeros(batch, self.conv.out_channels, self.past)

    def forward(self, x: Tensor, state: Tensor | None = None) -> Tensor:
        bias = self.conv.bias
        assert bias is not None
        if state is None:
            y = self.conv(x)
            return y[..., : y.shape[-1] - self.past]
        y = F.conv_transpose1d(x, self.conv.weight, stride=self.conv.stride)
        if self.past:
            y[..., : self.past] += state
            state.copy_(y[..., y.shape[-1] - self.past :])
            y = y[..., : y.shape[-1] - self.past]
        return y + bias[:, None]


CausalConv = CausalConv1d | CausalConvTranspose1d


def init_states(module: nn.Module, batch: int) -> list[Tensor]:
    """Zero states of all causal convolutions below `module` that need one, in the order of their registration."""
    return [m.init_state(batch) for m in module.modules() if isinstance(m, CausalConv) and m.past]


def run(conv: CausalConv, x: Tensor, states: Iterator[Tensor] | None) -> Tensor:
    """Applies a convolution with its own state, the next one of `states` (None: the whole sequence at once)."""
    return conv(x, next(states) if states is not None and conv.past else None)
