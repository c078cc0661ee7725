"""Whatever the chunking, the batch, or who else is speaking: an utterance sounds the same."""

import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from qwen_tts.arguments import GenerationKeywords, utterances
from qwen_tts.checkpoint import LoadedModel
from qwen_tts.chunks import AudioChunk
from qwen_tts.codec.decoder import Decoder
from qwen_tts.engine import EngineState, eager
from qwen_tts.engine.eager import EagerEngine
from qwen_tts.errors import OptionError, TextError
from qwen_tts.stream import RAMP, Utterance, stream
from qwen_tts.talker.frames import generate_frames

FRAME, RATE = 1920, 24_000


class Counted(EagerEngine):
    """Counts its steps."""

    steps = 0

    def step(self, state: EngineState, uniforms: Tensor) -> Tensor:
        self.steps += 1
        return super().step(state, uniforms)


@pytest.fixture(scope="module")
def model(loaded: Callable[[str], LoadedModel]) -> LoadedModel:
    return loaded("custom_voice")


@pytest.fixture(scope="module")
def engine(model: LoadedModel) -> EagerEngine:
    return EagerEngine(model.talker)


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> None:
    """The talker never says that it is done."""
    monkeypatch.setattr(eager, "MIN_FRAMES", 10**6)


def batch(model: LoadedModel, texts: list[str], seed: int = 0, **keywords: Any) -> list[Utterance]:
    layouts = [{"speaker": "ryan"} for _ in texts]
    options: GenerationKeywords = {"seed": seed, "max_new_tokens": 25} | keywords  # type: ignore[assignment]
    return utterances(model, texts, None, layouts, True, options)


def waves(chunks: Iterator[AudioChunk]) -> list[np.ndarray]:
    """Whole waves, after a look at what chunks promise."""
    rows: dict[int, list[AudioChunk]] = {}
    for chunk in chunks:
        rows.setdefault(chunk.row, []).append(chunk)
    for parts in rows.values():
        assert [part.finish_reason is None for part in parts] == [True] * (len(parts) - 1) + [False]
        assert [part.first_frame for part in parts] == [sum(p.frames for p in parts[:i]) for i in range(len(parts))]
        for part in parts:
            assert part.rate == RATE and part.samples.dtype == np.float32 and len(part.samples) == part.frames * FRAME
    return [np.concatenate([part.samples for part in rows[row]]) for row in sorted(rows)]


def codes_of(engine: EagerEngine, utterance: Utterance) -> Tensor:
    frames = generate_frames(engine, [utterance.prompt], utterance.options, [utterance.seed])
    return torch.stack([codes[0] for codes, _ in frames])[None]  # [1, T, Q]


def test_the_stream_is_the_decoded_frames(model: LoadedModel, engine: EagerEngine) -> None:
    one = batch(model, ["the house"])
    codes = codes_of(engine, one[0])
    assert codes.shape[1] > 8
    (wave,) = waves(stream(engine, model.codec, one))
    assert wave.std() > 0.01
    np.testing.assert_allclose(wave, model.codec.decode(codes)[0].numpy(), atol=1e-5)


@settings(max_examples=10, deadline=None)
@given(schedule=st.lists(st.integers(1, 12), min_size=1, max_size=5), seed=st.integers(0, 5))
def test_any_chunking_gives_the_same_samples(model: LoadedModel, engine: EagerEngine, schedule: list[int], seed: int) -> None:
    one = batch(model, ["the mouse"], seed)
    (whole,) = waves(stream(engine, model.codec, one, [100]))
    (pieces,) = waves(stream(engine, model.codec, one, schedule))
    assert len(pieces) == len(whole)
    np.testing.assert_allclose(pieces, whole, atol=1e-5)


def test_chunks_grow_as_scheduled_and_the_last_may_be_short(model: LoadedModel, engine: EagerEngine) -> None:
    one = batch(model, ["the house"], max_new_tokens=15, max_silence=None)
    sizes = [chunk.frames for chunk in stream(engine, model.codec, one)]
    total = codes_of(engine, one[0]).shape[1]
    expected = []
    for size in (*RAMP, 8, 8):
        expected.append(min(size, total - sum(expected)))
    assert [size for size in sizes if size] == [size for size in expected if size]


