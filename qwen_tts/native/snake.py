"""The codec's activation as one native pass over memory."""

from ctypes import CDLL, c_int, c_int64, c_void_p
from functools import cache

import torch
from torch import Tensor

from .compile import library


@cache
def _function():
    function = CDLL(str(library())).snake
    function.restype = None
    function.argtypes = [c_void_p, c_void_p, c_void_p, c_int64, c_int64, c_void_p, c_int, c_int]
    return function


def snake(x: Tensor, rate: Tensor, gain: Tensor, out: Tensor) -> None:
    """out = x + gain * sin²(rate * x), within 1e-7 of the sine's size.

    Args:
        x: fp32 or bf16 [B, T, C], contiguous.
        rate, gain: fp32 [C].
        out: fp32 or bf16 [B, T, C]; the rows of one batch item lie together, items may lie apart.
    Raises:
        OptionError: the kernel cannot be built here.
    """
    B, T, C = x.shape
    assert x.is_contiguous() and out.shape == x.shape and out.stride()[1:] == (C, 1)
    assert {x.dtype, out.dtype} <= {torch.float32, torch.bfloat16}
    narrow = x.dtype == torch.bfloat16, out.dtype == torch.bfloat16
    for row in range(B):
        addresses = x[row].data_ptr(), rate.data_ptr(), gain.data_ptr()
        _function()(*addresses, T, C, out[row].data_ptr(), *narrow)
