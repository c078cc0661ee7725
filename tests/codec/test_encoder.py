"""The encoder and the quantiser against their definitions."""

import pytest
import torch
from miniature import CODES, codec_config

from qwen_tts.codec.codec import Codec
from qwen_tts.codec.quantizer import Codebook
from qwen_tts.config import CodecConfig


@pytest.fixture(scope="module")
def codec() -> Codec:
    torch.manual_seed(6)
    made = Codec(CodecConfig.from_dict(codec_config())).requires_grad_(False)
    for name, buffer in made.named_buffers():
        if name.endswith("embed_sum"):
            buffer.normal_(std=0.1)
    return made


@pytest.mark.parametrize("samples", [1, 1919, 1920, 1921, 5000])
def test_every_started_frame_gets_codes(codec: Codec, samples: int) -> None:
    codes = codec.encode(torch.randn(2, samples))
    assert codes.shape == (2, -(-samples // 1920), codec.config.encoder_valid_num_quantizers)
    assert codes.dtype == torch.int64
    assert 0 <= codes.min() <= codes.max() < CODES


def test_codes_do_not_depend_on_later_audio(codec: Codec) -> None:
    wave = torch.randn(1, 8 * 1920)
    assert torch.equal(codec.encode(wave)[:, :5], codec.encode(wave[:, : 5 * 1920]))


def test_the_two_halves_quantise_the_same_vector_not_a_residual_of_each_other(codec: Codec) -> None:
    z, quantizer = codec.encoder.embed(torch.randn(1, 5 * 1920)), codec.encoder.quantizer
    codes = quantizer(z, 4)
    acoustic = quantizer.acoustic_residual_vector_quantizer
    residual = acoustic.input_proj(z).transpose(1, 2)[0]
    for stage, codebook in enumerate(acoustic.codebooks()[:3], start=1):
        distances = ((residual[:, None] - codebook.vectors()[None]) ** 2).sum(-1)
        assert torch.equal(codes[0, :, stage], distances.argmin(1))
        residual = residual - codebook.vectors()[codes[0, :, stage]]


def test_a_codebook_is_sums_over_counts() -> None:
    codebook = Codebook(3, 2, "embed_sum")
    codebook.get_buffer("cluster_usage").copy_(torch.tensor([2.0, 0.5, 0.0]))
    codebook.get_buffer("embed_sum").copy_(torch.tensor([[2.0, 4.0], [1.0, 1.0], [1e-5, 0.0]]))
    assert torch.allclose(codebook.vectors(), torch.tensor([[1.0, 2.0], [2.0, 2.0], [1.0, 0.0]]))
    assert codebook.nearest(torch.tensor([[1.1, 1.9], [3.0, 2.0]])).tolist() == [0, 1]


@pytest.mark.parametrize("samples", [960, 9_000, 9_600, 9_601, 30_001])
def test_pieces_equal_one_pass(codec: Codec, samples: int, monkeypatch: pytest.MonkeyPatch) -> None:
    wave = torch.randn(2, samples, generator=torch.Generator().manual_seed(0))
    whole, codes = codec.encoder.encoder(wave[:, None]), codec.encode(wave)
    longest = []
    first = codec.encoder.encoder.layers[0]
    handle = first.register_forward_hook(lambda module, inputs, output: longest.append(output.shape[-1]))
    monkeypatch.setattr("qwen_tts.codec.encoder.PIECE", 3)
    assert (codec.encoder.encoder(wave[:, None]) - whole).abs().max() < 1e-5
    assert torch.equal(codec.encode(wave), codes)
    handle.remove()
    assert max(longest) <= (3 + codec.encoder.encoder.past) * 960  # so the memory does not grow with the audio
