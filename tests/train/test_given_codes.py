"""Codebooks whose codes are given: they stay, the others use other dimensions, and the encoder can be shown to hear them."""

import torch
from miniature import CODES, GROUPS, codec_config

from qwen_tts.codec.codec import Codec
from qwen_tts.config import CodecConfig
from qwen_tts.train.given_codes import give, hear
from qwen_tts.train.quantizer import QuantizerTrainer


def given_codec() -> tuple[Codec, QuantizerTrainer, int]:
    """A codec whose codebooks 0 and 1 are given, the latter in four dimensions; its quantiser; the width of its vectors."""
    torch.manual_seed(0)
    config = codec_config()
    config["encoder_config"]["num_quantizers"] = GROUPS
    codec = Codec(CodecConfig.from_dict(config))
    dim = codec.decoder.quantizer.rvq_first.codebooks()[0].vectors().shape[1]
    give(codec, 0, torch.randn(CODES, dim))
    give(codec, 1, torch.cat((3 * torch.randn(CODES, 4), torch.zeros(CODES, dim - 4)), 1))
    trainer = QuantizerTrainer(codec)
    return codec, trainer, trainer.halves[0][0].input_proj.in_channels


def test_what_is_given_stays_and_the_rest_is_learned_in_other_dimensions() -> None:
    codec, trainer, width = given_codec()
    generator = torch.Generator().manual_seed(0)
    z, codes = torch.randn(6, width, 50), torch.randint(0, CODES, (6, 50, 2))
    books = [book for chooser, _ in trainer.halves for book in chooser.codebooks()]
    before = [book.vectors().clone() for book in books]
    trainer.start(z, 1, generator, given=2)
    for _ in range(3):
        made = trainer(z, generator, None, codes)
    assert torch.equal(made.codes[..., :2], codes)
    for number, book in enumerate(books):
        assert torch.equal(book.vectors(), before[number]) == (number < 2)
        assert number < 2 or not book.vectors()[:, :4].any()
    latent = trainer(z, None, None, codes).latent
    trainer.sync()
    torch.testing.assert_close(codec.decoder.quantizer(trainer(z, None, None, codes).codes), latent, rtol=1e-4, atol=1e-4)


def test_unquantised_vectors_go_beside_what_is_given() -> None:
    codec, trainer, width = given_codec()
    z, codes = torch.randn(2, width, 5), torch.randint(0, CODES, (2, 5, 2))
    (_, first), (chooser, second) = trainer.halves
    told = second.codebooks()[0].vectors()[codes[..., 1]]
    free = torch.arange(told.shape[-1]) >= 4
    beside = first.codebooks()[0].vectors()[codes[..., 0]]
    both = told + free * chooser.input_proj(z).transpose(1, 2)
    expected = first.output_proj(beside.transpose(1, 2)) + second.output_proj(both.transpose(1, 2))
    torch.testing.assert_close(trainer.bypass(z, codes).latent, expected)


def test_what_the_encoder_hears_becomes_the_codes_that_were_given() -> None:
    codec, trainer, width = given_codec()
    codes = torch.randint(0, CODES, (600, 2))
    told = [trainer.halves[half][0].codebooks()[0].vectors()[codes[:, half]] for half in (0, 1)]
    z = torch.cat((told[0], told[1][:, :4]), 1) @ torch.randn(told[0].shape[1] + 4, width) + 0.01 * torch.randn(600, width)
    trainer.start(z.T[None], 1, torch.Generator().manual_seed(0), given=2)
    learned = trainer(z.T[None], None, None, codes[None]).codes[0]
    for number in (0, 1):
        hear(codec, number, z, codes[:, number])
    found = codec.encoder.quantizer(z.T[None], learned.shape[1])[0]
    assert (found[:, :2] == codes).float().mean() > 0.97
    assert (found[:, 2] == learned[:, 2]).float().mean() > 0.9
