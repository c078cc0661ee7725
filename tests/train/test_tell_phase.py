"""A talker knows the phase of each frame from the codes of the one before, whatever else it was taught."""

from pathlib import Path

import numpy as np
import torch
from codes import SPEEDS
from synthesiser import SLOWEST
from synthesiser import UNITS as SIXTHS
from tell_phase import said, tell, waves

from qwen_tts.config import ModelConfig
from qwen_tts.talker.talker import Talker

CONFIG = Path(__file__).parents[2] / "recipes" / "tiny" / "config" / "config.json"


def test_phases_are_told_apart_and_nothing_else_is_told() -> None:
    products = waves(np.arange(SIXTHS)) @ waves(np.arange(SIXTHS)).T
    assert torch.allclose(products.diagonal(), torch.tensor(3.0))
    assert (products - 3 * torch.eye(SIXTHS)).max() < 1e-5
    now, then = said(1024)
    assert torch.allclose(now[2 * SPEEDS + 5], waves(np.array([2]))[0], atol=1e-5)
    assert torch.allclose(then[2 * SPEEDS + 5], waves(np.array([2 + 5 + SLOWEST]))[0], atol=1e-5)
    assert not now[SIXTHS * SPEEDS :].any() and not then[SIXTHS * SPEEDS :].any()


def phases_right(talker: Talker) -> float:
    """The share of frames, random ones but for their phases, whose phase it finds likeliest."""
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 1000, (300, talker.config.num_code_groups))
    speed = rng.integers(0, SPEEDS, len(frames))
    done = np.cumsum(np.concatenate(([0], speed[:-1] + SLOWEST))) % SIXTHS
    frames[:, 1] = done * SPEEDS + speed
    codes = torch.from_numpy(frames)
    with torch.no_grad():
        hidden = talker(talker.embed_codes(codes)[None])[0, :-1]
        scores = talker.code_logits(hidden, codes[1:])[:, 0, : SIXTHS * SPEEDS]
    return float((scores.softmax(-1).unflatten(1, (SIXTHS, SPEEDS)).sum(-1).argmax(1).numpy() == done[1:]).mean())


def test_an_untaught_talker_knows_the_next_phase_once_it_is_told() -> None:
    torch.manual_seed(0)
    talker = Talker(ModelConfig.from_file(CONFIG).talker_config).eval()
    assert phases_right(talker) < 0.3
    weights = talker.state_dict()
    tell(weights)
    talker.load_state_dict(weights)
    assert phases_right(talker) > 0.9
