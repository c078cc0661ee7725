"""What a talker does not get to see of the past while it learns, so that it reads instead of going on by heart."""

import numpy as np
import torch
from torch import Tensor


def conceal(frames: Tensor, rng: np.random.Generator, most: float, wrong: float) -> Tensor:
    """Hides some of the past, [B, T, D] -> [B, T, D].

    The last frames tell much about the next code, so much that the text would hardly be looked at; but what the talker
    itself has said is never quite what was in the clips, and then it would babble on. What it cannot see it has to read.

    Args:
        most: at most this share of a row's frames is hidden, drawn evenly for each row.
        wrong: of the hidden frames this share show another frame instead of nothing.
    """
    shape = frames.shape[:2]
    share = rng.uniform(0, most, (shape[0], 1)) if most else np.zeros((shape[0], 1))
    hidden = torch.from_numpy(rng.random(shape) < share)[..., None].to(frames.device)
    replaced = torch.from_numpy(rng.random(shape) < wrong)[..., None].to(frames.device)
    others = frames.flatten(0, 1)[torch.from_numpy(rng.permutation(shape[0] * shape[1]))].view_as(frames)
    return torch.where(hidden, torch.where(replaced, others, torch.zeros_like(frames)), frames)
