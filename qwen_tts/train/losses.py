"""How far a wave is from another, as spectra of several resolutions."""

import torch
from torch import Tensor, nn

from ..mel import slaney_filters


class SpectralLoss(nn.Module):
    """Mean L1 distance of log mel and log magnitude spectra over windows of several lengths. [B, N] x [B, N] -> scalar."""

    def __init__(self, rate: int, windows: tuple[int, ...] = (2048, 1024, 512, 256, 128)) -> None:
        super().__init__()
        self.windows = windows
        for n in windows:
            mels = min(80, n // 8)
            self.register_buffer(f"mel_{n}", slaney_filters(rate, n, mels), persistent=False)
            self.register_buffer(f"window_{n}", torch.hann_window(n), persistent=False)

    def forward(self, made: Tensor, true: Tensor) -> Tensor:
        loss = made.new_zeros(())
        both = torch.cat((made, true)).float()
        for n in self.windows:
            window, mel = self.get_buffer(f"window_{n}"), self.get_buffer(f"mel_{n}")
            spectrum = torch.stft(both, n, n // 4, window=window, return_complex=True)  # [2B, n / 2 + 1, frames]
            power = spectrum.real.square() + spectrum.imag.square()
            magnitude = (power + 1e-7).sqrt()
            a, b = (mel @ magnitude).clamp(min=1e-4).log().chunk(2)
            loss = loss + (a - b).abs().mean()
            a, b = magnitude.clamp(min=1e-3).log().chunk(2)
            loss = loss + 0.3 * (a - b).abs().mean()
        return loss / len(self.windows)
