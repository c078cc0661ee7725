"""The speaker encoder hears what mean and deviation of a spectrum tell of a voice (recipes/tiny/fit_speaker.py)."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from codes import TIMBRES, Codebooks
from fit_speaker import QUIETEST, fit, fit_last, pass_on, pooled
from harmonics import FRAME, RATE
from kokoro import TIMBRE
from score import Score, save

from qwen_tts.config import ModelConfig, SpeakerEncoderConfig
from qwen_tts.mel import mel_spectrogram
from qwen_tts.resolve import TINY
from qwen_tts.speaker.ecapa import SpeakerEncoder

HEARD, VOICES = 3, 90  # numbers of a voice that are heard here; clips, each in a voice of its own


@pytest.fixture(scope="module")
def sizes() -> SpeakerEncoderConfig:
    found = ModelConfig.from_file(TINY / "config.json").speaker_encoder_config
    assert found is not None
    return replace(found, enc_channels=[128, 128, 128, 128, 128])


def noise(voice: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """2 s of noise whose spectrum is bent as the first numbers of a voice say."""
    count = 25 * FRAME
    bends = np.cos(np.pi * np.outer(np.arange(1, HEARD + 1), np.linspace(0, 1, count // 2 + 1)))
    wave = np.fft.irfft(np.fft.rfft(rng.normal(size=count)) * np.exp(0.5 * voice[:HEARD] @ bends))
    return 3000 * wave / wave.std() * np.exp(rng.uniform(-0.5, 0.5))


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng, folder, nothing = np.random.default_rng(0), tmp_path_factory.mktemp("sounds"), np.zeros(0, np.float32)
    made, waves = [], []
    for _ in range(VOICES):
        voice = np.zeros(TIMBRE, np.float32)
        voice[:HEARD] = rng.normal(size=HEARD)
        flat = np.full(160, 150.0, np.float32)
        made.append(Score("a", "somebody", "English", np.uint8([1]), np.float32([80]), flat, flat, voice, nothing))
        waves.append(noise(voice, rng).astype(np.int16))
    save(made, folder / "somebody.npz")
    np.savez(folder / "somebody.sound.npz", wave=np.concatenate(waves))
    return folder


def test_voices_that_it_was_not_fitted_to_are_heard(clips: Path, sizes: SpeakerEncoderConfig) -> None:
    torch.manual_seed(0)
    books = np.zeros((3, 4, TIMBRES), np.float32)
    books[0] = np.random.default_rng(1).choice([-1, 1], books[0].shape)  # all directions are told as loudly
    known = Codebooks(nothing := np.zeros(0), nothing, nothing, np.zeros(TIMBRE), np.eye(TIMBRE)[:, :TIMBRES], books)
    encoder = SpeakerEncoder(sizes)
    fit(encoder, clips, known)
    rng, off, size = np.random.default_rng(5), [], []
    for _ in range(20):
        voice = rng.normal(size=HEARD)
        wave = torch.from_numpy(noise(voice, rng).astype(np.float32) / 32767)[None]
        with torch.no_grad():
            heard, loud = (encoder(mel_spectrogram(w, sizes.mel_dim))[0] for w in (wave, 2 * wave))
        assert (heard - loud)[:HEARD].abs().max() < 0.3, "how loud a recording is says nothing of who speaks"
        off.append(heard[:HEARD].numpy() - voice)
        size.append(voice)
        assert heard[HEARD:TIMBRES].abs().max() < 0.05, "what all voices share is said as it is"
    assert np.square(off).sum() < 0.15 * np.square(size).sum(), "of voices that it was not fitted to"


def test_mel_bands_pass_to_what_is_pooled(sizes: SpeakerEncoderConfig) -> None:
    torch.manual_seed(0)
    encoder = SpeakerEncoder(sizes)
    pass_on(encoder)
    dark = torch.nn.functional.conv1d(0.1 * torch.randn(1, 1, RATE), torch.tensor([[[1.0, 1.5, 1.0]]]))[0]
    mel = mel_spectrogram(dark, sizes.mel_dim)
    mean, deviation = pooled(encoder, dark[0].numpy()).chunk(2)
    true = mel[0].mean(0) + QUIETEST
    assert torch.allclose(mean, true, atol=0.5) and torch.corrcoef(torch.stack((mean, true)))[0, 1] > 0.99
    assert torch.allclose(deviation, mel[0].std(0), rtol=0.3)


def test_the_last_layer_is_fitted_to_what_is_heard_often(sizes: SpeakerEncoderConfig) -> None:
    generator = torch.Generator().manual_seed(0)
    encoder = SpeakerEncoder(sizes)
    pooled = torch.randn(4000, encoder.fc.weight.shape[1], generator=generator)
    slope = torch.randn(sizes.enc_dim, pooled.shape[1], generator=generator)
    wanted = pooled @ slope.T + 3
    wanted[:2000] += 100
    fit_last(encoder, pooled, wanted, torch.arange(4000) // 2000 * 1.0)  # what is never heard does not count
    said = pooled[2000:] @ encoder.fc.weight[..., 0].T + encoder.fc.bias
    assert (said - wanted[2000:]).square().mean() < 0.01 * wanted[2000:].var()
