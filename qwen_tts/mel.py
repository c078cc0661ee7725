"""The mel spectrogram that the speaker encoder reads: log magnitudes in bands of the Slaney mel scale."""

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from .errors import AudioError

FFT, HOP = 1024, 256  # window = FFT
PAD = (FFT - HOP) // 2  # so that N samples give N // HOP frames


def mel_spectrogram(wave: Tensor, mels: int = 128, rate: int = 24_000) -> Tensor:
    """Log mel spectrogram, fp32.

    Args:
        wave: mono audio, [B, N], N > 384.
        mels: number of bands between 0 and rate / 2.
        rate: of the wave, Hz.
    Returns:
        [B, N // 256, mels].
    Raises:
        AudioError: the audio is too short.
    """
    if wave.shape[-1] <= PAD:
        raise AudioError(f"a voice needs more than {PAD} samples of audio, found {wave.shape[-1]}")
    wave = F.pad(wave.float(), (PAD, PAD), mode="reflect")
    window = torch.hann_window(FFT, device=wave.device)
    spectrum = torch.stft(wave, FFT, HOP, window=window, center=False, return_complex=True)  # [B, FFT / 2 + 1, T]
    magnitude = (spectrum.real.square() + spectrum.imag.square() + 1e-9).sqrt()
    bands = slaney_filters(rate, FFT, mels).to(wave.device) @ magnitude  # [B, M, T]
    return bands.clamp(min=1e-5).log().transpose(1, 2)


@lru_cache(maxsize=8)
def slaney_filters(rate: int, fft: int, mels: int) -> Tensor:
    """Triangles between neighbours of mels + 2 points equally spaced in mel from 0 to rate / 2, each of area 1 Hz * bin.

    Returns:
        [mels, fft / 2 + 1], fp32.
    """
    points = _to_hertz(torch.linspace(0, _to_mel(rate / 2), mels + 2, dtype=torch.float64))
    bins = torch.arange(fft // 2 + 1, dtype=torch.float64) * rate / fft
    low, centre, high = points[:-2, None], points[1:-1, None], points[2:, None]
    rising, falling = (bins - low) / (centre - low), (high - bins) / (high - centre)
    return (torch.minimum(rising, falling).clamp(min=0) * 2 / (high - low)).float()


# The Slaney scale: 200/3 Hz a mel up to 1000 Hz = 15 mel, then 27 mel for each factor of 6.4.
_STEP, _KNEE = 200 / 3, 1000.0
_LOG_STEP = math.log(6.4) / 27


def _to_mel(hertz: float) -> float:
    return hertz / _STEP if hertz < _KNEE else _KNEE / _STEP + math.log(hertz / _KNEE) / _LOG_STEP


def _to_hertz(mel: Tensor) -> Tensor:
    knee = _KNEE / _STEP
    return torch.where(mel < knee, mel * _STEP, _KNEE * torch.exp((mel - knee) * _LOG_STEP))
