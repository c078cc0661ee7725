"""What an engine would have said at every step of a given utterance: for comparing engines where their tokens would part."""

import torch
from torch import Tensor

from .cpu import CpuEngine
from .eager import EagerEngine


@torch.inference_mode()
def forced_logits(engine: EagerEngine, sequence: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
    """Logits of all codes, each predicted from the right ones before it.

    Args:
        sequence: the talker's inputs, fp32 [T, D]: the last position of a prompt predicts the first frame.
        codes: the frames that the last N positions predict, int64 [N, Q].
    Returns:
        logits of code 0 [N, V] and of the other codes [N, Q - 1, V of the predictor], fp32.
    """
    talker = engine.talker
    if not isinstance(engine, CpuEngine):
        hidden = talker(sequence[None].to(talker.codec_head.weight))[0, -len(codes) :]
        return talker.logits(hidden).float(), talker.code_logits(hidden, codes).float()
    cache = talker.model.init_state(1, len(sequence), "cpu", torch.float32)
    positions = torch.arange(len(sequence), dtype=torch.int32)
    hidden = torch.empty_like(sequence)
    engine.run("talker", cache, sequence, torch.zeros_like(positions), positions, hidden)
    return engine.multiply("head", hidden[-len(codes) :]), _predict(engine, hidden[-len(codes) :], codes)


def _predict(engine: CpuEngine, hidden: Tensor, codes: Tensor) -> Tensor:
    predictor = engine.talker.code_predictor
    count, groups = codes.shape
    embedded = [engine.talker.embed_code0(codes[:, 0]), *(predictor.embed(i, codes[:, i]) for i in range(1, groups - 1))]
    inputs = torch.stack([hidden, *(x.float() for x in embedded)], dim=1).flatten(0, 1)  # [N * Q, D]
    projection = predictor.small_to_mtp_projection
    if isinstance(projection, torch.nn.Linear):
        inputs = engine.multiply("projection", inputs) + projection.bias.float()
    cache = predictor.model.init_state(count, groups, "cpu", torch.float32)
    rows = torch.arange(count, dtype=torch.int32).repeat_interleave(groups)
    out = torch.empty_like(inputs)
    engine.run("predictor", cache, inputs.contiguous(), rows, torch.arange(groups, dtype=torch.int32).repeat(count), out)
    states = out.view(count, groups, -1)
    return torch.stack([engine.multiply(f"heads.{i}", states[:, i + 1]) for i in range(groups - 1)], dim=1)
