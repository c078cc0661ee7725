"""Rotary position embedding, split-half ("NeoX") layout."""

import torch
from torch import Tensor


def rotary(positions: Tensor, head_dim: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines, computed in fp32.

    Args:
        positions: integer positions, [B, T].
    Returns:
        cos, sin: [B, 1, T, head_dim], fp32; both halves of the last axis are equal.
    """
    exponents = torch.arange(0, head_dim, 2, device=positions.device, dtype=torch.float32) / head_dim
    angles = positions[..., None].float() * (1.0 / theta**exponents)  # [B, T, head_dim / 2]
    angles = torch.cat((angles, angles), dim=-1)[:, None]  # [B, 1, T, head_dim]
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotates x [B, H, T, head_dim] by tables that are already in x's dtype."""
    left, right = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-right, left), dim=-1) * sin
