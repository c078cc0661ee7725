"""The convolutional pieces of the codec's two halves. They use up convolution states in order."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..nn.causal_conv import CausalConv1d, CausalConvTranspose1d, run

States = Iterator[Tensor] | None


class SnakeBeta(nn.Module):
    """x + sin^2(a x) / b with a and b per channel, stored as logarithms. [B, C, N] -> [B, C, N]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        alpha, beta = self.alpha.exp()[:, None], self.beta.exp()[:, None]
        return x + torch.sin(x * alpha).square() / (beta + 1e-9)


class SnakeUnit(nn.Module):
    """Residual unit of the decoder: a dilated convolution of 7, then one of 1."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.act1 = SnakeBeta(channels)
        self.conv1 = CausalConv1d(channels, channels, 7, dilation=dilation)
        self.act2 = SnakeBeta(channels)
        self.conv2 = CausalConv1d(channels, channels, 1)

    def forward(self, x: Tensor, states: States = None) -> Tensor:
        y = run(self.conv1, self.act1(x), states)
        return x + run(self.conv2, self.act2(y), states)


class UpsampleBlock(nn.Module):
    """[B, C_in, N] -> [B, C_out, N * rate]."""

    def __init__(self, inputs: int, outputs: int, rate: int) -> None:
        super().__init__()
        units = (SnakeUnit(outputs, dilation) for dilation in (1, 3, 9))
        self.block = nn.ModuleList([SnakeBeta(inputs), CausalConvTranspose1d(inputs, outputs, 2 * rate, stride=rate), *units])

    def forward(self, x: Tensor, states: States = None) -> Tensor:
        snake, upsample, *units = self.block
        x = run(upsample, snake(x), states)  # type: ignore[arg-type]
        for unit in units:
            x = unit(x, states)
        return x


class ConvNeXt(nn.Module):
    """Causal depthwise convolution of 7, then a four times wider pointwise MLP, with a gain on the branch. [B, C, N]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dwconv = CausalConv1d(channels, channels, 7, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.pwconv1 = nn.Linear(channels, 4 * channels)
        self.pwconv2 = nn.Linear(4 * channels, channels)
        self.gamma = nn.Parameter(torch.full((channels,), 1e-6))

    def forward(self, x: Tensor, states: States = None) -> Tensor:
        y = run(self.dwconv, x, states).transpose(1, 2)  # [B, N, C]
        y = self.gamma * self.pwconv2(F.gelu(self.pwconv1(self.norm(y))))
        return x + y.transpose(1, 2)


class EluUnit(nn.Module):
    """Residual unit of the encoder: a convolution to C / compress channels and one of 1 back."""

    def __init__(self, channels: int, kernel: int, dilation: int, compress: int) -> None:
        super().__init__()
        inner = channels // compress
        convs = CausalConv1d(channels, inner, kernel, dilation=dilation), CausalConv1d(inner, channels, 1)
        self.block = nn.Sequential(nn.ELU(), convs[0], nn.ELU(), convs[1])

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x)
