"""A talker that knows by construction which phase each frame begins with: state.pt -> OUT, to begin a training with.

The phase follows from one code of the frame before. But it is a sum of sixths of a turn, and a network hardly finds that by
itself (it was right in one frame of four). As cosines and sines, in directions that nothing else writes to, it is carried from
the embedding of code 1 through the talker, by values of one head to the predictor's next position, and to the scores of code 1.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from codes import SPEEDS
from kept import save_talker
from synthesiser import SLOWEST, UNITS
from torch import Tensor

from qwen_tts.train.loop import saved_trainer
from qwen_tts.train.talker import averaged

PREDICTOR = "code_predictor."
EMBEDDING, HEAD = f"{PREDICTOR}model.codec_embedding.0.weight", f"{PREDICTOR}lm_head.0.weight"
PROJECTION = f"{PREDICTOR}small_to_mtp_projection"
ATTENTION = f"{PREDICTOR}model.layers.0.self_attn"
VALUES, OUT = f"{ATTENTION}.v_proj.weight", f"{ATTENTION}.o_proj.weight"
TOLD, CARRIED, COPIED, SCORED = 4.0, 30.0, 4.0, 2.0  # how large a cosine is made: embedded, projected, copied, as a score

Weights = dict[str, Tensor]


def waves(phase: np.ndarray) -> Tensor:
    """Cosines and sines of phases in sixths of a turn, [N, UNITS - 1]; times itself each is 3, times another 0 or less."""
    angle = 2 * np.pi / UNITS * phase[:, None] * np.arange(1, UNITS // 2 + 1)
    return torch.from_numpy(np.concatenate((np.cos(angle), np.sin(angle)[:, :-1]), 1)).float()


def said(codes: int) -> tuple[Tensor, Tensor]:
    """The phase that each code 1 tells, and that of the frame after it, as waves; 0 where there is no such code."""
    number = np.arange(codes)
    done, speed = np.divmod(number, SPEEDS)
    known = torch.from_numpy(number < UNITS * SPEEDS)[:, None]
    return waves(done) * known, waves(done + speed + SLOWEST) * known


def least(rows: list[Tensor], count: int) -> Tensor:
    """The `count` directions in which rows [N, D] of all kinds differ least: [D, count]"""
    return torch.linalg.eigh(torch.stack([torch.cov(each.T) for each in rows]).sum(0))[1][:, :count]


def blind(weights: Weights, names: list[str], to: Tensor) -> None:
    """What these matrices and biases write into some directions [D, N], they do not any more."""
    for name in names:
        weights[name] = weights[name] - to @ (to.T @ weights[name])


def tell(weights: Weights) -> None:
    """Changes a talker's weights."""
    now, then = said(len(weights[EMBEDDING]))
    count = now.shape[1]
    embeddings = [name for name in weights if "codec_embedding" in name]
    writing = [name for name in weights if name.endswith(("o_proj.weight", "down_proj.weight"))]

    through = least([weights[name] for name in embeddings], count)
    for name in embeddings:
        weights[name] = weights[name] - weights[name] @ through @ through.T
    text = ["text_projection.linear_fc2.weight", "text_projection.linear_fc2.bias"]
    blind(weights, [*text, *(name for name in writing if not name.startswith(PREDICTOR))], through)
    weights[EMBEDDING] = weights[EMBEDDING] + TOLD * then @ through.T

    project = weights[f"{PROJECTION}.weight"]
    carried = least([weights[name] @ project.T for name in embeddings], count)
    blind(weights, [f"{PROJECTION}.weight", f"{PROJECTION}.bias", *(n for n in writing if n.startswith(PREDICTOR))], carried)
    unscaled = through / weights["model.norm.weight"][:, None]
    weights[f"{PROJECTION}.weight"] = weights[f"{PROJECTION}.weight"] + CARRIED * carried @ unscaled.T

    width = len(weights[f"{ATTENTION}.q_norm.weight"])  # of a head
    places = (weights[VALUES].norm(dim=1) * weights[OUT].norm(dim=0)).view(-1, width)  # what each value is worth
    head = int(places.sum(1).argmin())
    rows = head * width + places[head].argsort()[:count]
    before = weights[f"{PREDICTOR}model.layers.0.input_layernorm.weight"][:, None]
    weights[VALUES] = weights[VALUES].index_copy(0, rows, (carried / before).T)
    weights[OUT] = weights[OUT].index_copy(1, rows, COPIED * carried)
    weights[HEAD] = weights[HEAD] + SCORED * now @ (carried / weights[f"{PREDICTOR}model.norm.weight"][:, None]).T


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("state", type=Path, help="state.pt of `qwen-tts train talker`")
    parser.add_argument("out", type=Path, help="what to give to its --start")
    args = parser.parse_args()

    weights = averaged(saved_trainer(args.state))
    tell(weights)
    save_talker(weights, args.out)


if __name__ == "__main__":
    main()
