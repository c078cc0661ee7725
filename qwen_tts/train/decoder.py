"""Trains the codec's decoder alone, against discriminators, on codes that do not change any more.

Encoder and codebooks are frozen, so a talker may learn the same codes at the same time. Each clip's codes are those of the
whole clip, and the decoder's transformer sees a long run of them, as it will when it streams.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..codec.codec import Codec
from ..errors import DataError
from .calibrate import calibrate
from .data import LOUDNESS, Codes, Pack
from .discriminators import Discriminators, judge_loss, maker_losses
from .loop import Average, learning_rate
from .losses import SpectralLoss


@dataclass(frozen=True, slots=True)
class DecoderOptions:
    steps: int
    batch: int = 6
    segment: int = 72  # frames of codes before and in the crop
    lead: int = 2  # frames decoded before the crop, heard but not judged
    crop: int = 10  # frames judged
    peak: float = 5e-4
    judge_peak: float = 3e-4
    warmup: int = 4000  # steps before the discriminators, which double a step's cost, have a say
    judge_every: int = 2  # steps
    judges_warmup: int = 200  # of these steps they learn along
    seed: int = 0
    spectral: float = 5.0
    fooled: float = 1.0
    likeness: float = 4.0
    bf16: bool = True
    compiled: bool = False


class DecoderTrainer:
    def __init__(self, codec: Codec, pack: Pack, codes: list[Codes], options: DecoderOptions) -> None:
        """
        Args:
            codes: of which one is drawn for each clip. Clips that are shorter than lead and crop are never shown.
        Raises:
            DataError: all of them are, or the pack is of another rate.
        """
        pack.check_rate(codec.config.output_sample_rate)
        self.codec, self.pack, self.codes, self.options = codec, pack, codes, options
        self.frame = codec.config.decode_upsample_rate
        self.decoder = codec.decoder
        torch.manual_seed(options.seed)
        self.device = next(codec.parameters()).device
        self.judges = Discriminators().to(self.device)
        self.loss = SpectralLoss(codec.config.output_sample_rate).to(self.device)
        self.optimizer = torch.optim.AdamW(self.decoder.parameters(), lr=options.peak, betas=(0.8, 0.99), weight_decay=0.0)
        self.judge_optimizer = torch.optim.AdamW(self.judges.parameters(), lr=options.judge_peak, betas=(0.8, 0.99))
        self.average = Average(self.decoder)
        least = options.lead + options.crop
        frames = np.min([np.diff(each.start) for each in codes], 0)
        chance = pack.chance() * (frames >= least)
        if not chance.any():
            raise DataError(
                f"no clip can be learned from: the longest has {frames.max()} frames, {least} are needed "
                f"({least * self.frame / codec.config.output_sample_rate:.2g} s): pack longer clips"
            )
        self.chance = chance / chance.sum()
        self.fresh = True
        self._waveform = self.decoder.waveform
        if options.compiled:
            self._waveform = torch.compile(self._waveform, dynamic=False)

    def batch(self, rng: np.random.Generator) -> list[tuple[Tensor, int, Tensor]]:
        """(codes up to the crop's end [T, Q], first frame of lead and crop, true wave of the crop) of random places."""
        o, rows = self.options, []
        for clip in rng.choice(len(self.chance), o.batch, p=self.chance):
            codes = self.codes[int(rng.integers(len(self.codes)))].get(int(clip))
            end = int(rng.integers(o.lead + o.crop, len(codes) + 1))
            begin, first = max(0, end - o.segment), end - o.crop - o.lead
            wave = self.pack.wave(self.pack.clips[clip], (end - o.crop) * self.frame, o.crop * self.frame)
            rows.append((codes[begin:end].to(self.device), first - begin, torch.from_numpy(wave).to(self.device)))
        return rows

    def decode(self, rows: list[tuple[Tensor, int, Tensor]]) -> Tensor:
        """The crops as the decoder makes them, [B, samples]."""
        o = self.options
        codes = nn.utils.rnn.pad_sequence([row[0] for row in rows], batch_first=True)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=o.bf16):
            context = self.decoder.context(self.decoder.quantizer(codes))
            parts = torch.stack([context[b, :, row[1] : row[1] + o.lead + o.crop] for b, row in enumerate(rows)])
            made = self._waveform(parts)
        return made.float()[:, o.lead * self.frame :]

    def step(self, step: int) -> dict[str, float]:
        o = self.options
        for optimizer, peak in ((self.optimizer, o.peak), (self.judge_optimizer, o.judge_peak)):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, o.steps, peak, 100, floor=0.05)
        rows = self.batch(np.random.default_rng((o.seed, step, 11)))
        if step == 0 and self.fresh:
            self._calibrate(rows)
        true, made = torch.stack([row[2] for row in rows]), self.decode(rows)
        figures: dict[str, float] = {}
        if step >= o.warmup - o.judges_warmup and (step < o.warmup or step % o.judge_every == 0):
            figures["judge"] = self._teach_judges(true, made.detach())
        spectral = self.loss(made, true)
        loss = o.spectral * spectral
        if step >= o.warmup:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=o.bf16):
                with torch.no_grad():
                    real = self.judges(true)
                fooled, likeness = maker_losses(real, self.judges(made))
            loss = loss + o.fooled * fooled + o.likeness * likeness
            figures |= {"fooled": fooled.item(), "likeness": likeness.item()}
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        figures["norm"] = nn.utils.clip_grad_norm_(self.decoder.parameters(), 10.0).item()
        self.optimizer.step()
        self.average.update(step)
        return figures | {"spectral": spectral.item()}

    def _calibrate(self, rows: list[tuple[Tensor, int, Tensor]]) -> None:
        """The convolutions at audio rates are fresh; what comes before them was trained with the encoder."""
        decoder: Any = self.decoder
        fresh = nn.ModuleList([*decoder.decoder])
        codes = nn.utils.rnn.pad_sequence([row[0] for row in rows], batch_first=True)
        calibrate(fresh, lambda: decoder(codes[:, : self.options.lead + self.options.crop]))
        decoder.decoder[-1].conv.weight.data.mul_(LOUDNESS)

    def _teach_judges(self, true: Tensor, made: Tensor) -> float:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.options.bf16):
            loss = judge_loss(self.judges(true), self.judges(made))
        self.judge_optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.judges.parameters(), 10.0)
        self.judge_optimizer.step()
        return loss.item()

    def state_dict(self) -> dict[str, Any]:
        modules = {"decoder": self.decoder, "judges": self.judges}
        optimizers = {"optimizer": self.optimizer, "judge_optimizer": self.judge_optimizer}
        return {name: m.state_dict() for name, m in (modules | optimizers).items()} | {"average": self.average.values}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.decoder.load_state_dict(state["decoder"])
        self.judges.load_state_dict(state["judges"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.judge_optimizer.load_state_dict(state["judge_optimizer"])
        self.average.restore(state["average"])

    def begin_with(self, state: dict[str, Any]) -> None:
        """Takes the averaged weights of an earlier run, and nothing of its optimisers."""
        self.decoder.load_state_dict(state["decoder"] | state["average"])
        self.judges.load_state_dict(state["judges"])
        self.average.restore(state["average"])
        self.fresh = False
