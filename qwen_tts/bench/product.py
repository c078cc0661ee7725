"""One matrix product of the native kernel by itself."""

import ctypes
import math
import time

import torch
from torch import Tensor

from ..cores import TAKEN
from ..engine import bindings
from ..engine.pack import GROUP, LANES, pack_matrix


def product(kernel: ctypes.CDLL, weight: Tensor, bits: int, x: Tensor, times: int = 1) -> tuple[Tensor, float]:
    """W x on one thread, and the seconds that the fastest of so many times took.

    Args:
        kernel: as `bindings.load` gives it.
        weight: fp32 [outputs, inputs]; it is packed in so many bits, 32, 8, 6 or 4.
        x: fp32 [tokens, inputs], contiguous.
    Returns:
        fp32 [tokens, outputs], seconds.
    """
    outputs, inputs = weight.shape
    weights, scales = (part.contiguous() for part in pack_matrix(weight, bits))
    tiles, groups = -(-outputs // LANES), -(-inputs // GROUP)
    matrix = bindings.Matrix(bits, tiles, groups, outputs, weights.data_ptr(), scales.data_ptr())
    stack = bindings.Stack(width=inputs, ffn=1, heads=1, kv_heads=1, head_dim=2)
    model = bindings.Model(talker=stack, predictor=stack, head=matrix, groups=1)
    team = kernel.new_team(ctypes.byref(model), 1, len(x), 1, ctypes.addressof(TAKEN))
    y, fastest = torch.full((len(x), outputs), torch.nan), math.inf
    for _ in range(times):
        start = time.perf_counter()
        kernel.run_product(team, ctypes.byref(matrix), len(x), x.data_ptr(), inputs, y.data_ptr(), 0)
        fastest = min(fastest, time.perf_counter() - start)
    kernel.free_team(team)
    return y, fastest
