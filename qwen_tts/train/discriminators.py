"""Judges of decoded audio: the wave folded by several periods, and its spectra at several resolutions.

Both are small: they have to be trained on a processor. Ideas: HiFi-GAN (periods), UnivNet (resolutions).
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm


class Judge(nn.Module):
    """A stack of 2-D convolutions; returns the activations of every layer, the last being the verdict."""

    def __init__(self, layers: list[nn.Conv2d]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(weight_norm(layer) for layer in layers)

    def judge(self, x: Tensor) -> list[Tensor]:
        seen = []
        for layer in self.layers[:-1]:
            x = F.leaky_relu(layer(x), 0.1)
            seen.append(x)
        return [*seen, self.layers[-1](x)]


class PeriodJudge(Judge):
    """Looks at every `period`-th sample side by side. [B, N] -> activations."""

    def __init__(self, period: int, width: int = 16) -> None:
        sizes = [1, width, 2 * width, 4 * width, 8 * width]
        layers = [nn.Conv2d(a, b, (5, 1), (3, 1), (2, 0)) for a, b in pairwise(sizes)]
        super().__init__([*layers, nn.Conv2d(sizes[-1], 1, (3, 1), padding=(1, 0))])
        self.period = period

    def forward(self, wave: Tensor) -> list[Tensor]:
        rows = wave.shape[-1] // self.period
        return self.judge(wave[:, : rows * self.period].view(len(wave), 1, rows, self.period))


class SpectrumJudge(Judge):
    """Looks at the complex spectrum, compressed. [B, N] -> activations."""

    def __init__(self, window: int, width: int = 16) -> None:
        layers = [nn.Conv2d(2, width, (3, 9), padding=(1, 4))]
        layers += [nn.Conv2d(width, width, (3, 9), (1, 2), (1, 4)) for _ in range(3)]
        super().__init__([*layers, nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, 1, 3, padding=1)])
        self.size = window
        self.register_buffer("window", torch.hann_window(window), persistent=False)

    def forward(self, wave: Tensor) -> list[Tensor]:
        window = self.get_buffer("window")
        spectrum = torch.stft(wave, self.size, self.size // 4, window=window, return_complex=True)[:, 1:]
        loud = (spectrum.real.square() + spectrum.imag.square() + 1e-6) ** -0.35  # magnitude to the power of 0.3
        parts = torch.stack((spectrum.real * loud, spectrum.imag * loud), 1)  # [B, 2, bins, frames]
        return self.judge(parts.transpose(2, 3))


class Discriminators(nn.Module):
    def __init__(self, periods: tuple[int, ...] = (2, 3, 5, 7, 11), windows: tuple[int, ...] = (1024, 320)) -> None:
        super().__init__()
        self.judges = nn.ModuleList([*(PeriodJudge(p) for p in periods), *(SpectrumJudge(w) for w in windows)])

    def forward(self, wave: Tensor) -> list[list[Tensor]]:
        return [judge(wave) for judge in self.judges]


def judge_loss(true: list[list[Tensor]], made: list[list[Tensor]]) -> Tensor:
    """Least squares: true waves should get 1, made ones 0. Mean over the judges."""
    losses = [(1 - t[-1]).square().mean() + m[-1].square().mean() for t, m in zip(true, made, strict=True)]
    return torch.stack(losses).mean()


def maker_losses(true: list[list[Tensor]], made: list[list[Tensor]]) -> tuple[Tensor, Tensor]:
    """What the decoder wants: (verdicts of 1, activations like those of the true wave relative to their size)."""
    fooled = torch.stack([(1 - m[-1]).square().mean() for m in made]).mean()
    pairs = [(a.detach(), b) for t, m in zip(true, made, strict=True) for a, b in zip(t[:-1], m[:-1], strict=True)]
    likeness = torch.stack([(a - b).abs().mean() / a.abs().mean().clamp(min=1e-3) for a, b in pairs]).mean()
    return fooled, likeness
