"""Sets fresh convolutions so that a real batch passes them at unit scale.

PyTorch's default start shrinks a signal by the square root of three a layer; after the encoder's fourteen layers only the
biases were left of it, and the codebooks had nothing to hold. (See docs/log.md, 2026-11-23.)
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


@torch.no_grad()
def calibrate(module: nn.Module, forward: Callable[[], Tensor]) -> None:
    """Runs `forward` once. Every convolution of `module` it meets gets zero bias, and weights that make its output's std 1."""

    def unit(conv: nn.Module, _: Any, out: Tensor) -> Tensor:
        assert isinstance(conv, nn.Conv1d | nn.ConvTranspose1d)
        if conv.bias is not None:
            out = out - conv.bias[:, None]
            conv.bias.zero_()
        std = out.std().clamp(min=1e-8)
        conv.weight.div_(std)
        return out / std

    convs = [m for m in module.modules() if isinstance(m, nn.Conv1d | nn.ConvTranspose1d)]
    hooks = [conv.register_forward_hook(unit) for conv in convs]
    try:
        forward()
    finally:
        for hook in hooks:
            hook.remove()
