"""What a talker is taught by: its guesses of the next frame's codes, where the frames are known."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..talker.talker import Talker


def code_losses(
    talker: Talker,
    inputs: Tensor,
    first: list[int],
    codes: list[Tensor],
    rng: np.random.Generator,
    share: float = 1.0,
    beginning: float = 1.0,
) -> dict[str, Tensor]:
    """Mean cross-entropies of a batch whose frames are known.

    Args:
        inputs: right-padded, [B, L, D], of `Prompt.teacher_forced`.
        first: of each row, the position whose hidden state predicts frame 0.
        codes: of each row, [T, Q].
        share: of the frames, chosen at random, that the predictor is asked for.
        beginning: a clip's first frame counts as so many others. It chooses the voice, which all others can copy.
    Returns:
        code0: of code 0 and the end; rest: of the other codes.
    """
    hidden = talker(inputs)
    spans = [hidden[b, p : p + len(c) + 1] for b, (p, c) in enumerate(zip(first, codes, strict=True))]
    end = torch.tensor([talker.config.codec_eos_token_id], device=inputs.device)
    targets = torch.cat([torch.cat((c[:, 0], end)) for c in codes])
    code0 = F.cross_entropy(talker.logits(torch.cat(spans)).float(), targets)
    speaking = torch.cat([span[:-1] for span in spans])  # [N, D]
    frames = torch.cat(codes)
    count = max(1, int(len(frames) * share))
    chosen = torch.from_numpy(rng.choice(len(frames), count, replace=False)).to(inputs.device)
    logits = talker.code_logits(speaking[chosen], frames[chosen])
    off = F.cross_entropy(logits.float().transpose(1, 2), frames[chosen, 1:], reduction="none").mean(1)  # of each frame
    counts = torch.cat([torch.arange(len(c)) == 0 for c in codes]).to(off) * (beginning - 1) + 1
    return {"code0": code0, "rest": (off * counts[chosen]).sum() / counts[chosen].sum()}
