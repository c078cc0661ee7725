"""Learning the codebooks: moving averages of what falls to each code, k-means start, dead codes revived, quantiser dropout.

Trains the encoder's copy (which chooses codes) together with the decoder's output projections (which use them); `sync`
then gives the decoder its copy of the codebooks.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..codec.codec import Codec
from ..codec.quantizer import Codebook, ResidualDecoder, ResidualEncoder


@dataclass(slots=True)
class Quantised:
    """latent: what the decoder gets, [B, codebook_dim, T]; semantic: codebook 0's vectors [B, T, dim]; codes [B, T, Q]."""

    latent: Tensor
    semantic: Tensor
    codes: Tensor
    commitment: Tensor


@torch.no_grad()
def k_means(x: Tensor, size: int, generator: torch.Generator, rounds: int = 10) -> tuple[Tensor, Tensor]:
    """Centres [size, D] and how many of x [N, D] fell to each, [size]."""
    pick = torch.randperm(len(x), generator=generator)[:size]
    centres = x[pick.repeat(-(-size // len(pick)))[:size]].clone()
    counts = torch.ones(size)
    for _ in range(rounds):
        nearest = torch.cdist(x, centres).argmin(1)
        counts = torch.bincount(nearest, minlength=size).float()
        sums = torch.zeros_like(centres).index_add_(0, nearest, x)
        centres = torch.where(counts[:, None] > 0, sums / counts.clamp(min=1)[:, None], centres)
    return centres, counts


class QuantizerTrainer:
    def __init__(self, codec: Codec, decay: float = 0.98, dropout: float = 0.5, floor: float = 0.03) -> None:
        self.codec, self.decay, self.dropout, self.floor = codec, decay, dropout, floor
        self.power: dict[int, Tensor] = {}  # of each half's vectors before they are quantised, in the first batch
        encoder, decoder = codec.encoder.quantizer, codec.decoder.quantizer
        self.halves: list[tuple[ResidualEncoder, ResidualDecoder]] = [
            (encoder.semantic_residual_vector_quantizer, decoder.rvq_first),
            (encoder.acoustic_residual_vector_quantizer, decoder.rvq_rest),
        ]

    def bypass(self, z: Tensor) -> Quantised:
        """What the decoder gets while there are no codebooks yet: z through the projections alone."""
        latent, semantic = [], z
        for half, (chooser, user) in enumerate(self.halves):
            total = chooser.input_proj(z).transpose(1, 2)
            semantic = semantic if half else total
            latent.append(user.output_proj(total.transpose(1, 2)))
        return Quantised(torch.stack(latent).sum(0), semantic, torch.empty(0), z.new_zeros(()))

    @torch.no_grad()
    def whiten(self, z: Tensor) -> None:
        """Sets the input projections so that z [B, width, T] enters the codebooks with equal variance in all directions.

        A fresh encoder's vectors vary mostly with loudness. Left so, four directions get all the codes for ever.
        """
        x = z.transpose(1, 2).flatten(0, 1)
        values, vectors = torch.linalg.eigh(x.T @ x / len(x))
        for chooser, _ in self.halves:
            dim = chooser.input_proj.out_channels
            scale = (values + 3e-3 * values.mean()).rsqrt()[-dim:]
            chooser.input_proj.weight.copy_((vectors[:, -dim:] * scale).T[..., None])

    @torch.no_grad()
    def start(self, z: Tensor, batches: int, generator: torch.Generator, first: int = 0) -> None:
        """Sets codebooks by k-means over z [B, width, T] of that many batches, stage by stage: those from `first` on."""
        for half, (chooser, _) in enumerate(self.halves):
            residual = chooser.input_proj(z).transpose(1, 2).flatten(0, 1)
            for number, codebook in enumerate(chooser.codebooks(), half):
                if number >= first:
                    centres, counts = k_means(residual, len(codebook.get_buffer("cluster_usage")), generator)
                    self._set(codebook, centres, counts.clamp(min=1) / batches)  # the scale that the moving average settles on
                residual = residual - codebook.vectors()[codebook.nearest(residual)]

    def __call__(self, z: Tensor, generator: torch.Generator | None, mask: Tensor | None = None) -> Quantised:
        """Quantises z [B, width, T], straight-through. With a generator it also learns, from real frames (mask [B, T])."""
        latent, commitment, codes = None, z.new_zeros(()), []
        semantic = z
        for half, (chooser, user) in enumerate(self.halves):
            inner = residual = chooser.input_proj(z).transpose(1, 2)  # [B, T, dim]
            stages = chooser.codebooks()
            keep = self._kept(len(z), len(stages) if half else 0, generator).to(z.device)
            total = torch.zeros_like(residual)
            for index, codebook in enumerate(stages):
                used = (index < keep)[:, None, None]
                chosen = codebook.nearest(residual.detach())
                vectors = codebook.vectors()[chosen]
                codes.append(chosen)
                if generator is not None:
                    self._learn(codebook, residual.detach(), chosen, mask, generator)
                total = total + used * vectors
                residual = residual - vectors
            # how much of the vector the codebooks miss, whatever its scale: of the half, not of its stages
            power = inner.square().mean()
            commitment = commitment + residual.square().mean() / power.detach()
            # nothing else keeps the encoder from speaking up, ever louder
            commitment = commitment + (power / self.power.setdefault(half, power.detach())).log().square()
            total = inner + (total - inner).detach()  # one straight path for the gradient, however many stages there are
            total = total * (keep > 0)[:, None, None]
            semantic = semantic if half else total
            out = user.output_proj(total.transpose(1, 2))
            latent = out if latent is None else latent + out
        assert latent is not None
        return Quantised(latent, semantic, torch.stack(codes, -1), commitment)

    def _kept(self, batch: int, stages: int, generator: torch.Generator | None) -> Tensor:
        """How many codebooks each row uses: all, or for some rows a random number of the acoustic ones, or none of these.

        So codebook 0, which the talker predicts, has to say by itself what matters most, and each further one what is left.
        """
        everything = torch.full((batch,), max(stages, 1))
        if generator is None or not stages:
            return everything
        fewer = torch.randint(0, stages, (batch,), generator=generator)
        return torch.where(torch.rand(batch, generator=generator) < self.dropout, fewer, everything)

    @torch.no_grad()
    def _learn(self, codebook: Codebook, x: Tensor, chosen: Tensor, mask: Tensor | None, generator: torch.Generator) -> None:
        x = (x if mask is None else x[mask]).reshape(-1, x.shape[-1]).float()
        chosen = (chosen if mask is None else chosen[mask]).flatten()
        usage, sums = codebook.get_buffer("cluster_usage"), codebook.get_buffer(codebook.sum_name)
        usage.lerp_(torch.bincount(chosen, minlength=len(usage)).float(), 1 - self.decay)
        sums.lerp_(torch.zeros_like(sums).index_add_(0, chosen, x), 1 - self.decay)
        dead = (usage < self.floor).nonzero()[:, 0]
        if len(dead):
            picked = x[torch.randint(len(x), (len(dead),), generator=generator)]
            fresh = len(x) / len(usage)  # as if it had been used as often as any other
            usage[dead] = fresh
            sums[dead] = picked * fresh

    @staticmethod
    def _set(codebook: Codebook, vectors: Tensor, usage: Tensor) -> None:
        codebook.get_buffer("cluster_usage").copy_(usage)
        codebook.get_buffer(codebook.sum_name).copy_(vectors * usage[:, None])

    @torch.no_grad()
    def sync(self) -> None:
        """Copies the encoder's codebooks and projections to the decoder's, and back, so that both agree."""
        for chooser, user in self.halves:
            for source, target in zip(chooser.codebooks(), user.codebooks(), strict=True):
                self._set(target, source.vectors(), source.get_buffer("cluster_usage").clamp(min=1e-3))
            user.input_proj.weight.copy_(chooser.input_proj.weight)
            chooser.output_proj.weight.copy_(user.output_proj.weight)
