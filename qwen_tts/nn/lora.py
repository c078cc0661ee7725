"""Low-rank adapters: a frozen matrix W becomes W + (alpha / rank) B A, of which only A and B are trained. Hu et al., 2021."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class AdaptedLinear(nn.Module):
    """[..., C_in] -> [..., C_out]. At first it computes what `base` computes: B is zero."""

    def __init__(self, base: nn.Linear, rank: int, alpha: float) -> None:
        super().__init__()
        self.base, self.scale = base.requires_grad_(False), alpha / rank
        like = {"device": base.weight.device, "dtype": torch.float32}
        self.A = nn.Parameter(torch.randn(rank, base.in_features, **like) / base.in_features**0.5)
        self.B = nn.Parameter(torch.zeros(base.out_features, rank, **like))

    def forward(self, x: Tensor) -> Tensor:
        return self.base(x) + self.scale * F.linear(F.linear(x, self.A.to(x.dtype)), self.B.to(x.dtype))

    @torch.no_grad()
    def merged(self) -> nn.Linear:
        """The plain layer that computes the same: `base`, changed in place."""
        self.base.weight += (self.scale * self.B @ self.A).to(self.base.weight.dtype)
        return self.base


def adapt(module: nn.Module, rank: int, alpha: float) -> None:
    """Puts an adapter around every linear layer inside a module, in place."""
    for name, child in list(module.named_children()):
        if isinstance(child, nn.Linear):
            setattr(module, name, AdaptedLinear(child, rank, alpha))
        else:
            adapt(child, rank, alpha)


def merge(module: nn.Module) -> None:
    """Takes adapters into the matrices that they are around: plain layers again, in place."""
    for name, child in list(module.named_children()):
        if isinstance(child, AdaptedLinear):
            setattr(module, name, child.merged())
        else:
            merge(child)
