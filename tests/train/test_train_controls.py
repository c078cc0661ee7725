"""What a decoder is to say of clips that are sung higher, louder or whispered; and that at first it hears all of its codes."""

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from codes import BOOKS, UNTOLD
from harmonics import BANDS, HARMONICS, NODES
from kokoro import TIMBRE
from make_codec import mean, sharpen
from score import Score, halves
from some_codebooks import some_codebooks
from sounded import changed, part, pitch_at_nodes, whole
from synthesiser import FIXED, Synthesiser, levels
from train_controls import LISTENING, ControlsTrainer, give_codebooks, telling, wake
from train_encoder import heard_late
from ways import Way

from qwen_tts.codec.decoder import Decoder
from qwen_tts.config import CodecConfig
from qwen_tts.train.phone_codes import phone_codes

CONFIG = Path(__file__).parents[2] / "recipes" / "tiny" / "config" / "codec.json"


def steady(pitch: float) -> tuple[Score, np.ndarray, np.ndarray]:
    """A vowel of one pitch with a spectrum that falls in a straight line."""
    units, nothing = 32, np.zeros(0, np.float32)
    curves = np.full(2 * units, pitch), np.zeros(2 * units)
    made = Score("a", "Ryan", "English", np.array([1]), np.array([32.0]), *curves, nothing, nothing)
    harmonics = np.tile(1 - pitch * np.arange(1, HARMONICS + 1) / 12_000, (made.frames * NODES, 1)) * 0.1
    return made, harmonics.astype(np.float32), np.full((made.frames * NODES, BANDS), 1e-3, np.float32)


def test_a_part_of_a_clip_is_what_the_clip_has_there() -> None:
    made, harmonics, noise = steady(120.0)
    made.ends, made.phones = np.array([4.0, 9, 11, made.units]), np.array([0, 3, 5, 7], np.uint8)
    harmonics *= np.linspace(0, 1, len(harmonics), dtype=np.float32)[:, None]
    found, voice, hiss = part(made, harmonics, noise, 5, 16)
    assert found.units == 16 and found.frames == 5 and len(voice) == len(hiss) == 5 * NODES
    assert found.phones.tolist() == [3, 5, 7] and found.ends.tolist() == [4, 6, 16]
    assert np.array_equal(voice, harmonics[25 : 25 + 5 * NODES])  # a unit is five nodes
    end = part(made, harmonics, noise, made.units - 3, 16)
    assert end[0].units == 3 and end[0].phones.tolist() == [7] and len(end[1]) == NODES


def test_an_encoder_hears_a_frame_late_and_silence_first() -> None:
    known = some_codebooks(np.random.default_rng(0))
    made, _, _ = steady(120.0)
    made = replace(made, phones=np.array([0, 5, 9], np.uint8), ends=np.array([6.0, 17, 32]), voice=np.zeros(TIMBRE))
    now, late = known.codes(made), heard_late(made, known)
    assert late.shape == now.shape
    assert np.array_equal(late[1:, [0, 2, 3]], now[:-1, [0, 2, 3]])  # code 1 also tells where in a turn the clip began
    assert late[0, 0] == phone_codes(halves(made)[:1], known.pairs)[0]
    assert (late[:, 7] == UNTOLD).all() and UNTOLD not in now[:, 7]


def test_sung_higher_the_envelope_stays() -> None:
    made, harmonics, noise = steady(120.0)
    higher, moved, same = changed(made, harmonics, noise, Way(pitch=1.25))
    assert np.allclose(higher.pitch, 150) and np.array_equal(noise, same)
    at = np.arange(1, 38)  # the line at the new harmonics, and as much power in each Hz as before
    assert np.allclose(moved[0, at - 1], 0.1 * (1 - 150 * at / 12_000) * 1.25**0.5, rtol=1e-3)
    before, after = (np.square(whole(pitch_at_nodes(m), h, noise))[5, 2:12] for m, h in ((made, harmonics), (higher, moved)))
    assert np.abs(10 * np.log10(after.sum() / before.sum())) < 1


def test_harmonics_beyond_those_of_vowels_count_less() -> None:
    low, high = telling(torch.tensor([100.0, 200.0]))
    assert torch.isclose(torch.stack((low, high)).mean(1), torch.ones(2)).all()
    assert (low[:40] == low[0]).all() and (high[:20] == high[0]).all() and high[0] > low[0] > 1
    assert torch.isclose(high[39] / high[0], torch.tensor(0.5**1.5))  # 8 kHz


def test_louder_is_louder_by_as_many_decibels() -> None:
    made, harmonics, noise = steady(120.0)
    louder, strong, hiss = changed(made, harmonics, noise, Way(loud=6.0))
    assert np.allclose(strong, harmonics * 10**0.3, rtol=1e-5) and np.allclose(hiss, noise * 10**0.3, rtol=1e-5)
    assert (louder.energy > made.energy).all()


def test_whispered_all_power_is_noise() -> None:
    made, harmonics, noise = steady(200.0)
    whispered, voice, hiss = changed(made, harmonics, noise, Way(whispered=True))
    assert not voice.any() and not whispered.pitch.any()
    power = np.square(harmonics[3]).sum() / 2 + np.square(noise[3]).sum()
    assert np.isclose(np.square(hiss[3]).sum(), power, rtol=1e-4)


