"""The official calls that clone: whose voice is spoken with, and how it is told."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from short_waves import FRAME, RATE, SHORT, VOICE, same

from qwen_tts import Qwen3TTSModel
from qwen_tts.checkpoint import LoadedModel
from qwen_tts.engine.eager import EagerEngine
from qwen_tts.errors import OptionError
from qwen_tts.talker.talker import Talker

pytestmark = pytest.mark.filterwarnings("ignore:the speech of text")
BY_VECTOR = {"ref_code": None, "ref_spk_embedding": [torch.zeros(32)], "x_vector_only_mode": True}


@pytest.fixture(scope="module")
def base(loaded: Callable[[str], LoadedModel]) -> Qwen3TTSModel:
    return Qwen3TTSModel(loaded("base"))


def test_a_voice_made_once_equals_one_made_in_the_call(base: Qwen3TTSModel) -> None:
    texts = ["the house", "the mouse"]
    now = base.generate_voice_clone(texts, "english", ref_audio=VOICE, ref_text="a mouse", **SHORT)
    items = base.create_voice_clone_prompt(VOICE, "a mouse")
    assert same(now, base.generate_voice_clone(texts, "english", voice_clone_prompt=items, **SHORT))
    assert same(now, base.generate_voice_clone(texts, "english", voice_clone_prompt=items * 2, **SHORT))
    assert same(now, base.generate_voice_clone(texts, "english", voice_clone_prompt=items[0], **SHORT))
    columns = {name: [getattr(items[0], name)] for name in items[0].__dataclass_fields__}
    assert same(now, base.generate_voice_clone(texts, "english", voice_clone_prompt=columns, **SHORT))


def test_each_text_its_own_voice_and_way(base: Qwen3TTSModel) -> None:
    other = (VOICE[0][::-1].copy() * 0.5, RATE)
    waves, _ = base.generate_voice_clone(
        ["the house", "the mouse"],
        ref_audio=[VOICE, other],
        ref_text=["a mouse", None],
        x_vector_only_mode=[False, True],
        **SHORT,
    )
    first = base.generate_voice_clone("the house", ref_audio=VOICE, ref_text="a mouse", **SHORT)
    second = base.generate_voice_clone("the mouse", ref_audio=other, x_vector_only_mode=True, seed=2, max_new_tokens=12)
    assert same((waves, RATE), (first[0] + second[0], RATE))


def test_the_voice_and_the_layout_are_heard(base: Qwen3TTSModel) -> None:
    def speak(**changes: Any) -> tuple[list[np.ndarray], int]:
        return base.generate_voice_clone(**({"text": "the house", "ref_audio": VOICE, "ref_text": "a mouse"} | SHORT | changes))

    plain = speak()
    for changes in (
        {"ref_text": "a house"},
        {"x_vector_only_mode": True},
        {"non_streaming_mode": True},
        {"language": "english"},
    ):
        assert not same(plain, speak(**changes)), changes


def test_the_speech_goes_on_from_the_reference(base: Qwen3TTSModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """The official way: decode reference and speech together, then cut the reference off."""
    seen = []
    embed_codes = Talker.embed_codes

    def spy(self: Talker, codes: torch.Tensor) -> torch.Tensor:
        seen.append(codes)
        return embed_codes(self, codes)

    (item,) = base.create_voice_clone_prompt(VOICE, "a mouse")
    assert item.ref_code is not None
    monkeypatch.setattr(Talker, "embed_codes", spy)
    model = Qwen3TTSModel(base.loaded, engine=EagerEngine(base.loaded.talker))  # which embeds where the spy sees it
    waves, _ = model.generate_voice_clone("the house", voice_clone_prompt=item, **SHORT)
    reference, *frames = seen
    assert torch.equal(reference[0], item.ref_code)
    whole = base.loaded.codec.decode(torch.cat((reference, *frames[: len(waves[0]) // FRAME]), dim=1))[0]
    np.testing.assert_allclose(waves[0], whole[len(item.ref_code) * FRAME :].numpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "give the voice once"),
        ({"ref_text": "a mouse"}, "give the voice once"),
        ({"ref_audio": VOICE, "voice_clone_prompt": []}, "give the voice once"),
        ({"voice_clone_prompt": [1]}, "names or paths of voices, not int"),
        ({"voice_clone_prompt": []}, "text has 1 item, voice_clone_prompt has 0"),
        ({"voice_clone_prompt": BY_VECTOR | {"icl_mode": [False]}}, "a list for each key, x_vector_only_mode is True"),
        ({"ref_audio": VOICE, "x_vector_only_mode": "yes"}, "x_vector_only_mode must be True or False"),
        ({"ref_audio": [VOICE, VOICE], "x_vector_only_mode": True}, "text has 1 item, ref_audio has 2"),
        ({"ref_audio": VOICE, "ref_text": ["a", "b"]}, "ref_audio has 1 item, ref_text has 2"),
    ],
)
def test_clones_that_are_not_told_their_voice(base: Qwen3TTSModel, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        base.generate_voice_clone("the house", **arguments)


def test_a_voice_keeps_its_mode(base: Qwen3TTSModel) -> None:
    """What a call says of the mode beside a voice that has one may agree with it."""
    in_context, alone = base.create_voice_clone_prompt([VOICE, VOICE], ["a mouse", None], [False, True])
    said = base.generate_voice_clone("the house", voice_clone_prompt=alone, x_vector_only_mode=True, **SHORT)
    assert same(said, base.generate_voice_clone("the house", voice_clone_prompt=alone, **SHORT))
    with pytest.raises(OptionError, match="speaks in context"):
        base.generate_voice_clone("the house", voice_clone_prompt=in_context, x_vector_only_mode=True, **SHORT)
