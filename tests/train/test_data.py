"""Packs give back what went in, tidied."""

from dataclasses import replace

import numpy as np
import pytest
from miniature import GROUPS, codec_config

from qwen_tts.codec.codec import Codec
from qwen_tts.config import CodecConfig
from qwen_tts.errors import DataError
from qwen_tts.train.codec import CodecOptions, CodecTrainer, PhoneticTargets
from qwen_tts.train.coding import heard
from qwen_tts.train.data import LEAD, LOUDNESS, TAIL, Codes, Pack, tidy
from qwen_tts.train.decoder import DecoderOptions, DecoderTrainer

RATE = 24_000


def test_tidy_cuts_silence_and_sets_the_loudness() -> None:
    tone = 0.3 * np.sin(np.arange(RATE) * 0.1).astype(np.float32)
    wave = np.concatenate((np.zeros(RATE // 2, np.float32), tone, np.zeros(RATE, np.float32)))
    tidied = tidy(wave, RATE)
    assert abs(len(tidied) - (1 + LEAD + TAIL) * RATE) <= 2 * RATE // 100
    assert abs(np.sqrt((tidied**2).sum() / RATE) - LOUDNESS) < 0.1 * LOUDNESS


def test_tidy_never_clips() -> None:
    wave = np.zeros(RATE, np.float32)
    wave[1000:20000:1000] = 1.0
    assert np.abs(tidy(wave, RATE)).max() <= 0.991


def test_tidy_of_silence_is_empty() -> None:
    assert len(tidy(np.zeros(RATE, np.float32), RATE)) == 0
    assert len(tidy(np.zeros(0, np.float32), RATE)) == 0


def test_a_pack_gives_slices_padded_with_zeros(pack: Pack) -> None:
    clip = pack.clips[1]
    whole = pack.wave(clip)
    assert len(whole) == clip.samples
    assert np.array_equal(pack.wave(clip, 100, 50), whole[100:150])
    tail = pack.wave(clip, clip.samples - 10, 30)
    assert np.array_equal(tail, np.concatenate((whole[-10:], np.zeros(20, np.float32))))


def test_a_pack_knows_its_rate(pack: Pack) -> None:
    config = codec_config() | {"input_sample_rate": 16_000, "output_sample_rate": 16_000}
    config["encoder_config"]["num_quantizers"] = GROUPS
    codec, codes = Codec(CodecConfig.from_dict(config)), [Codes(pack.folder)]
    for refused in (
        lambda: heard(codec, pack),
        lambda: CodecTrainer(codec, pack, None, CodecOptions(steps=1)),
        lambda: DecoderTrainer(codec, pack, codes, DecoderOptions(steps=1)),
    ):
        with pytest.raises(DataError, match="pack has samples at 24000 Hz, 16000 are needed"):
            refused()
    (pack.folder / "audio.json").unlink()  # packed before rates were kept
    pack.check_rate(16_000)


def test_speakers_are_drawn_by_the_root_of_their_share_and_some_clips_as_often_as_is_asked(pack: Pack) -> None:
    speakers = [clip.speaker for clip in pack.clips]
    pack.clips = [replace(clip, speaker="often" if n else "rare", samples=24_000) for n, clip in enumerate(pack.clips)]
    others = len(speakers) - 1
    assert others > 1
    chance = pack.chance()
    assert np.isclose(chance.sum(), 1) and np.allclose(chance[1:], chance[1])
    assert np.isclose(chance[1:].sum() / chance[0], others**0.5)
    some = np.arange(len(speakers)) < 2
    told = pack.chance(some, 0.9)
    assert np.isclose(told.sum(), 1) and np.isclose(told[some].sum(), 0.9)
    assert np.isclose(told[0] / told[1], chance[0] / chance[1])
    for all_or_none in (np.ones_like(some), np.zeros_like(some)):  # there is nothing to share
        assert np.array_equal(pack.chance(all_or_none, 0.9), chance)
    assert np.array_equal(pack.chance(some), chance)
    alone = pack.chance(names={"somebody else"})
    assert np.allclose(alone, alone[0]), "whoever is not named counts as one"


def test_codes_and_targets_belong_to_their_clips(pack: Pack) -> None:
    codes, targets = Codes(pack.folder), PhoneticTargets(pack.folder)
    for i, clip in enumerate(pack.clips):
        frames = -(-clip.samples // 1920)
        assert codes.get(i).shape == (frames, GROUPS)
        rows = targets.get(i, frames - 2, 4)
        assert np.isnan(rows[:, 0]).tolist() == [False, False, True, True]
