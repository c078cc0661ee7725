"""The decoder's layers with packed weights. Activations are [B, T, C]; they use up states in order, [B, past, C] each.

A transposed convolution is a matrix product here: each output is a sum over the last kernel / stride inputs.

    y[s t + j] = W[j] x[t] + W[j + s] x[t - 1] + ..        j < stride s        so its state is inputs, as any other's
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from ..native.compile import obstacle
from ..native.snake import snake
from ..nn.causal_conv import CausalConv1d, CausalConvTranspose1d
from ..nn.packed import PackedConv, PackedLinear
from .layers import ConvNeXt, SnakeBeta, SnakeUnit

NOTHING = 1e-7  # of a snake's gain: below it x is all that is left
WIDE = 256  # channels, from which on a convolution is a product: oneDNN has no bf16 kernel for so many at 32 time steps


class Snake:
    """fp32 -> `out`: in one native pass where there is a compiler for it, else by PyTorch, which takes five times as long."""

    def __init__(self, layer: SnakeBeta) -> None:
        self._rate = layer.alpha.detach().exp().float()
        self._gain = 1 / (layer.beta.detach().exp().float() + 1e-9)
        self._native = obstacle() is None

    def __call__(self, x: Tensor, out: Tensor) -> None:
        if self._native:
            return snake(x, self._rate, self._gain, out)
        wave = (x * self._rate).sin_()
        torch.addcmul(x, wave, wave * self._gain, out=out)


def straight(snake: SnakeBeta) -> bool:
    """Whether it changes nothing."""
    return bool((-snake.beta.detach()).exp().max() < NOTHING)


def idle(unit: SnakeUnit) -> bool:
    """Whether it adds nothing to its input."""
    last = unit.conv2.conv
    assert last.bias is not None
    return not (last.weight.any() or last.bias.any())


def heard_taps(conv: CausalConv1d) -> Tensor:
    """A convolution's weight [C_out, C_in, taps] without the oldest taps that are all zero."""
    weight = conv.conv.weight.detach()
    used = torch.nonzero(weight.flatten(0, 1).any(0))
    return weight[..., int(used[0]) if len(used) else -1 :]


class Past:
    """Puts the last `past` inputs before the new ones, which a snake may change on the way: [B, T, C] -> [B, past + T, C]."""

    def __init__(self, channels: int, past: int, dtype: torch.dtype, snake: SnakeBeta | None = None) -> None:
        self._channels, self._past, self._dtype = channels, past, dtype
        self._snake = None if snake is None or straight(snake) else Snake(snake)

    def init_states(self, batch: int) -> list[Tensor]:
        return [torch.zeros(batch, self._past, self._channels, dtype=self._dtype)] if self._past else []

    def __call__(self, x: Tensor, states: Iterator[Tensor]) -> Tensor:
        if not self._past and self._snake is None:
            return x
        B, T, C = x.shape
        joined = torch.empty(B, self._past + T, C, dtype=self._dtype)
        if self._snake is None:
            joined[:, self._past :] = x
        else:
            self._snake(x, joined[:, self._past :])
        if self._past:
            state = next(states)
            joined[:, : self._past] = state
            state.copy_(joined[:, T:])
        return joined


class Neighbours:
    """A matrix product over `count` inputs, `dilation` apart: all of [B, T, C_in] -> [B, T, C_out]."""

    def __init__(
        self, weight: Tensor, bias: Tensor, dtype: torch.dtype, snake: SnakeBeta | None = None, dilation: int = 1
    ) -> None:
        """Weight [C_out, count, C_in], the newest input last."""
        _, self._count, inputs = weight.shape
        self._dilation = dilation
        self.past = Past(inputs, (self._count - 1) * dilation, dtype, snake)
        self._product = PackedLinear(weight.flatten(1), bias, dtype)

    def init_states(self, batch: int) -> list[Tensor]:
        return self.past.init_states(batch)

    def __call__(self, x: Tensor, states: Iterator[Tensor]) -> Tensor:
        B, T, C = x.shape
        joined = self.past(x, states)
        if self._count > 1:  # what overlaps is written out
            strides = joined.stride(0), C, self._dilation * C, 1
            joined = joined.as_strided((B, T, self._count, C), strides).reshape(B, T, self._count * C)
        return self._product(joined)


def neighbours(conv: CausalConv1d, dtype: torch.dtype, snake: SnakeBeta | None = None) -> Neighbours:
    """A convolution as a product."""
    assert conv.conv.bias is not None
    return Neighbours(heard_taps(conv).transpose(1, 2), conv.conv.bias, dtype, snake, conv.conv.dilation[0])


