"""The mel spectrogram against a transform written out by its definition."""

import math

import numpy as np
import pytest
import torch

from qwen_tts.errors import AudioError
from qwen_tts.mel import mel_spectrogram, slaney_filters


def mel_of(hertz: float) -> float:
    return 3 * hertz / 200 if hertz < 1000 else 15 + 27 * math.log(hertz / 1000) / math.log(6.4)


def hertz_of(mel: float) -> float:
    return 200 * mel / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)


def filters_by_definition(rate: int, fft: int, mels: int) -> np.ndarray:
    edges = [hertz_of(i * mel_of(rate / 2) / (mels + 1)) for i in range(mels + 2)]
    out = np.zeros((mels, fft // 2 + 1))
    for m in range(mels):
        low, centre, high = edges[m : m + 3]
        for k in range(fft // 2 + 1):
            f = k * rate / fft
            if low < f <= centre:
                out[m, k] = (f - low) / (centre - low)
            elif centre < f < high:
                out[m, k] = (high - f) / (high - centre)
        out[m] *= 2 / (high - low)
    return out


def mel_by_definition(wave: np.ndarray) -> np.ndarray:
    padded = np.concatenate((wave[384:0:-1], wave, wave[-2:-386:-1]))
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)
    frames = [padded[start : start + 1024] * window for start in range(0, len(padded) - 1023, 256)]
    turns = np.exp(-2j * np.pi * np.outer(np.arange(513), np.arange(1024)) / 1024)
    magnitude = np.sqrt(np.abs(np.array(frames) @ turns.T) ** 2 + 1e-9)
    return np.log(np.maximum(magnitude @ filters_by_definition(24_000, 1024, 128).T, 1e-5))


@pytest.mark.parametrize(("rate", "fft", "mels"), [(24_000, 1024, 128), (16_000, 512, 40)])
def test_filters(rate, fft, mels):
    np.testing.assert_allclose(slaney_filters(rate, fft, mels).numpy(), filters_by_definition(rate, fft, mels), atol=1e-8)


@pytest.mark.parametrize("samples", [385, 1000, 6000])
def test_spectrogram(samples):
    wave = np.random.default_rng(samples).normal(size=samples) * 0.1
    wave[: samples // 3] = 0  # so that the floors under logarithm
    wave[samples // 3 : samples // 2] *= 3e-4  # and magnitude count
    found = mel_spectrogram(torch.tensor(wave, dtype=torch.float32)[None])
    assert found.shape == (1, samples // 256, 128) and found.dtype == torch.float32
    np.testing.assert_allclose(found[0].numpy(), mel_by_definition(wave), atol=2e-4)


def test_a_tone_is_loudest_in_its_band():
    time = torch.arange(24_000) / 24_000
    for hertz in (220.0, 1000.0, 5000.0):
        mel = mel_spectrogram(torch.sin(2 * math.pi * hertz * time)[None])[0, 10:-10].mean(dim=0)
        band = mel_of(hertz) / mel_of(12_000) * 129 - 1
        assert abs(int(mel.argmax()) - band) < 1.5


def test_rows_and_precision():
    waves = torch.randn(2, 3000, generator=torch.Generator().manual_seed(0))
    both = mel_spectrogram(waves)
    torch.testing.assert_close(both[1:], mel_spectrogram(waves[1:]))
    assert mel_spectrogram(waves.bfloat16()).dtype == torch.float32


def test_too_short():
    with pytest.raises(AudioError, match="more than 384 samples of audio, found 384"):
        mel_spectrogram(torch.zeros(1, 384))