def test_the_first_chunk_comes_after_one_frame_and_nothing_is_made_ahead(model: LoadedModel) -> None:
    engine = Counted(model.talker)
    chunks = stream(engine, model.codec, batch(model, ["the house"]))
    assert engine.steps == 0
    assert next(chunks).frames == 1
    assert engine.steps == 1
    next(chunks)
    assert engine.steps == 3


def watched(engine: EagerEngine, monkeypatch: pytest.MonkeyPatch) -> list[weakref.ref[Tensor]]:
    """Will hold references to the tensors of every state that is made from now on."""
    seen: list[weakref.ref[Tensor]] = []

    def watch(make: Callable[..., Any]) -> Callable[..., Any]:
        def made(*args: Any, **kwargs: Any) -> Any:
            state = make(*args, **kwargs)
            tensors = [state.cache.keys, state.cache.values, *getattr(state, "convs", []), getattr(state, "text", None)]
            seen.extend(weakref.ref(tensor) for tensor in tensors if tensor is not None)
            return state

        return made

    monkeypatch.setattr(engine, "init_state", watch(engine.init_state))
    monkeypatch.setattr(Decoder, "init_state", watch(Decoder.init_state))
    return seen


def test_closing_stops_the_work_and_frees_it(model: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Counted(model.talker)
    seen = watched(engine, monkeypatch)
    chunks = stream(engine, model.codec, batch(model, ["the house"]))
    next(chunks)
    assert len(seen) > 5 and all(tensor() is not None for tensor in seen)
    chunks.close()
    assert [tensor() for tensor in seen if tensor() is not None] == []
    assert list(chunks) == [] and engine.steps == 1
    chunks.close()


def test_leaving_a_with_statement_closes(model: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Counted(model.talker)
    seen = watched(engine, monkeypatch)
    with stream(engine, model.codec, batch(model, ["the house"])) as chunks:
        next(chunks)
    assert [tensor() for tensor in seen if tensor() is not None] == [] and engine.steps == 1


def test_another_thread_may_close(model: LoadedModel, monkeypatch: pytest.MonkeyPatch, endless: None) -> None:
    """The frame that is being made is the last; the thread that made it frees the memory."""

    class Slow(Counted):
        def step(self, state: EngineState, uniforms: Tensor) -> Tensor:
            codes = super().step(state, uniforms)
            if self.steps == 3:
                chunks.close()  # while the chunk of frames 1 and 2 is made
            return codes

    engine = Slow(model.talker)
    seen = watched(engine, monkeypatch)
    chunks = stream(engine, model.codec, batch(model, ["the house"]), [1, 5])
    assert [chunk.frames for chunk in chunks] == [1]
    assert engine.steps == 3 and [tensor() for tensor in seen if tensor() is not None] == []


def test_a_batch_speaks_as_each_alone(model: LoadedModel, engine: EagerEngine) -> None:
    texts = ["the house", "a", "the mouse of the house, and so on and on"]
    together = batch(model, texts, seed=1, max_new_tokens=80)
    spoken = waves(stream(engine, model.codec, together))
    assert len({len(wave) for wave in spoken}) == 3, "choose seeds that end at different times"
    for utterance, wave in zip(together, spoken, strict=True):
        (alone,) = waves(stream(engine, model.codec, [utterance]))
        assert len(alone) == len(wave)
        np.testing.assert_allclose(alone, wave, atol=1e-5)


def test_interleaved_streams_do_not_hear_each_other(model: LoadedModel, engine: EagerEngine) -> None:
    first, second = batch(model, ["the house"], 1), batch(model, ["mouse", "and the louse"], 5)
    alone = [waves(stream(engine, model.codec, one)) for one in (first, second)]
    streams = [stream(engine, model.codec, one) for one in (first, second)]
    heard: list[list[AudioChunk]] = [[], []]
    for turn in range(1000):
        which = turn * 7 % 3 % 2  # uneven turns
        heard[which] += islice(streams[which], 1)
    for chunks, expected in zip(heard, alone, strict=True):
        for wave, reference in zip(waves(iter(chunks)), expected, strict=True):
            np.testing.assert_array_equal(wave, reference)


def test_a_reference_is_remembered_but_not_heard(model: LoadedModel, engine: EagerEngine) -> None:
    reference = torch.randint(64, (9, 4), generator=torch.Generator().manual_seed(0))
    plain = batch(model, ["the house"])[0]
    codes = torch.cat((reference[None], codes_of(engine, plain)), dim=1)
    expected = model.codec.decode(codes)[0, len(reference) * FRAME :].numpy()
    (wave,) = waves(stream(engine, model.codec, [replace(plain, reference=reference)]))
    np.testing.assert_allclose(wave, expected, atol=1e-5)
    (without,) = waves(stream(engine, model.codec, [plain]))
    assert np.abs(wave - without)[: 2 * FRAME].max() > 1e-3


def test_references_of_different_lengths_share_a_batch(model: LoadedModel, engine: EagerEngine) -> None:
    lengths: list[int | None] = [20, None, 3, 20, 1]
    rows = []
    for i, (length, utterance) in enumerate(zip(lengths, batch(model, ["the house"] * 5, seed=2), strict=True)):
        codes = torch.randint(64, (length or 0, 4), generator=torch.Generator().manual_seed(i))
        rows.append(replace(utterance, reference=codes if length else None))
    for utterance, wave in zip(rows, waves(stream(engine, model.codec, rows)), strict=True):
        (alone,) = waves(stream(engine, model.codec, [utterance]))
        np.testing.assert_allclose(wave, alone, atol=1e-5)


@pytest.mark.parametrize("schedule", [[], [0], [1, -1], 4, None])
def test_schedules_that_make_no_sense(model: LoadedModel, engine: EagerEngine, schedule: Any) -> None:
    with pytest.raises(OptionError, match="schedule"):
        stream(engine, model.codec, batch(model, ["a"]), schedule)


def test_wrong_input_is_refused_before_the_first_chunk_is_asked_for(model: LoadedModel) -> None:
    for texts in ([""], [" \n"]):
        with pytest.raises(TextError):
            batch(model, texts)
    with pytest.raises(OptionError, match="max_new_tokens"):
        batch(model, ["a"], max_new_tokens=1)


def test_reasons_pass_through(model: LoadedModel, engine: EagerEngine, endless: None) -> None:
    def reason(**keywords: Any) -> tuple[int, str | None]:
        chunks = list(stream(engine, model.codec, batch(model, ["the house"], max_silence=None, **keywords)))
        return sum(chunk.frames for chunk in chunks), chunks[-1].finish_reason

    assert reason(max_new_tokens=4) == (3, "length")
    assert reason(max_new_tokens=2000, frames_per_token=0.01, stop_loops=False) == (50, "budget")


def test_a_model_that_falls_silent_is_stopped(model: LoadedModel, monkeypatch: pytest.MonkeyPatch, endless: None) -> None:
    engine, last = Counted(model.talker), model.codec.decoder.decoder[-1].conv
    assert isinstance(last, torch.nn.Conv1d)
    monkeypatch.setitem(last._parameters, "weight", torch.nn.Parameter(last.weight * 0, requires_grad=False))
    both = batch(model, ["the house", "the mouse"], max_new_tokens=2000, frames_per_token=None, stop_loops=False)
    (wave,) = waves(stream(engine, model.codec, both[:1]))
    assert len(wave) == 12 * FRAME  # one second
    assert engine.steps == 55  # four, to the end of the chunk
    chunks = list(stream(engine, model.codec, both))
    assert [chunk.finish_reason for chunk in chunks[-2:]] == ["silence", "silence"]


def test_a_row_that_fell_silent_frees_its_place_at_once(model: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, released = Counted(model.talker), []
    release = engine.release
    monkeypatch.setattr(
        engine, "release", lambda state, rows: (released.append((engine.steps, list(rows))), release(state, rows))
    )
    both = batch(model, ["the house", "the mouse of the house, and so on and on"], seed=1, max_new_tokens=80)
    quiet = replace(both[1], max_silence=1e-3)  # the miniature is never silent, so:
    monkeypatch.setattr("qwen_tts.chunks.SILENCE", 10.0)
    chunks = list(stream(engine, model.codec, [replace(both[0], max_silence=None), quiet]))
    assert [chunk.finish_reason for chunk in chunks if chunk.row == 1] == ["silence"]
    assert released[0] == (1, [1]) and engine.steps > 5