class Upsample:
    """A transposed convolution: [B, T, C_in] -> [B, T * stride, C_out]."""

    def __init__(self, conv: CausalConvTranspose1d, dtype: torch.dtype, snake: SnakeBeta | None = None) -> None:
        weight, bias = conv.conv.weight.detach(), conv.conv.bias
        assert bias is not None
        inputs, self._outputs, kernel = weight.shape
        self._stride = conv.conv.stride[0]
        taps = weight.view(inputs, self._outputs, kernel // self._stride, self._stride).flip(2)
        taps = taps.permute(3, 1, 2, 0).reshape(self._stride * self._outputs, -1, inputs)  # [stride * C_out, count, C_in]
        self._product = Neighbours(taps, bias.repeat(self._stride), dtype, snake)

    def init_states(self, batch: int) -> list[Tensor]:
        return self._product.init_states(batch)

    def __call__(self, x: Tensor, states: Iterator[Tensor]) -> Tensor:
        return self._product(x, states).view(len(x), -1, self._outputs).float()


class Convolution:
    """A snake and a convolution, without its overlaps written out: the faster way where there are many time steps."""

    def __init__(self, conv: CausalConv1d, dtype: torch.dtype, snake: SnakeBeta) -> None:
        inner, weight = conv.conv, heard_taps(conv)
        assert inner.bias is not None
        dilation = inner.dilation[0]
        self.past = Past(inner.in_channels, (weight.shape[-1] - 1) * dilation, dtype, snake)
        self._conv = PackedConv(weight, inner.bias, dilation, dtype)

    def init_states(self, batch: int) -> list[Tensor]:
        return self.past.init_states(batch)

    def __call__(self, x: Tensor, states: Iterator[Tensor]) -> Tensor:
        return self._conv(self.past(x, states))


class Unit:
    """`SnakeUnit`; adds to its input in place."""

    def __init__(self, unit: SnakeUnit, coarse: torch.dtype, fine: torch.dtype) -> None:
        wide = unit.conv1.conv.in_channels >= WIDE or heard_taps(unit.conv1).shape[-1] == 1
        self._long = (neighbours if wide else Convolution)(unit.conv1, coarse, unit.act1)
        self._mix = neighbours(unit.conv2, fine, unit.act2)

    def init_states(self, batch: int) -> list[Tensor]:
        return self._long.init_states(batch)

    def __call__(self, x: Tensor, states: Iterator[Tensor]) -> Tensor:
        return x.add_(self._mix(self._long(x, states), states))


class Mix:
    """`ConvNeXt`, its gain taken into the last product."""

    def __init__(self, layer: ConvNeXt, dtype: torch.dtype) -> None:
        depthwise = layer.dwconv.conv
        assert depthwise.bias is not None
        self._past = Past(depthwise.in_channels, layer.dwconv.past, torch.float32)
        self._taps, self._bias, self._norm = (
            depthwise.weight.detach()[:, 0].t().contiguous(),
            depthwise.bias.detach(),
            layer.norm,
        )
        self._widen = PackedLinear(layer.pwconv1.weight, layer.pwconv1.bias, dtype, gelu=True)
        gain = layer.gamma.detach()
        self._narrow = PackedLinear(layer.pwconv2.weight * gain[:, None], layer.pwconv2.bias * gain, dtype)

    def init_states(self, batch: int) -> list[Tensor]:
        return self._past.init_states(batch)

    def __call__(self, x: Tensor, states: Iterator[Tensor]) -> Tensor:
        joined, y = self._past(x, states), self._bias.expand_as(x).clone()
        for place, tap in enumerate(self._taps):
            y.addcmul_(joined[:, place : place + x.shape[1]], tap)
        return self._narrow(self._widen(self._norm(y))) + x


class Output:
    """A snake and the convolution to one channel, in fp32: [B, T, C] -> [B, T]."""

    def __init__(self, snake: SnakeBeta, conv: CausalConv1d) -> None:
        assert conv.conv.bias is not None
        self._taps, self._bias = heard_taps(conv)[0].contiguous(), conv.conv.bias.detach()  # [C, kernel], [1]
        self._past = Past(conv.conv.in_channels, self._taps.shape[1] - 1, torch.float32, snake)

    def init_states(self, batch: int) -> list[Tensor]:
        return self._past.init_states(batch)

    def __call__(self, x: Tensor, states: Iterator[Tensor]) -> Tensor:
        parts, T = self._past(x, states) @ self._taps, x.shape[1]  # [B, past + T, kernel]
        y = self._bias.expand(x.shape[:2]).clone()
        for place in range(parts.shape[-1]):
            y += parts[:, place : place + T, place]
        return y
