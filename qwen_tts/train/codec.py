"""Trains both halves of the codec: spectra, commitment, phonetic targets for codebook 0.

The encoder and the decoder's transformer see whole segments (cheap: 25 and 12.5 vectors a second); the decoder's convolutions,
which cost nearly everything, only short crops of them:

    segment   |------------------------------ 48 frames ------------------------------|
    crop                     |lead| 8 frames |              the lead is heard, not judged
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..codec.codec import Codec
from .calibrate import calibrate
from .data import LOUDNESS, Pack
from .loop import Average, learning_rate
from .losses import SpectralLoss
from .quantizer import QuantizerTrainer

LEAD = 1  # frames


@dataclass(frozen=True, slots=True)
class CodecOptions:
    steps: int
    batch: int = 5
    segment: int = 48  # frames
    crops: int = 2  # per segment
    crop: int = 8  # frames judged
    peak: float = 3e-4  # learning rate
    warmup: int = 100  # steps
    seed: int = 0
    commitment: float = 0.25  # of the share of the vectors that the codebooks miss
    quantise_from: int = 600  # the step at which k-means sets the codebooks; before it vectors pass as they are
    phonetic: float = 1.0
    bf16: bool = True
    compiled: bool = False


class PhoneticTargets:
    """What recipes/…/make_phonetic.py wrote beside a pack: a row per frame."""

    def __init__(self, folder: Path) -> None:
        self.start = np.load(folder / "phonetic_start.npy")
        flat = np.memmap(folder / "phonetic.f16", "<f2", "r")
        self.rows = flat.reshape(int(self.start[-1]), -1)
        self.dim = self.rows.shape[1]

    def get(self, clip: int, frame: int, frames: int) -> np.ndarray:
        """float32 [frames, dim]; NaN past the end of the clip."""
        first, last = int(self.start[clip]) + frame, int(self.start[clip + 1])
        rows = self.rows[first : min(first + frames, last)].astype(np.float32)
        return np.pad(rows, ((0, frames - len(rows)), (0, 0)), constant_values=np.nan)


class CodecTrainer:
    def __init__(self, codec: Codec, pack: Pack, targets: PhoneticTargets, options: CodecOptions) -> None:
        torch.manual_seed(options.seed)
        self.codec, self.pack, self.targets, self.options = codec, pack, targets, options
        self.frame = codec.config.encode_downsample_rate
        self.quantizer = QuantizerTrainer(codec)
        self.loss = SpectralLoss(codec.config.output_sample_rate)
        self.phonetic = nn.Linear(codec.config.encoder_config.codebook_dim, targets.dim)
        nn.init.zeros_(self.phonetic.weight)  # its first guess is the mean
        parameters = [*codec.parameters(), *self.phonetic.parameters()]
        self.optimizer = torch.optim.AdamW(parameters, lr=options.peak, betas=(0.8, 0.99), weight_decay=0.01)
        self.average = Average(codec)
        samples = np.array([clip.samples for clip in pack.clips], np.float64)
        self.chance = samples / samples.sum()
        self._embed, self._waveform = codec.encoder.embed, codec.decoder.waveform
        if options.compiled:
            self._embed = torch.compile(self._embed, dynamic=False)
            self._waveform = torch.compile(self._waveform, dynamic=False)

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Random segments: waves [B, N], phonetic targets [B, T, dim] (NaN past the end), crop starts [B, crops]."""
        o = self.options
        waves, targets = [], []
        for clip in rng.choice(len(self.chance), o.batch, p=self.chance):
            frames = self.pack.clips[clip].samples // self.frame
            first = int(rng.integers(0, max(1, frames - o.segment + 1)))
            waves.append(self.pack.wave(self.pack.clips[clip], first * self.frame, o.segment * self.frame))
            targets.append(self.targets.get(int(clip), first, o.segment))
        starts = rng.integers(0, o.segment - o.crop - LEAD + 1, (o.batch, o.crops))
        gain = rng.uniform(0.6, 1.2, (o.batch, 1)).astype(np.float32)
        return torch.from_numpy(np.stack(waves) * gain), torch.from_numpy(np.stack(targets)), torch.from_numpy(starts)

    def step(self, step: int) -> dict[str, float]:
        o = self.options
        wave, targets, starts = self.batch(np.random.default_rng((o.seed, step)))
        generator = torch.Generator().manual_seed(o.seed * 1_000_003 + step)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(step, o.steps, o.peak, o.warmup)
        if step == 0:
            self._calibrate(wave)
        if step == o.quantise_from:
            self.quantizer.start(self._embedded(40), 40, generator)
        with torch.autocast("cpu", torch.bfloat16, enabled=o.bf16):
            z = self._embed(wave)
        real = ~targets[..., 0].isnan()
        quantised = self.quantizer.bypass(z.float()) if step < o.quantise_from else self.quantizer(z.float(), generator, real)
        context = self.codec.decoder.context(quantised.latent)
        made, true = self._crops(context, wave, starts)
        spectral = self.loss(made, true)
        guess = self.phonetic(quantised.semantic)[real]
        phonetic = (guess - targets[real]).square().sum(-1).mean()  # the targets' variances sum to one
        loss = spectral + o.commitment * quantised.commitment + o.phonetic * phonetic
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.codec.parameters(), 5.0)
        self.optimizer.step()
        self.average.update(step)
        figures = {"spectral": spectral, "commitment": quantised.commitment, "phonetic": phonetic, "norm": norm}
        return {name: value.item() for name, value in figures.items()}

    def _calibrate(self, wave: Tensor) -> None:
        encoder, decoder = self.codec.encoder, self.codec.decoder
        calibrate(encoder, lambda: encoder.embed(wave))
        self.quantizer.whiten(self._embedded(8))
        calibrate(decoder, lambda: decoder.waveform(decoder.context(self.quantizer.bypass(encoder.embed(wave)).latent)))
        last: Any = decoder.decoder[-1]
        last.conv.weight.data.mul_(LOUDNESS)

    @torch.no_grad()
    def _embedded(self, batches: int) -> Tensor:
        """The vectors of some batches, [B, width, T]."""
        rng = np.random.default_rng(self.options.seed)
        return torch.cat([self.codec.encoder.embed(self.batch(rng)[0]) for _ in range(batches)])

    def _crops(self, context: Tensor, wave: Tensor, starts: Tensor) -> tuple[Tensor, Tensor]:
        """Decodes a few crops of each segment: made and true waves, [B * crops, crop samples]."""
        length, frame = self.options.crop + LEAD, self.frame
        parts, true = [], []
        for row, first in [(b, int(s)) for b in range(len(starts)) for s in starts[b]]:
            parts.append(context[row, :, first : first + length])
            true.append(wave[row, (first + LEAD) * frame : (first + length) * frame])
        with torch.autocast("cpu", torch.bfloat16, enabled=self.options.bf16):
            made = self._waveform(torch.stack(parts))
        return made.float()[:, LEAD * frame :], torch.stack(true)

    def state_dict(self) -> dict[str, Any]:
        modules = {"codec": self.codec, "phonetic": self.phonetic, "optimizer": self.optimizer}
        return {name: m.state_dict() for name, m in modules.items()} | {"average": self.average.values}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.codec.load_state_dict(state["codec"])
        self.phonetic.load_state_dict(state["phonetic"])
        self.optimizer.load_state_dict(state["optimizer"])
        for name, value in state["average"].items():
            self.average.values[name].copy_(value)
