"""The model's definition spelled out slowly, without caches, batches or shared code: what the fast paths are compared with."""

import math

import torch
from torch import Tensor

from qwen_tts.prompt import Prompt
from qwen_tts.sampling import SamplingOptions
from qwen_tts.talker.talker import Talker


def sample(logits: list[float], uniform: float, options: SamplingOptions) -> int:
    """One token from one row of logits; sums in double precision."""
    ids = [i for i, score in enumerate(logits) if score > -math.inf]
    best = max(ids, key=lambda i: (logits[i], -i))
    if not options.do_sample:
        return best
    score = {i: logits[i] / options.temperature for i in ids}
    if 0 < options.top_k < len(logits):
        least = sorted(logits, reverse=True)[options.top_k - 1] / options.temperature
        score = {i: s for i, s in score.items() if s >= least}
    weight = {i: math.exp(s - score[best]) for i, s in score.items()}
    if options.top_p < 1:
        ascending, total, below = sorted(weight, key=lambda i: (score[i], i)), sum(weight.values()), 0.0
        for i in ascending[:-1]:
            below += weight[i] / total
            if below <= 1 - options.top_p:
                del weight[i]
    point = uniform * sum(weight.values())
    for i in sorted(weight):
        point -= weight[i]
        if point < 0:
            return i
    return max(weight)


def frames(
    talker: Talker, prompt: Prompt, options: tuple[SamplingOptions, SamplingOptions], seed: int, most: int
) -> tuple[Tensor, bool]:
    """Frames [T, Q] of one utterance, and whether it ended by itself. Everything is computed again for every token."""
    config, generator = talker.config, torch.Generator().manual_seed(seed)
    sequence, drawn = prompt.embeddings, []
    result: list[list[int]] = []
    while len(result) < most:
        uniforms = torch.rand(config.num_code_groups, generator=generator).tolist()
        hidden = talker(sequence[None])[0, -1]
        scores = talker.logits(hidden).tolist()
        for code in set(drawn):
            scores[code] = scores[code] * options[0].repetition_penalty ** (1 if scores[code] < 0 else -1)
        for i in range(config.code_predictor_config.vocab_size, config.vocab_size):
            if i != config.codec_eos_token_id or len(result) < 2:
                scores[i] = -math.inf
        codes = [sample(scores, uniforms[0], options[0])]
        if codes[0] == config.codec_eos_token_id:
            return torch.tensor(result), True
        drawn.append(codes[0])
        for group in range(1, config.num_code_groups):
            known = torch.tensor([codes + [0] * (config.num_code_groups - group)])
            logits = talker.code_logits(hidden[None], known)[0, group - 1]
            codes.append(sample(logits.tolist(), uniforms[group], options[1]))
        text = prompt.trailing[len(result)] if len(result) < len(prompt.trailing) else prompt.pad
        spoken = talker.embed_codes(torch.tensor([[codes]]))[0]
        sequence = torch.cat((sequence, spoken + text))
        result.append(codes)
    return torch.tensor(result), False
