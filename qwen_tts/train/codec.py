"""Trains what makes codes: the encoder and the codebooks. Waves come later (`decoder.py`), on codes that stay.

    wave ── encoder ── codebooks ── context ── x2 ── x2 ── a linear layer ── mel spectra, two a vector (10 ms each)
                           └── codebook 0 ── a linear layer ── phonetic targets, where there are any

Nearly all of a codec's computing is the decoder's convolutions at audio rates. To learn what to keep of a sound they are not
needed: spectra tell that as well, at a tenth of the cost. The parts of the decoder up to 50 vectors a second are trained along.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..codec.codec import Codec
from ..config import CodecConfig
from ..errors import DataError
from ..mel import slaney_filters
from .calibrate import calibrate
from .data import Pack
from .loop import Average, fill, learning_rate, saved_trainer
from .matching import check_targets
from .quantizer import QuantizerTrainer


@dataclass(frozen=True, slots=True)
class CodecOptions:
    steps: int
    batch: int = 6
    segment: int = 40  # frames
    peak: float = 6e-4  # learning rate
    warmup: int = 100  # steps
    seed: int = 0
    commitment: float = 0.25  # of the share of the vectors that the codebooks miss
    quantise_from: int = 600  # the step at which k-means sets the codebooks; before it vectors pass as they are
    phonetic: float = 1.0
    bf16: bool = True
    compiled: bool = False


class PhoneticTargets:
    """What lies beside a pack as phonetic.f16 and phonetic_start.npy: a row per frame."""

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


class SpectralPatches(nn.Module):
    """Log mel spectra of a wave, one row for each `hop` samples, centred in it: long windows for pitch, short ones for time."""

    def __init__(self, rate: int, hop: int, bands: dict[int, int]) -> None:
        """`bands`: window -> number of mel bands."""
        super().__init__()
        self.hop, self.bands, self.width = hop, bands, sum(bands.values())
        for n, mels in bands.items():
            self.register_buffer(f"mel_{n}", slaney_filters(rate, n, mels), persistent=False)
            self.register_buffer(f"window_{n}", torch.hann_window(n), persistent=False)

    def forward(self, wave: Tensor) -> Tensor:
        """[B, N] -> [B, width, N / hop]"""
        rows = []
        for n in self.bands:
            around = F.pad(wave, ((n - self.hop) // 2, (n - self.hop) // 2))
            spectrum = torch.stft(around, n, self.hop, window=self.get_buffer(f"window_{n}"), center=False, return_complex=True)
            power = spectrum.real.square() + spectrum.imag.square()
            rows.append((self.get_buffer(f"mel_{n}") @ (power + 1e-7).sqrt()).clamp(min=1e-4).log())
        return torch.cat(rows, dim=1)


class CodecTrainer:
    def __init__(self, codec: Codec, pack: Pack, targets: PhoneticTargets | None, options: CodecOptions) -> None:
        """
        Args:
            targets: what codebook 0 learns to tell; without them it learns from spectra alone.
        Raises:
            DataError: the encoder has codebooks that the decoder would not hear, or the pack is of another rate, or the targets
                of other clips.
        """
        ours, theirs = codec.config.encoder_config.num_quantizers, codec.config.decoder_config.num_quantizers
        if ours != theirs:
            raise DataError(
                f"the encoder has {ours} codebooks, the decoder {theirs}: all are trained together, so give both "
                "(num_quantizers in the codec's config.json) the same number"
            )
        torch.manual_seed(options.seed)
        pack.check_rate(codec.config.input_sample_rate)
        self.codec, self.pack, self.targets, self.options = codec, pack, targets, options
        self.frame = codec.config.encode_downsample_rate
        if targets is not None:
            check_targets(pack, targets.start, self.frame)
        self.quantizer = QuantizerTrainer(codec)
        rate, latent = codec.config.output_sample_rate, codec.config.decoder_config.latent_dim
        self.device = next(codec.parameters()).device
        self.spectra = SpectralPatches(rate, rate // 100, {1024: 80, 320: 40}).to(self.device)
        self.rows = self.frame // self.spectra.hop  # spectra a frame
        steps = int(np.prod(codec.config.decoder_config.upsampling_ratios))  # vectors a frame after `upsample`
        self.spectral = nn.Conv1d(latent, self.spectra.width * self.rows // steps, 1).to(self.device)
        self.phonetic = nn.Linear(codec.config.encoder_config.codebook_dim, targets.dim if targets else 1).to(self.device)
        nn.init.zeros_(self.phonetic.weight)  # its first guess is the mean
        parameters = [*codec.parameters(), *self.phonetic.parameters(), *self.spectral.parameters()]
        self.optimizer = torch.optim.AdamW(parameters, lr=options.peak, betas=(0.8, 0.99), weight_decay=0.01)
        self.average = Average(codec)
        self.chance = pack.chance()
        self.fresh = True
        self._embed = torch.compile(codec.encoder.embed, dynamic=False) if options.compiled else codec.encoder.embed

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor | None]:
        """Random segments: waves [B, N], which frames are within the clip [B, T], phonetic targets [B, T, dim] (NaN past the
        end)."""
        o = self.options
        waves, real, targets = [], [], []
        for clip in rng.choice(len(self.chance), o.batch, p=self.chance):
            frames = self.pack.clips[clip].samples // self.frame
            first = int(rng.integers(0, max(1, frames - o.segment + 1)))
            waves.append(self.pack.wave(self.pack.clips[clip], first * self.frame, o.segment * self.frame))
            real.append(np.arange(o.segment) < frames - first)
            if self.targets is not None:
                targets.append(self.targets.get(int(clip), first, o.segment))
        gain = rng.uniform(0.6, 1.2, (o.batch, 1)).astype(np.float32)
        wave, within = torch.from_numpy(np.stack(waves) * gain), torch.from_numpy(np.stack(real))
        told = torch.from_numpy(np.stack(targets)).to(self.device) if targets else None
        return wave.to(self.device), within.to(self.device), told

    def step(self, step: int) -> dict[str, float]:
        o = self.options
        wave, real, targets = self.batch(np.random.default_rng((o.seed, step)))
        generator = torch.Generator().manual_seed(o.seed * 1_000_003 + step)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(step, o.steps, o.peak, o.warmup)
        if step == 0 and self.fresh:
            calibrate(self.codec.encoder, lambda: self.codec.encoder.embed(wave))
            self.quantizer.whiten(self._embedded(8))
        if step == o.quantise_from and self.fresh:
            self.quantizer.start(self._embedded(40), 40, generator)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=o.bf16):
            z = self._embed(wave)
        bypassed = step < o.quantise_from
        quantised = self.quantizer.bypass(z.float()) if bypassed else self.quantizer(z.float(), generator, real)
        spectral = (self.guess(quantised.latent) - self.spectra(wave)).abs().mean()
        loss = spectral + o.commitment * quantised.commitment
        figures = {"spectral": spectral, "commitment": quantised.commitment}
        if targets is not None:
            off = self.phonetic(quantised.semantic)[real] - targets[real]
            figures["phonetic"] = off.square().sum(-1).mean()  # variances sum to one
            loss = loss + o.phonetic * figures["phonetic"]
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        figures["norm"] = nn.utils.clip_grad_norm_(self.codec.parameters(), 5.0)
        self.optimizer.step()
        self.average.update(step)
        return {name: value.item() for name, value in figures.items()}

    def guess(self, latent: Tensor) -> Tensor:
        """Spectra from dequantised vectors: [B, codebook_dim, T] -> [B, width, T * rows]."""
        x = self.spectral(self.codec.decoder.upsampled(self.codec.decoder.context(latent)))  # [B, width * r, T * steps]
        return x.unflatten(1, (self.spectra.width, -1)).transpose(2, 3).flatten(2)

    @torch.no_grad()
    def _embedded(self, batches: int) -> Tensor:
        """The vectors of some batches, [B, width, T]."""
        rng = np.random.default_rng(self.options.seed)
        return torch.cat([self.codec.encoder.embed(self.batch(rng)[0]) for _ in range(batches)])

    def state_dict(self) -> dict[str, Any]:
        modules = {"codec": self.codec, "phonetic": self.phonetic, "spectral": self.spectral, "optimizer": self.optimizer}
        rest = {"average": self.average.values, "power": self.quantizer.power}
        return {name: m.state_dict() for name, m in modules.items()} | rest

    def begin_with(self, state: dict[str, Any]) -> None:
        """Takes the averaged weights of an earlier run, and nothing of its optimiser.

        That run may have had fewer codebooks, or none yet: the others begin with what it left over.
        """
        lacking, unknown = self.codec.load_state_dict(state["codec"] | state["average"], strict=False)
        if unknown or any(".layers." not in name or "quantizer" not in name for name in lacking):
            raise DataError(f"the state to begin with is of another codec: {[*unknown, *lacking][:3]}")
        self.spectral.load_state_dict(state["spectral"])
        if lacking or not state["power"]:
            books = sum("acoustic_residual" in name and name.endswith("cluster_usage") for name in lacking)
            first = self.codec.config.encoder_valid_num_quantizers - books if state["power"] else 0
            self.quantizer.start(self._embedded(40), 40, torch.Generator().manual_seed(self.options.seed), first)
        self.average = Average(self.codec)
        self.fresh = False

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.codec.load_state_dict(state["codec"])
        self.phonetic.load_state_dict(state["phonetic"])
        self.spectral.load_state_dict(state["spectral"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average.restore(state["average"])
        self.quantizer.power = state["power"]


def trained_codec(config: CodecConfig, state_file: Path) -> Codec:
    """The codec that a `CodecTrainer` left: averaged weights, and a decoder that knows the encoder's codebooks.

    Raises:
        DataError: it left none, or one of other sizes.
    """
    codec = Codec(config)
    state = saved_trainer(state_file, "codec")
    fill(codec, state["codec"] | state["average"], state_file)
    QuantizerTrainer(codec).sync()
    return codec
