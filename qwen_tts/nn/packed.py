"""Products whose weights lie in the order that oneDNN's kernels read, so that no call brings them there first.

With a few columns of input that takes longer than the product itself. Activations are [B, T, C]: what the products of one time
step need lies together.

The operators are those that `torch.compile` calls for frozen weights. They are not documented, so `missing` asks for them.
"""

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn

OPERATORS = ("_reorder_linear_weight", "_linear_pointwise", "_reorder_convolution_weight", "_convolution_pointwise")
TYPICAL = 256  # time steps that the order of a convolution's weights is chosen for; it serves any number

M = TypeVar("M", bound=nn.Module)


def missing() -> str | None:
    """What this build of PyTorch lacks, or None."""
    if not torch.backends.mkldnn.is_available():
        return "PyTorch was built without oneDNN"
    absent = [name for name in OPERATORS if not hasattr(torch.ops.mkldnn, name)]
    return f"this PyTorch has no mkldnn::{absent[0]}" if absent else None


def computes_bf16() -> bool:
    """Whether the processor multiplies bfloat16 itself: about twice as fast as fp32, where it does; slower, where not."""
    return missing() is None and (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


class PackedLinear(nn.Module):
    """[..., C_in] of any floating type -> [..., C_out] in `dtype`; sums are in fp32."""

    def __init__(self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype, gelu: bool = False) -> None:
        """Weight [C_out, C_in]. With `gelu`, the result goes through it."""
        super().__init__()
        self.dtype = dtype
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight.detach().to(dtype).contiguous(), None)
        self._bias = None if bias is None else bias.detach().to(dtype)
        self._after = ("gelu", [], "none") if gelu else ("none", [], "")

    def forward(self, x: Tensor) -> Tensor:
        return torch.ops.mkldnn._linear_pointwise(x.to(self.dtype), self._weight, self._bias, *self._after)


class WideLinear(PackedLinear):
    """The same, with a result in fp32."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).float()


class PackedConv:
    """[B, (kernel - 1) * dilation + T, C_in] in `dtype` -> [B, T, C_out]; sums are in fp32."""

    def __init__(self, weight: Tensor, bias: Tensor, dilation: int, dtype: torch.dtype) -> None:
        """Weight [C_out, C_in, kernel]."""
        flat = weight.detach().to(dtype)[:, :, None].contiguous(memory_format=torch.channels_last)
        self._shape = ([0, 0], [1, 1], [1, dilation], 1)
        size = [1, weight.shape[1], 1, (weight.shape[2] - 1) * dilation + TYPICAL]
        self._weight = torch.ops.mkldnn._reorder_convolution_weight(flat, *self._shape, size)
        self._bias = bias.detach().to(dtype)

    def __call__(self, x: Tensor) -> Tensor:
        image = x.transpose(1, 2)[:, :, None]  # [B, C, 1, T], channels last
        made = torch.ops.mkldnn._convolution_pointwise(image, self._weight, self._bias, *self._shape, "none", [], "")
        return made[:, :, 0].transpose(1, 2)


def with_packed_linears(module: M, dtype: torch.dtype) -> M:
    """A module that computes as this one, its linear layers in `dtype`; all else is shared with it, and stays in fp32."""
    if isinstance(module, nn.Linear):
        return WideLinear(module.weight, module.bias, dtype)  # type: ignore[return-value]
    twin = copy.copy(module)
    twin._modules = {name: None if m is None else with_packed_linears(m, dtype) for name, m in module._modules.items()}
    return twin
