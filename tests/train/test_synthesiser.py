"""The synthesiser that is set as weights of the decoder, against sums of cosines and the power of noise."""

from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from codes import BOOKS, ROUGH, SPEEDS
from harmonics import BANDS, FRAME, HARMONICS, HOP, KEPT, NODES, RATE, triangles
from some_codebooks import some_codebooks
from synthesiser import BENDS, BENT, FASTEST, RANGE, SLOWEST, SPREAD, UNITS, Synthesiser, levels, strength
from train_controls import give_codebooks

from qwen_tts.codec.decoder import Decoder
from qwen_tts.codec.packed import PackedDecoder
from qwen_tts.config import CodecConfig
from qwen_tts.nn.packed import missing

CONFIG = Path(__file__).parents[2] / "recipes" / "tiny" / "config" / "codec.json"
FRAMES, STEP = 12, HOP * KEPT


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    torch.manual_seed(0)
    made = Decoder(CodecConfig.from_file(CONFIG).decoder_config).eval().requires_grad_(False)
    give_codebooks(made, some_codebooks(np.random.default_rng(0)))
    Synthesiser(made, np.linspace(0.2, 0.02, HARMONICS), np.full(BANDS, 0.05)).pin()
    return made


def melody(rng: np.random.Generator) -> tuple[torch.Tensor, np.ndarray]:
    """Codes [1, T, Q] of a pitch that moves, all else at random, and what its phase is then, in cycles [T * FRAME]."""
    speed = np.clip(np.cumsum(np.r_[90, rng.integers(-9, 10, FRAMES - 1)]), SLOWEST, FASTEST)
    bend = rng.integers(BENDS[0], BENDS[-1] + 1, FRAMES)
    done = np.concatenate(([0], np.cumsum(speed[:-1]))) + np.cumsum(bend)
    codes = rng.integers(0, 1000, (1, FRAMES, BOOKS))
    codes[0, :, 1] = done % UNITS * SPEEDS + speed - SLOWEST
    codes[0, :, 2] = (bend - BENDS[0]) * ROUGH + rng.integers(0, ROUGH, FRAMES)
    before, x = np.concatenate(([0], speed[:-1])), (np.arange(FRAME) + 1) / FRAME
    begin = np.concatenate(([0], (done + speed / 2)[:-1]))
    line = begin[:, None] + before[:, None] * x + (speed - before)[:, None] * x**2 / 2
    bump = np.where(x < 0.5, 2 * x**2, 1 - 2 * (1 - x) ** 2)  # of a pitch that rises to the middle and falls again, of area 1
    return torch.from_numpy(codes), ((line + bend[:, None] * bump) / UNITS).ravel()


def speak(decoder: Decoder, codes: torch.Tensor, said: np.ndarray) -> np.ndarray:
    """The wave with these levels [T * NODES, HARMONICS + BANDS] in place of what a decoder learns to say."""
    first, *blocks, snake, last = decoder.decoder
    x = first(decoder.upsampled(decoder.context(decoder.quantizer(codes))))
    x[0, levels()] = torch.from_numpy(said.astype(np.float32)).T
    for block in blocks:
        x = block(x, None)
    return last(snake(x))[0, 0].numpy()  # type: ignore[operator]


def faded(rows: np.ndarray) -> np.ndarray:
    """Values at the end of each node, as they are at each sample."""
    x = (np.arange(STEP) + 1) / STEP
    before = np.concatenate((np.zeros((1, rows.shape[1])), rows[:-1]))
    return (before[:, None] * (1 - x[:, None]) + rows[:, None] * x[:, None]).reshape(-1, rows.shape[1])


def test_harmonics_are_cosines_of_the_phase_that_the_codes_tell(decoder: Decoder) -> None:
    rng = np.random.default_rng(1)
    codes, phase = melody(rng)
    said = np.zeros((FRAMES * NODES, HARMONICS + BANDS))
    said[:, :HARMONICS] = rng.uniform(0, 0.9 * RANGE, said[:, :HARMONICS].shape)
    number = np.arange(1, HARMONICS + 1)
    strongest = np.linspace(0.2, 0.02, HARMONICS) / 0.9
    bent = np.sin(np.pi / 2 * said[:, :HARMONICS] / RANGE) ** 2 + said[:, :HARMONICS] / RANGE / BENT
    expected = (
        strongest * np.sin(np.pi / 2 * faded(bent)) * np.cos(2 * np.pi * np.outer(phase, number) + SPREAD * number**2)
    ).sum(1)
    heard = speak(decoder, codes, said)
    assert 10 * np.log10(np.square(expected).sum() / np.square(heard - expected).sum()) > 50


@pytest.mark.parametrize("band", [2, 12, 20])
def test_noise_has_the_power_that_is_said_in_its_band(decoder: Decoder, band: int) -> None:
    codes, _ = melody(np.random.default_rng(2))
    said = np.zeros((FRAMES * NODES, HARMONICS + BANDS))
    said[:, HARMONICS + band] = 0.56 * RANGE
    share = float(strength(torch.tensor(0.56 * RANGE)))
    heard = speak(decoder, codes, said)[FRAME:]
    assert abs(10 * np.log10(np.square(heard).mean() / (share * 0.05 / 0.9) ** 2)) < 1.5
    power = np.abs(np.fft.rfft(heard)) ** 2
    inside = triangles(BANDS, np.fft.rfftfreq(len(heard), 1 / RATE))[max(0, band - 1) : band + 2].sum(0) > 0
    assert power[inside].sum() > 0.8 * power.sum()
    for lag in (STEP // 2, 2 * STEP, FRAME):  # it does not repeat itself
        assert abs(np.corrcoef(heard[lag:], heard[:-lag])[0, 1]) < 0.35


def test_silence_is_silent(decoder: Decoder) -> None:
    codes, _ = melody(np.random.default_rng(3))
    said = np.zeros((FRAMES * NODES, HARMONICS + BANDS))
    assert np.abs(speak(decoder, codes, said)).max() < 1e-3


@pytest.mark.skipif(missing() is not None, reason="this PyTorch packs nothing")
def test_packed_and_in_pieces_it_is_the_same(decoder: Decoder) -> None:
    codes, _ = melody(np.random.default_rng(4))
    loud = deepcopy(decoder)
    loud.decoder[0].conv.bias[levels()] = RANGE / 2  # type: ignore[union-attr, index]
    whole = loud(codes)[0]
    assert whole.abs().max() > 0.1
    packed = PackedDecoder(loud, torch.float32)
    state = packed.init_state(1)
    pieces = torch.cat([packed(part, state) for part in codes.split([1, 4, 2, 5], 1)], -1)[0]
    assert (whole - pieces).abs().max() < 2e-3 * whole.abs().max()
