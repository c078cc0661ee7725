"""Residual vector quantisation, split in two: codebook 0 ("semantic") and the rest ("acoustic").

    z ──┬── input_proj ── codebook 0 ─────────────── output_proj ──┐
        └── input_proj ── codebook 1 ─ residual ─ 2 ─ … ─ output_proj ──┴── sum

Both halves quantise the same z; the acoustic one does not see what the semantic one left over. The released files hold the
codebooks twice, under different names: the encoder's copy chooses codes, the decoder's copy turns them into vectors.
"""

import torch
from torch import Tensor, nn

EPSILON = 1e-5


class Codebook(nn.Module):
    """Vectors as running sums and counts: vector = sum / max(count, 1e-5). The sum's name differs between the two copies."""

    def __init__(self, size: int, dim: int, sum_name: str) -> None:
        super().__init__()
        self.sum_name = sum_name
        self.register_buffer("cluster_usage", torch.ones(size))
        self.register_buffer(sum_name, torch.zeros(size, dim))

    def vectors(self) -> Tensor:
        """[size, dim]"""
        return self.get_buffer(self.sum_name) / self.get_buffer("cluster_usage").clamp(min=EPSILON)[:, None]

    def look_up(self, codes: Tensor) -> Tensor:
        """int64 [...] -> `vectors()[codes]`, [..., dim], without making all of them"""
        usage = self.get_buffer("cluster_usage")[codes].clamp(min=EPSILON)
        return self.get_buffer(self.sum_name)[codes] / usage[..., None]

    def nearest(self, x: Tensor) -> Tensor:
        """Index of the nearest vector (Euclidean, fp32): [..., dim] -> int64 [...]."""
        flat = x.reshape(-1, x.shape[-1]).float()
        return torch.cdist(flat[None], self.vectors().float()[None], p=2.0)[0].argmin(-1).view(x.shape[:-1])


class EncoderStage(nn.Module):
    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        self.codebook = Codebook(size, dim, "embed_sum")
        self.codebook.register_buffer("initialized", torch.ones(1))


class ResidualEncoder(nn.Module):
    """Chooses codes. Names: the encoder's copy."""

    def __init__(self, stages: int, size: int, width: int, dim: int) -> None:
        super().__init__()
        self.input_proj = nn.Conv1d(width, dim, 1, bias=False)
        self.output_proj = nn.Conv1d(dim, width, 1, bias=False)  # in the released files, never used here
        self.layers = nn.ModuleList(EncoderStage(size, dim) for _ in range(stages))

    def codebooks(self) -> list[Codebook]:
        return [stage.codebook for stage in self.layers]  # type: ignore[misc]

    def forward(self, z: Tensor, stages: int) -> Tensor:
        """[B, width, T] -> codes of the first `stages` codebooks, int64 [B, T, stages]."""
        residual = self.input_proj(z).transpose(1, 2)  # [B, T, dim]
        codes = []
        for codebook in self.codebooks()[:stages]:
            codes.append(codebook.nearest(residual))
            residual = residual - codebook.vectors()[codes[-1]]
        return torch.stack(codes, dim=-1)


class SplitEncoder(nn.Module):
    def __init__(self, stages: int, semantic: int, size: int, width: int, dim: int) -> None:
        super().__init__()
        self.semantic_residual_vector_quantizer = ResidualEncoder(semantic, size, width, dim)
        self.acoustic_residual_vector_quantizer = ResidualEncoder(stages - semantic, size, width, dim)
        self.semantic = semantic

    def forward(self, z: Tensor, stages: int) -> Tensor:
        """[B, width, T] -> int64 [B, T, stages]"""
        first = self.semantic_residual_vector_quantizer(z, self.semantic)
        rest = self.acoustic_residual_vector_quantizer(z, stages - self.semantic)
        return torch.cat((first, rest), dim=-1)


class DecoderStage(nn.Module):
    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        self._codebook = Codebook(size, dim, "embedding_sum")


class StageList(nn.Module):
    def __init__(self, stages: int, size: int, dim: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DecoderStage(size, dim) for _ in range(stages))


class ResidualDecoder(nn.Module):
    """Turns codes into vectors. Names: the decoder's copy."""

    def __init__(self, stages: int, size: int, width: int, dim: int) -> None:
        super().__init__()
        self.input_proj = nn.Conv1d(width, dim, 1, bias=False)  # in the released files, never used here
        self.output_proj = nn.Conv1d(dim, width, 1, bias=False)
        self.vq = StageList(stages, size, dim)

    def codebooks(self) -> list[Codebook]:
        return [stage._codebook for stage in self.vq.layers]  # type: ignore[misc]

    def forward(self, codes: Tensor) -> Tensor:
        """int64 [B, T, stages] -> [B, width, T]"""
        chosen = [book.look_up(codes[..., i]) for i, book in enumerate(self.codebooks())]
        return self.output_proj(torch.stack(chosen).sum(0).transpose(1, 2))


class SplitDecoder(nn.Module):
    def __init__(self, stages: int, semantic: int, size: int, width: int, dim: int) -> None:
        super().__init__()
        self.rvq_first = ResidualDecoder(semantic, size, width, dim)
        self.rvq_rest = ResidualDecoder(stages - semantic, size, width, dim)
        self.semantic = semantic

    def forward(self, codes: Tensor) -> Tensor:
        """int64 [B, T, Q] -> [B, width, T]"""
        return self.rvq_first(codes[..., : self.semantic]) + self.rvq_rest(codes[..., self.semantic :])
