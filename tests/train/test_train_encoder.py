"""The encoder of the built-in codec learns on from an earlier one (recipes/tiny/train_encoder.py)."""

from dataclasses import replace

import torch
from miniature import codec_config
from train_encoder import begin_with

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
