"""Trainers of the codec: they learn, and a killed run goes on exactly as if it had not been."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from miniature import GROUPS, codec_config

from qwen_tts.codec.codec import Codec
from qwen_tts.config import CodecConfig
from qwen_tts.errors import DataError
from qwen_tts.train.codec import CodecOptions, CodecTrainer, PhoneticTargets, SpectralPatches
from qwen_tts.train.context import ContextOptions, ContextTrainer
from qwen_tts.train.data import Codes, Pack, write_codes
from qwen_tts.train.decoder import DecoderOptions, DecoderTrainer
from qwen_tts.train.loop import Trainer, learning_rate, train
from qwen_tts.train.losses import SpectralLoss


def new_codec(groups: int = GROUPS) -> Codec:
    config = codec_config() | {"encoder_valid_num_quantizers": groups}
    config["encoder_config"]["num_quantizers"] = config["decoder_config"]["num_quantizers"] = groups
    torch.manual_seed(0)
    return Codec(CodecConfig.from_dict(config))


def codec_trainer(pack: Pack, groups: int = GROUPS) -> CodecTrainer:
    options = CodecOptions(steps=12, peak=5e-3, warmup=1, batch=2, segment=12, quantise_from=4, bf16=False)
    return CodecTrainer(new_codec(groups), pack, PhoneticTargets(pack.folder), options)


def decoder_trainer(pack: Pack) -> DecoderTrainer:
    options = DecoderOptions(steps=12, batch=2, segment=10, lead=1, crop=3, warmup=4, judges_warmup=2, bf16=False)
    return DecoderTrainer(new_codec(), pack, [Codes(pack.folder)], options)


def context_trainer(pack: Pack) -> ContextTrainer:
    options = ContextOptions(steps=30, batch=2, segment=30, peak=5e-3, bf16=False)
    return ContextTrainer(codec_trainer(pack), [Codes(pack.folder)], options)


@pytest.mark.parametrize("make", [codec_trainer, decoder_trainer, context_trainer])
def test_a_killed_run_goes_on_as_if_it_had_not_been(make: Callable[[Pack], Trainer], pack: Pack, tmp_path: Path) -> None:
    train(make(pack), 6, tmp_path / "one", log_every=3)
    whole = torch.load(tmp_path / "one" / "state.pt", weights_only=True)
    train(make(pack), 3, tmp_path / "two", log_every=3)
    train(make(pack), 6, tmp_path / "two", log_every=3)
    parts = torch.load(tmp_path / "two" / "state.pt", weights_only=True)
    assert whole["step"] == parts["step"] == 6
    for name, value in whole["trainer"]["average"].items():
        assert torch.equal(value, parts["trainer"]["average"][name]), name
    assert len((tmp_path / "two" / "log.jsonl").read_text("utf-8").splitlines()) == 2


def test_a_run_that_was_killed_while_it_quantised_goes_on_with_the_same_measure_of_power(pack: Pack, tmp_path: Path) -> None:
    train(codec_trainer(pack), 9, tmp_path / "one")
    train(codec_trainer(pack), 6, tmp_path / "two")
    train(codec_trainer(pack), 9, tmp_path / "two")
    whole, parts = (torch.load(tmp_path / name / "state.pt", weights_only=True)["trainer"] for name in ("one", "two"))
    assert whole["power"] and whole["power"] == parts["power"]
    for name, value in whole["average"].items():
        assert torch.equal(value, parts["average"][name]), name


def test_codebooks_that_an_earlier_run_had_not_begin_with_what_it_left_over(pack: Pack) -> None:
    earlier, later = codec_trainer(pack, 2), codec_trainer(pack)
    for step in range(6):
        earlier.step(step)
    later.begin_with(earlier.state_dict())
    z = later._embedded(4)
    left = []
    for count in range(1, GROUPS):
        inner = residual = later.quantizer.halves[1][0].input_proj(z).transpose(1, 2)
        for book in later.quantizer.halves[1][0].codebooks()[:count]:
            residual = residual - book.vectors()[book.nearest(residual)]
        left.append((residual.square().mean() / inner.square().mean()).item())
    assert left == sorted(left, reverse=True) and left[-1] < 0.9 * left[0]
    mine, theirs = (t.quantizer.halves[1][0].codebooks()[0].vectors() for t in (later, earlier))
    assert torch.equal(mine, theirs)  # what was there stays
    later.options = replace(later.options, quantise_from=0)
    later.step(0)
    after = later.quantizer.halves[1][0].codebooks()[0].vectors()
    assert (after - theirs).abs().mean() < 0.1 * theirs.abs().mean(), "a step moves codebooks a little; it makes no new ones"
    again = codec_trainer(pack)
    again.begin_with(codec_trainer(pack).state_dict())  # which had none
    assert again.quantizer.halves[0][0].codebooks()[0].vectors().any()
    with pytest.raises(DataError, match="of another codec"):
        earlier.begin_with(later.state_dict())


def test_an_encoder_with_codebooks_that_are_not_decoded_is_refused(pack: Pack) -> None:
    config = CodecConfig.from_dict(codec_config())  # as released: more of them than are valid
    with pytest.raises(DataError, match="the encoder has 6 codebooks, the decoder 4"):
        CodecTrainer(Codec(config), pack, None, CodecOptions(steps=1))


def test_the_codec_learns(pack: Pack) -> None:
    trainer = codec_trainer(pack)
    figures = [trainer.step(0)]
    for _ in range(25):  # the same batch again and again, quantised from the second look on
        figures.append(trainer.step(4))
    assert figures[-1]["spectral"] < 0.9 * figures[1]["spectral"]
    assert all(torch.isfinite(p).all() for p in trainer.codec.parameters())


def test_the_context_learns_what_the_codes_tell_and_nothing_else_changes(pack: Pack) -> None:
    trainer = context_trainer(pack)
    encoder = [p.clone() for p in trainer.stage.codec.encoder.parameters()]
    figures = [trainer.step(29) for _ in range(40)]  # the same batch, at a third of the peak
    assert figures[-1]["spectral"] < 0.9 * figures[0]["spectral"]
    assert all(torch.equal(a, b) for a, b in zip(encoder, trainer.stage.codec.encoder.parameters(), strict=True))


def test_the_discriminators_have_a_say_after_the_warm_up(pack: Pack) -> None:
    trainer = decoder_trainer(pack)
    figures = [trainer.step(step) for step in range(6)]
    assert "fooled" not in figures[3]
    assert figures[4]["fooled"] > 0
    assert "judge" not in figures[5]  # every second step from now on
    assert figures[4]["judge"] < figures[2]["judge"]


def test_a_decoder_is_shown_no_clip_that_is_too_short(pack: Pack) -> None:
    def trainer(*frames: int) -> DecoderTrainer:
        write_codes([np.zeros((count, GROUPS), np.int64) for count in frames], pack.folder)
        return decoder_trainer(pack)

    some = trainer(3, 9, 2)
    assert some.chance.tolist() == [0, 1, 0]
    assert [len(row[2]) for row in some.batch(np.random.default_rng(0))] == [3 * 1920] * 2
    with pytest.raises(DataError, match=r"the longest has 3 frames, 4 are needed \(0.32 s\)"):
        trainer(3, 3, 2)


def test_a_spectral_patch_is_of_its_own_ten_milliseconds() -> None:
    patches, wave = SpectralPatches(24_000, 240, {1024: 20, 320: 10}), torch.zeros(1, 24_000)
    wave[0, 50 * 240 + 120] = 1  # a click in the middle of patch 50
    made = patches(wave)[0]
    assert made.shape == (30, 100)
    short = made[20:].exp().sum(0)
    assert short.argmax() == 50
    long = made[:20].exp().sum(0)
    assert torch.allclose(long[48:50], long[51:53].flip(0), rtol=1e-3)  # as far before as after


def test_spectral_loss_is_zero_for_the_same_and_grows_with_the_difference() -> None:
    loss, true = SpectralLoss(24_000), 0.1 * torch.randn(2, 4800, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(2, 4800, generator=torch.Generator().manual_seed(1))
    assert loss(true, true) == 0
    distances = [loss(true + level * noise, true).item() for level in (0.01, 0.03, 0.1)]
    assert distances == sorted(distances)
    assert distances[0] > 0


def test_learning_rate_rises_then_falls_to_its_floor() -> None:
    rates = [learning_rate(step, 100, 1.0, 10) for step in range(101)]
    assert rates[:10] == pytest.approx([0.1 * (i + 1) for i in range(10)])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == pytest.approx(0.1)
