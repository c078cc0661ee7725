"""Frames are made while earlier ones are decoded: sooner done, and the same sound."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from qwen_tts.checkpoint import LoadedModel
from qwen_tts.cores import TAKEN
from qwen_tts.engine.eager import EagerEngine
from qwen_tts.stream import stream
from tests.test_stream import Counted, batch, waves

pytestmark = pytest.mark.usefixtures("two_threads")


class Sharing(Counted):
    """Says that it leaves cores to others."""

    threads = 2


@pytest.fixture(scope="module")
def model(loaded: Callable[[str], LoadedModel]) -> LoadedModel:
    return loaded("custom_voice")


def workers() -> int:
    return sum(thread.name.startswith("qwen_tts-beside") for thread in threading.enumerate())


@pytest.fixture
def slow_codec(model: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """In its worker, the decoder waits for this event."""
    go, forward = threading.Event(), model.codec.decoder.forward

    def waiting(*args: Any) -> Tensor:
        if threading.current_thread().name.startswith("qwen_tts-beside"):
            assert go.wait(10) and TAKEN.value == 1 and torch.get_num_threads() == 1
        return forward(*args)

    monkeypatch.setattr(model.codec.decoder, "forward", waiting)
    return go


def test_it_sounds_as_without(model: LoadedModel) -> None:
    texts = ["the house", "a", "the mouse of the house, and so on and on"]
    together = batch(model, texts, seed=1, max_new_tokens=80)
    usual = list(stream(EagerEngine(model.talker), model.codec, together))
    beside = list(stream(Sharing(model.talker), model.codec, together))
    for wave, expected in zip(waves(iter(beside)), waves(iter(usual)), strict=True):
        np.testing.assert_allclose(wave, expected, atol=1e-5)
    assert [(c.row, c.first_frame, c.frames, c.finish_reason) for c in beside] == [
        (c.row, c.first_frame, c.frames, c.finish_reason) for c in usual
    ]
    assert workers() == 0 and TAKEN.value == 0 and torch.get_num_threads() == 2


def test_frames_are_made_while_others_are_decoded(model: LoadedModel, slow_codec: threading.Event) -> None:
    engine = Sharing(model.talker)
    chunks = stream(engine, model.codec, batch(model, ["the house"]))
    assert next(chunks).frames == 1 and engine.steps == 1 and workers() == 0  # nothing is made before the first is heard
    step = engine.step

    def fifth(*args: Any) -> Tensor:
        if engine.steps == 4:
            slow_codec.set()  # while a later chunk is made
        return step(*args)

    engine.step = fifth  # type: ignore[method-assign]
    assert next(chunks).frames == 2 and engine.steps >= 5 and workers() == 1
    chunks.close()
    assert workers() == 0


def test_the_last_chunk_is_decoded_with_all_cores(model: LoadedModel, slow_codec: threading.Event) -> None:
    """Nothing is left to be made beside it, so nothing waits for a worker."""
    one = batch(model, ["the house"], max_new_tokens=5, max_silence=None)
    assert [chunk.frames for chunk in stream(Sharing(model.talker), model.codec, one, [1, 3])] == [1, 3]
    assert not slow_codec.is_set()


def test_an_error_of_the_worker_is_the_callers(model: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    chunks = stream(Sharing(model.talker), model.codec, batch(model, ["the house"]))
    next(chunks)
    monkeypatch.setattr(model.codec.decoder, "forward", None)
    with pytest.raises(TypeError):
        list(chunks)
    assert workers() == 0 and TAKEN.value == 0


def test_another_thread_may_close_while_the_worker_decodes(model: LoadedModel, slow_codec: threading.Event) -> None:
    engine = Sharing(model.talker)
    chunks = stream(engine, model.codec, batch(model, ["the house"]))
    next(chunks)
    step = engine.step

    def closed(*args: Any) -> Tensor:
        if engine.steps == 4:
            chunks.close()
            slow_codec.set()
        return step(*args)

    engine.step = closed  # type: ignore[method-assign]
    assert list(chunks) == [] and engine.steps == 5 and workers() == 0
