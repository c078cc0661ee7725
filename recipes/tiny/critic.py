"""Tells amplitudes that were measured from those that a decoder says, so that the decoder learns not to blur them.

The mean of what could be is too smooth: true amplitudes that are averaged over three neighbouring harmonics lose as much of
their DistillMOS (3.2 to 2.4) as by mistakes of the size that the decoder makes.
"""

import torch
from harmonics import BANDS, HARMONICS, RATE
from torch import Tensor, nn
from torch.nn import functional as F

WIDTHS = (16, 32, 64)
FEATURES = 2.0  # how much the critic's features count beside its opinion
LEAK = 0.1


class Critic(nn.Module):
    """Opinions on parts of a picture of how loud each harmonic and each band of noise is."""

    def __init__(self) -> None:
        super().__init__()
        places = (2, *WIDTHS)
        self.layers = nn.ModuleList(
            nn.Conv2d(places[i], places[i + 1], (5, 5), stride=(2, 2 if i else 1), padding=2) for i in range(len(WIDTHS))
        )
        self.opinion = nn.Conv2d(WIDTHS[-1], 1, 3, padding=1)
        self.register_buffer("bands", torch.linspace(0, 1, BANDS))

    def forward(self, heard: Tensor, pitch: Tensor) -> list[Tensor]:
        """heard [B, nodes, HARMONICS + BANDS], pitch [B, nodes] in Hz: the features of each layer, the opinion last."""
        x = torch.stack((heard, self.where(pitch)), 1)
        seen = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), LEAK)
            seen.append(x)
        return [*seen, self.opinion(x)]

    def where(self, pitch: Tensor) -> Tensor:
        """The place on the mel scale of each harmonic and band, from 0 to 1."""
        numbers = torch.arange(1, HARMONICS + 1, dtype=pitch.dtype)
        mel = torch.log1p(pitch[..., None] * numbers / 700) / torch.log1p(torch.tensor(RATE / 2 / 700))
        return torch.cat((mel, self.get_buffer("bands").expand(*pitch.shape, BANDS)), -1)


def judged(critic: Critic, heard: Tensor, true: Tensor, pitch: Tensor) -> Tensor:
    """What the critic has to learn: 1 for what is true, 0 for what is said."""
    return (critic(true, pitch)[-1] - 1).square().mean() + critic(heard.detach(), pitch)[-1].square().mean()


def wish(critic: Critic, heard: Tensor, true: Tensor, pitch: Tensor) -> Tensor:
    """The gradient, as `heard`, by which the critic thinks better of what is said, and sees in it what it sees in the truth."""
    said = heard.detach().requires_grad_()
    with torch.no_grad():
        *features, _ = critic(true, pitch)
    *seen, opinion = critic(said, pitch)
    loss = (opinion - 1).square().mean()
    for real, made in zip(features, seen, strict=True):
        loss = loss + FEATURES * F.l1_loss(made, real) / real.abs().mean().clamp(min=1e-3) / len(seen)
    return torch.autograd.grad(loss, said)[0]
