"""Trains the decoder up to 50 vectors a second on codes that do not change any more, by what the spectra of the wave are.

The same task as the second half of `codec.py`, without the encoder, so that a step costs a fraction. What the codes tell is
drawn from them before the convolutions at audio rates, which cost nearly everything, are trained.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .codec import CodecTrainer
from .data import Codes
from .loop import Average, learning_rate


@dataclass(frozen=True, slots=True)
class ContextOptions:
    steps: int
    batch: int = 12
    segment: int = 60  # frames
    peak: float = 8e-4
    seed: int = 0
    bf16: bool = True


class ContextTrainer:
    def __init__(self, stage: CodecTrainer, codes: list[Codes], options: ContextOptions) -> None:
        """`stage`: the trained codec with its guess of the spectra. `codes`: of which one is drawn for each clip."""
        self.stage, self.codes, self.options = stage, codes, options
        self.decoder = stage.codec.decoder
        self.used = nn.ModuleList(
            [self.decoder.quantizer, self.decoder.pre_conv, self.decoder.pre_transformer, self.decoder.upsample, stage.spectral]
        )
        self.optimizer = torch.optim.AdamW(self.used.parameters(), lr=options.peak, betas=(0.8, 0.99), weight_decay=0.01)
        self.average = Average(self.decoder)
        self.chance = stage.pack.chance()

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Random segments: codes [B, T, Q], waves [B, N], and which frames are within the clip [B, T]."""
        o, frame, pack = self.options, self.stage.frame, self.stage.pack
        rows, waves, real = [], [], []
        for clip in rng.choice(len(self.chance), o.batch, p=self.chance):
            codes = self.codes[int(rng.integers(len(self.codes)))].get(int(clip))
            first = int(rng.integers(0, max(1, len(codes) - o.segment + 1)))
            piece = codes[first : first + o.segment]
            rows.append(nn.functional.pad(piece, (0, 0, 0, o.segment - len(piece))))
            waves.append(torch.from_numpy(pack.wave(pack.clips[clip], first * frame, o.segment * frame)))
            real.append(torch.arange(o.segment) < len(piece))
        return tuple(torch.stack(part).to(self.stage.device) for part in (rows, waves, real))  # type: ignore[return-value]

    def step(self, step: int) -> dict[str, float]:
        o = self.options
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(step, o.steps, o.peak, 100)
        codes, waves, real = self.batch(np.random.default_rng((o.seed, step, 13)))
        with torch.autocast(self.stage.device.type, torch.bfloat16, enabled=o.bf16):
            guess = self.stage.guess(self.decoder.quantizer(codes))
        off = (guess.float() - self.stage.spectra(waves)).abs().mean(1)  # [B, T * rows]
        loss = off[real.repeat_interleave(self.stage.rows, 1)].mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.used.parameters(), 5.0)
        self.optimizer.step()
        self.average.update(step)
        return {"spectral": loss.item(), "norm": norm.item()}

    def state_dict(self) -> dict[str, Any]:
        modules = {"decoder": self.decoder, "spectral": self.stage.spectral, "optimizer": self.optimizer}
        return {name: m.state_dict() for name, m in modules.items()} | {"average": self.average.values}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.decoder.load_state_dict(state["decoder"])
        self.stage.spectral.load_state_dict(state["spectral"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average.restore(state["average"])
