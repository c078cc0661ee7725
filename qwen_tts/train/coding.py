"""Codes of a training set's clips: as a codec hears them, or as a talker would say them."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..codec.codec import Codec
from ..sampling import SamplingOptions, SamplingRows
from .data import Pack
from .talker_batches import TalkerBatches


def heard(codec: Codec, pack: Pack, bar: Callable[[Any], Iterable[Any]] = iter) -> list[np.ndarray]:
    """What the codec's encoder makes of each clip, int64 [T, Q]; T = ceil(samples / samples per frame).

    Raises:
        DataError: the pack is of another rate.
    """
    pack.check_rate(codec.config.input_sample_rate)
    device = next(codec.parameters()).device
    waves = (torch.from_numpy(pack.wave(clip))[None].to(device) for clip in bar(pack.clips))
    return [codec.encode(wave)[0].cpu().numpy() for wave in waves]


@torch.no_grad()
def guessed(
    batches: TalkerBatches, temperature: float, seed: int = 0, bar: Callable[[Any], Iterable[Any]] = iter
) -> list[np.ndarray]:
    """The clips with the later codes as the talker's predictor would choose them, code 0 as it is: int64 [T, Q] each.

    A decoder that learns from these (`--guessed`) knows what of the predictor's choices is to be relied on. A clip that the
    talker cannot be told the voice of keeps its codes.
    """
    talker, codes = batches.talker.eval(), batches.codes
    rng, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    found = [codes.get(i).numpy() for i in range(len(batches.pack.clips))]
    for clips in bar(batches.grouped(np.flatnonzero(batches.often), rng)):
        batch = batches.assemble(clips, rng)
        with torch.autocast(batches.device.type, torch.bfloat16, enabled=batches.options.bf16):
            hidden = talker(batch.inputs)
        spans = [
            hidden[b, first : first + len(rows)] for b, (first, rows) in enumerate(zip(batch.first, batch.codes, strict=True))
        ]
        first = torch.cat(batch.codes)[:, 0]
        sampling = SamplingRows([SamplingOptions(temperature=temperature)] * len(first))
        uniforms = torch.rand(len(first), batch.codes[0].shape[1] - 1, generator=generator).to(batches.device)
        rest: Tensor = talker.code_predictor.generate(torch.cat(spans).float(), talker.embed_code0(first), uniforms, sampling)
        whole = torch.cat((first[:, None], rest), 1).cpu().split([len(rows) for rows in batch.codes])
        for clip, rows in zip(clips, whole, strict=True):
            found[clip] = rows.numpy()
    return found
