"""A predictor that says any voice that the talker's state tells, and what it knew before."""

from pathlib import Path

import numpy as np
import pytest
import tell_voices
import torch
from codes import TIMBRES, Codebooks
from make_pack import scale
from tell_voices import VOICE, States, Voices, learn
from torch.nn.functional import cross_entropy, kl_div

from qwen_tts.config import ModelConfig
from qwen_tts.talker.talker import Talker
from qwen_tts.train.alike import Alike

RECIPE = Path(__file__).parents[2] / "recipes" / "tiny"
KNOWN = Codebooks.from_file(RECIPE / "books" / "codebooks.npz")
QUIET = 0.3


def some_voices(count: int) -> tuple[Voices, torch.Tensor]:
    """Of states that tell a voice as a linear map does, and that map."""
    torch.manual_seed(0)
    vectors = np.random.default_rng(0).normal(size=(count, 256)).astype(np.float32) * 0.5
    told = torch.randn(TIMBRES, 256) * QUIET
    states = torch.from_numpy(vectors[:, :TIMBRES]) @ told + 1
    return Voices(States(states, torch.randint(1000, (count, 8))), vectors, KNOWN), told


def test_made_up_voices_have_their_codes_and_the_states_that_tell_them() -> None:
    voices, told = some_voices(300)
    states, frames, made = voices.some(50, np.random.default_rng(1))
    assert torch.allclose(states, made @ told + 1, atol=1e-3)
    assert not any((made - voice).square().sum(1).min() < 1e-6 for voice in voices.voices[:20]), "they are new"
    timbres = made.numpy() * scale(KNOWN) @ np.linalg.pinv(KNOWN.basis) + KNOWN.mean
    assert frames[:, VOICE].tolist() == [KNOWN.voice(timbre) for timbre in timbres]
    assert set(map(tuple, frames[:, :4].tolist())) <= set(map(tuple, voices.states.frames[:, :4].tolist()))
    left = voices.left(made, frames[:, VOICE])
    for before, book, code in zip(left, KNOWN.voices, frames[:, VOICE].T, strict=True):
        off = np.square((before * voices.scale).numpy()[:, None] - book).sum(-1)
        assert np.allclose(off[np.arange(len(made)), code], off.min(1), rtol=1e-3), "each is the nearest to what is left"
    assert torch.equal(left[0], made)
    assert [float(each.square().mean()) for each in left] == sorted(
        (float(each.square().mean()) for each in left), reverse=True
    )


def test_only_the_predictor_learns_and_it_keeps_what_it_knew(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, count in (("VOICES", 64), ("FRAMES", 32)):
        monkeypatch.setattr(tell_voices, name, count)
    voices, _ = some_voices(200)
    talker = Talker(ModelConfig.from_file(RECIPE / "config" / "config.json").talker_config)
    vectors = [torch.zeros(1024, 1)] * VOICE.start + [torch.from_numpy(book).float() for book in KNOWN.voices]
    alike = Alike(talker, [*vectors, torch.zeros(1024, 1)])
    old = States(torch.randn(32, 256), torch.randint(1000, (32, 8)))
    before = {name: tensor.clone() for name, tensor in talker.state_dict().items()}

    @torch.no_grad()
    def says() -> torch.Tensor:
        return talker.code_logits(old.states, old.frames).log_softmax(-1)

    @torch.no_grad()
    def cost() -> float:
        states, frames, _ = voices.some(100, np.random.default_rng(9))
        return float(cross_entropy(talker.code_logits(states, frames)[:, 3:6].flatten(0, 1), frames[:, VOICE].flatten()))

    knew, first = says(), cost()
    talker.model.requires_grad_(False)
    learn(talker, voices, [(old, 32)], alike, 60)
    assert cost() < first - 1
    assert kl_div(says(), knew, reduction="none", log_target=True).sum(-1).mean() < 0.1, "elsewhere it says what it said"
    changed = {name for name, tensor in talker.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed and all(name.startswith("code_predictor.") for name in changed)
