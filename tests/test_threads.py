"""One model, many callers at once: each hears what it would hear alone, and the model stays as it was."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from qwen_tts import Qwen3TTSModel

pytestmark = pytest.mark.filterwarnings("ignore:the speech of text")
VOICE = (0.1 * np.random.default_rng(0).standard_normal(12_000)).astype(np.float32), 24_000


def contents(module: nn.Module) -> dict[str, Any]:
    """Every attribute of every part, tensors by identity and version."""
    found = {}
    for path, part in module.named_modules():
        for name, value in vars(part).items():
            if name == "_parameters" or name == "_buffers":
                for key, tensor in value.items():
                    found[f"{path}.{key}"] = None if tensor is None else (id(tensor), tensor._version, float(tensor.sum()))
            elif name != "_modules":
                found[f"{path}.{name}"] = repr(value)
    return found


def test_threads_hear_what_they_would_hear_alone(loaded: Callable[[str], Any]) -> None:
    model = Qwen3TTSModel(loaded("base"))
    voice = model.create_voice_clone_prompt(VOICE, "a mouse")
    texts = ["the house", "a", "the mouse", "of the house"]

    def speak(number: int) -> list[np.ndarray]:
        if number % 3 == 2:
            return [np.asarray(item.ref_spk_embedding) for item in model.create_voice_clone_prompt(VOICE, "a mouse")]
        several = texts[number % 4 :][: 1 + number % 2]
        waves, _ = model.generate_voice_clone(several, voice_clone_prompt=voice, seed=number, max_new_tokens=20)
        return waves

    parts = [part for part in (model.loaded.talker, model.loaded.codec, model.loaded.speaker_encoder) if part is not None]
    before = [contents(part) for part in parts]
    alone = [speak(number) for number in range(9)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(speak, range(9)))
    for one, other in zip(alone, together, strict=True):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    assert [contents(part) for part in parts] == before
    assert not torch.is_inference_mode_enabled() and torch.is_grad_enabled()


def test_a_stream_may_pass_from_thread_to_thread(loaded: Callable[[str], Any]) -> None:
    model = Qwen3TTSModel(loaded("custom_voice"))
    expected = list(model.stream_custom_voice("the house", "ryan", seed=1, max_new_tokens=20))
    chunks, made = model.stream_custom_voice("the house", "ryan", seed=1, max_new_tokens=20), []
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        for turn in range(len(expected)):
            made.append((one if turn % 2 else other).submit(next, chunks).result())
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(made, expected, strict=True))