def test_what_is_woken_is_heard_at_every_layer() -> None:
    torch.manual_seed(0)
    decoder = Decoder(CodecConfig.from_file(CONFIG).decoder_config)
    give_codebooks(decoder, some_codebooks(np.random.default_rng(0)))
    synthesiser = Synthesiser(decoder, np.full(HARMONICS, 0.1), np.full(BANDS, 0.05))
    codes = torch.from_numpy(np.random.default_rng(1).integers(0, 1000, (2, 20, BOOKS)))
    wake(decoder, synthesiser, codes)
    with torch.no_grad():
        heard = decoder.context(decoder.quantizer(codes))[:, FIXED:]
        other = decoder.context(decoder.quantizer(codes.flip(1)))[:, FIXED:].flip(2)
    assert 0.7 < heard.std() < 1.4
    assert (heard - other).square().mean() > 0.2 * heard.var()  # and depends on what is around a frame


def test_sharpened_a_harmonic_moves_away_from_its_neighbours_and_what_is_too_soft_is_raised() -> None:
    torch.manual_seed(0)
    decoder = Decoder(CodecConfig.from_file(CONFIG).decoder_config)
    conv, x = decoder.decoder[0].conv, torch.randn(1, decoder.decoder[0].conv.in_channels, 20)
    before = conv(x)
    sharpen(decoder)
    after, others = conv(x), torch.ones(before.shape[1], dtype=torch.bool)
    others[levels()] = False
    assert torch.equal(before[:, others], after[:, others])
    row, found = before[0, levels(), 7], after[0, levels(), 7]
    sixth = 4 * math.log(2) / math.log(5)  # dB
    for place, near, more, louder in ((0, slice(0, 3), 0.45, 0), (5, slice(3, 8), 0.5, sixth), (20, slice(18, 23), 0.8, 4)):
        moved = row[place] + more * (row[place] - row[near].mean())
        assert torch.isclose(found[place], moved * 10 ** (louder / 40), atol=1e-5), "a level's square is an amplitude"
    raised = found[HARMONICS:] / row[HARMONICS:]
    assert torch.allclose(raised[[0, 10, -1]], 10 ** (torch.tensor([2.0, 2.0, 3.5]) / 40))
    sharpen(decoder, undo=True)
    assert torch.allclose(conv(x), before, atol=1e-5)


def some_trainer(layers: int, seed: int) -> ControlsTrainer:
    made, *parts = steady(120.0)
    sounds = SimpleNamespace(scores=[replace(made, voice=np.zeros(TIMBRE))], parts=[parts], chance=np.ones(1))
    known = some_codebooks(np.random.default_rng(0))
    torch.manual_seed(seed)
    decoder = Decoder(replace(CodecConfig.from_file(CONFIG).decoder_config, num_hidden_layers=layers))
    give_codebooks(decoder, known)
    return ControlsTrainer(decoder, sounds, known, np.full(HARMONICS + BANDS, 0.1), 10)  # pyright: ignore[reportArgumentType]


def test_a_deeper_decoder_begins_where_a_shallower_one_ended() -> None:
    shallow, deep = some_trainer(1, 1), some_trainer(3, 3)
    codes = torch.from_numpy(np.random.default_rng(1).integers(0, 1000, (1, 9, BOOKS)))
    with torch.no_grad():
        wanted, other = shallow.said(codes)[0], deep.said(codes)[0]
        deep.begin_with({"average": shallow.average.values})
        assert torch.allclose(deep.said(codes)[0], wanted, atol=1e-4)
        assert not torch.allclose(other, wanted, atol=0.1)
        deep.decoder.load_state_dict(mean([shallow.decoder, deep.decoder]))
        assert torch.allclose(deep.said(codes)[0], wanted, atol=1e-4)


def test_a_decoder_that_was_taught_learns_from_a_new_hint_and_critic_later() -> None:
    trainer, other = some_trainer(1, 1), some_trainer(1, 2)
    assert trainer.trusted == 0
    trainer.begin_with(other.state_dict())  # with a hint and a critic that know their trade
    assert trainer.trusted == 0
    trainer.begin_with({"average": other.average.values})
    assert trainer.trusted == LISTENING
    codes = torch.from_numpy(np.random.default_rng(1).integers(0, 1000, (1, 9, BOOKS)))
    for trusted in (False, True):
        trainer.said(codes, trusted)[1].square().sum().backward()
        assert trainer.hint.weight.grad is not None and trainer.hint.weight.grad.any()
        assert any(p.grad is not None and p.grad.any() for p in trainer.learning.parameters()) == trusted


def test_code_7_is_heard_where_it_is_told() -> None:
    trainer = some_trainer(1, 1)
    codes = torch.from_numpy(np.random.default_rng(1).integers(0, 900, (1, 9, BOOKS)))
    other, untold = codes.clone(), codes.clone()
    other[0, 4, 7] = (codes[0, 4, 7] + 21) % 900  # another phone, another time
    untold[..., 7] = UNTOLD
    with torch.no_grad():
        said, changed, without = (trainer.said(each)[0] for each in (codes, other, untold))
    assert torch.equal(said[:, : 4 * NODES], changed[:, : 4 * NODES])
    assert not torch.allclose(said[:, 4 * NODES :], changed[:, 4 * NODES :], atol=1e-3)
    book = trainer.decoder.quantizer.rvq_rest.codebooks()[-1].vectors()
    assert not book[UNTOLD].any() and not torch.allclose(said, without, atol=1e-3)
