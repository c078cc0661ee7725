"""The codebooks learn what falls to them, revive, and both copies of them agree."""

import pytest
import torch
from miniature import CODES, GROUPS, codec_config

from qwen_tts.codec.codec import Codec
from qwen_tts.config import CodecConfig
from qwen_tts.train.quantizer import QuantizerTrainer, k_means


@pytest.fixture
def codec() -> Codec:
    config = codec_config()
    config["encoder_config"]["num_quantizers"] = GROUPS
    torch.manual_seed(0)
    return Codec(CodecConfig.from_dict(config))


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_k_means_finds_separate_clusters() -> None:
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    x = centres.repeat(50, 1) + 0.1 * torch.randn(150, 2, generator=rng())
    found = min((k_means(x, 3, rng(seed))[0] for seed in range(8)), key=lambda c: torch.cdist(x, c).min(1).values.sum())
    assert torch.cdist(centres, found).min(1).values.max() < 0.2


def test_training_and_released_paths_choose_the_same_codes_and_vectors(codec: Codec) -> None:
    trainer, z = QuantizerTrainer(codec), torch.randn(2, 16, 30)
    trainer.start(z, 1, rng())
    made = trainer(z, None)
    assert torch.equal(made.codes, codec.encoder.quantizer(z, GROUPS))
    trainer.sync()
    assert torch.allclose(codec.decoder.quantizer(made.codes), made.latent, atol=1e-5)


def test_learning_moves_vectors_to_their_means_and_revives_the_dead(codec: Codec) -> None:
    trainer = QuantizerTrainer(codec, decay=0.5, dropout=0)
    z = torch.randn(4, 16, 50, generator=rng())
    trainer.start(z, 1, rng())
    codebook = trainer.halves[0][0].codebooks()[0]
    codebook.get_buffer(codebook.sum_name)[0] = 1e6  # out of reach of any vector
    before = trainer(z, None).commitment
    for step in range(20):
        trainer(z, rng(step))
    assert codebook.vectors().abs().max() < 1e3
    assert trainer(z, None).commitment <= before
    assert len(trainer(z, None).codes[..., 0].unique()) > CODES // 2


def test_gradients_pass_straight_through(codec: Codec) -> None:
    trainer = QuantizerTrainer(codec)
    z = torch.randn(1, 16, 10, requires_grad=True)
    trainer(z, None).latent.sum().backward()
    passed = z.grad
    z.grad = None
    trainer.bypass(z).latent.sum().backward()
    assert passed is not None
    assert z.grad is not None
    assert torch.allclose(passed, z.grad, atol=1e-5)
