"""The encoder of the built-in codec learns on from an earlier one (recipes/tiny/train_encoder.py)."""

from dataclasses import replace

import numpy as np
import torch
from harmonics import FRAME, RATE
from miniature import codec_config
from score import Score
from train_encoder import begin_with, played

from qwen_tts.codec.encoder import Encoder
from qwen_tts.config import CodecConfig


def test_layers_that_an_encoder_did_not_have_add_nothing_at_first_and_learn() -> None:
    torch.manual_seed(0)
    sizes = CodecConfig.from_dict(codec_config()).encoder_config
    early, late = Encoder(sizes), Encoder(replace(sizes, num_hidden_layers=sizes.num_hidden_layers + 2))
    for name, parameter in early.named_parameters():
        if name.endswith("scale"):
            parameter.data.fill_(3.0)
    begin_with(late, early.state_dict(), sizes.num_hidden_layers)
    wave = 0.1 * torch.randn(2, 1920 * 5)
    assert torch.allclose(early.embed(wave), late.embed(wave), atol=1e-5)
    late.embed(wave).square().mean().backward()
    for layer in list(late.encoder_transformer.layers)[sizes.num_hidden_layers :]:
        for name, parameter in layer.named_parameters():
            if name.endswith(("o_proj.weight", "fc2.weight")):
                assert parameter.grad is not None and parameter.grad.abs().max() > 0, name
            if name.endswith("scale"):
                assert (parameter == 3.0).all(), name


def test_a_clip_that_is_played_faster_is_higher_and_shorter_and_so_is_its_score() -> None:
    units, pitch, times = 64, 120.0, 1.25
    nothing, ramp = np.zeros(0, np.float32), np.linspace(-4, 2, 2 * units, dtype=np.float32)
    curve = np.full(2 * units, pitch, np.float32)
    curve[: units // 2] = 0
    made = Score("a", "Ryan", "English", np.array([1, 2]), np.float32([32, 64]), curve, ramp, nothing, nothing)
    wave = (20_000 * np.sin(2 * np.pi * pitch * np.arange(made.frames * FRAME) / RATE)).astype(np.int16)
    found, faster = played(made, wave, times)
    assert found.units == round(units / times) and np.allclose(found.ends, made.ends / times)
    assert set(np.unique(found.pitch)) == {0.0, pitch * times} and abs((found.pitch == 0).mean() - 0.25) < 0.02
    assert np.allclose(
        found.energy, np.interp(np.linspace(0, 1, len(found.energy)), np.linspace(0, 1, len(ramp)), ramp), atol=0.1
    )
    assert abs(len(faster) - len(wave) / times) <= 1
    spectrum = np.abs(np.fft.rfft(faster * np.hanning(len(faster))))
    assert abs(spectrum.argmax() * RATE / len(faster) - pitch * times) < 1
