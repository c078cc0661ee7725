"""First frames of voices without a name, many at a time: there a voice is chosen, and all other frames copy it.

What a description or a speaker vector says is heard once a clip, as a choice among a thousand codes: too rarely for a word that
moves the odds a little, or for a number. So the first frames of many more clips are learned beside each batch, which costs
little, as what follows is left out. And the hidden state that chooses them is asked for the voice itself: some linear readings
of it are to be the speaker vector. They begin as those that have least to say of anything else.
"""

import numpy as np
import torch
from torch import Tensor, nn

from ..talker.talker import Talker


class Beginnings(nn.Module):
    def __init__(self, clips: np.ndarray, vectors: np.ndarray, width: int) -> None:
        """
        Args:
            clips: those whose voice has no name, but is described or told by its vector, ints [N].
            vectors: the speaker vector of each clip of the set, [clips, D].
            width: of the hidden states.
        """
        super().__init__()
        told = vectors[clips]
        self.clips, self.vectors = clips, torch.from_numpy(np.asarray(vectors, np.float32))
        self.parts = np.flatnonzero(told.std(0) > 0)[:width]  # that tell voices apart
        self.spread = float(told.var(0).sum())
        self.mean = torch.from_numpy(told.mean(0).astype(np.float32))
        self.teller = nn.Linear(width, vectors.shape[1])

    def some(self, count: int, rng: np.random.Generator) -> list[int]:
        return [int(clip) for clip in rng.choice(self.clips, count)]

    @torch.no_grad()
    def aim(self, hidden: Tensor) -> None:
        """Has the voice read where such hidden states [N, D] differ least."""
        axes = torch.linalg.eigh(torch.cov(hidden.float().T))[1]
        self.teller.weight.zero_()
        self.teller.weight[self.parts] = axes[:, : len(self.parts)].T
        self.teller.bias.copy_(self.mean.to(hidden.device) - self.teller.weight @ hidden.float().mean(0))

    def losses(self, talker: Talker, hidden: Tensor, frames: Tensor, clips: list[int]) -> tuple[Tensor, Tensor]:
        """Of the later codes; and how far what is told of the voice is off, as a share of how far voices differ.

        Args:
            hidden: the states that choose the first frames, [B, D].
            frames: these, ints [B, Q].
        """
        logits = talker.code_logits(hidden, frames).float()
        chosen = nn.functional.cross_entropy(logits.transpose(1, 2), frames[:, 1:])
        off = self.teller(hidden).float() - self.vectors[clips].to(hidden.device)
        return chosen, off.square().sum(1).mean() / self.spread
