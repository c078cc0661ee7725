"""Speech in company is the speech it would be alone: any arrivals, tasks, layouts, samplings, threads and event loops."""

import asyncio
import random
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qwen_tts.arguments import utterances
from qwen_tts.batching import policy
from qwen_tts.batching.scheduler import Scheduler
from qwen_tts.batching.speech import LiveSpeech
from qwen_tts.checkpoint import LoadedModel
from qwen_tts.chunks import AudioChunk
from qwen_tts.cores import TAKEN
from qwen_tts.engine import eager
from qwen_tts.engine.eager import EagerEngine
from qwen_tts.model import Qwen3TTSModel
from qwen_tts.stream import Utterance, stream

TEXTS = ("the house", "a mouse and the house of it, and so on", "so", "the the the", "and now the mouse")


@pytest.fixture(scope="module")
def engine(model: LoadedModel) -> EagerEngine:
    return EagerEngine(model.talker)


KINDS: list[dict[str, Any]] = [
    {},
    {"temperature": 1.4, "top_k": 0, "repetition_penalty": 1.2},
    {"do_sample": False, "subtalker_top_p": 0.8},
    {"max_new_tokens": 6},
]


def spoken(model: LoadedModel, case: int, most: int = 14) -> Utterance:
    """Cases differ in text, speaker, language, sampling, length, layout, and in whether the text is still coming."""
    text: str | Iterator[str] = TEXTS[case % len(TEXTS)]
    if case % 3 == 2:
        text = iter([text[i : i + 3] for i in range(0, len(text), 3)])
    options = {"max_new_tokens": most, "max_silence": None} | KINDS[case % len(KINDS)] | {"seed": case}
    layout = {"speaker": ("ryan", "serena")[case % 2]}
    return utterances(model, [text], (None, "english")[case % 2], [layout], case % 4 < 2, options)[0]  # type: ignore[arg-type]


_alone: dict[tuple[int, int], tuple[np.ndarray, np.ndarray, str | None]] = {}


def alone(model: LoadedModel, engine: EagerEngine, case: int, most: int = 14) -> tuple[np.ndarray, np.ndarray, str | None]:
    """Codes, wave, reason."""
    if (case, most) not in _alone:
        _alone[case, most] = whole(list(stream(engine, model.codec, [spoken(model, case, most)])))
    return _alone[case, most]


def whole(chunks: list[AudioChunk]) -> tuple[np.ndarray, np.ndarray, str | None]:
    assert [c.first_frame for c in chunks] == np.cumsum([0] + [c.frames for c in chunks[:-1]]).tolist()
    codes, wave = np.concatenate([c.codes for c in chunks]), np.concatenate([c.samples for c in chunks])
    return codes, wave, chunks[-1].finish_reason


def check(model: LoadedModel, engine: EagerEngine, case: int, chunks: list[AudioChunk], most: int = 14) -> None:
    codes, wave, reason = whole(chunks)
    expected, sound, why = alone(model, engine, case, most)
    np.testing.assert_array_equal(codes, expected)
    np.testing.assert_allclose(wave, sound, atol=1e-5)
    assert reason == why


def test_one_after_the_other_and_side_by_side(model: LoadedModel, engine: EagerEngine) -> None:
    with Scheduler(engine, model.codec, rows=3) as scheduler:
        for case in (0, 2):
            check(model, engine, case, list(scheduler.submit(spoken(model, case))))
        begun = [(case, scheduler.submit(spoken(model, case))) for case in range(9)]  # three times as many as rows
        for case, speech in begun:
            check(model, engine, case, list(speech))
            assert speech.finish_reason == alone(model, engine, case)[2]
            t = speech.timings
            assert t.queued is not None and t.first is not None and t.done is not None
            assert 0 <= t.queued <= t.first <= t.done
        scheduler.close()
        assert (scheduler.playing, scheduler.waiting) == (0, 0)


@pytest.mark.usefixtures("two_threads")
def test_each_decoding_thread_uses_one_core(model: LoadedModel, engine: EagerEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    forward, used = model.codec.decoder.forward, set()

    def counted(*args: Any) -> Any:
        result = forward(*args)  # a thread's first parallel work sets its number of threads
        used.add((torch.get_num_threads(), TAKEN.value > 0))
        return result

    monkeypatch.setattr(model.codec.decoder, "forward", counted)
    with Scheduler(engine, model.codec) as scheduler:
        list(scheduler.submit(spoken(model, 0)))
    assert used == {(1, True)} and torch.get_num_threads() == 2


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.lists(st.integers(0, 11), min_size=1, max_size=6),
    rows=st.integers(1, 5),
    schedules=st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=3), min_size=8, max_size=8),
    cancelled=st.sets(st.integers(0, 7)),
    taken=st.integers(1, 3),
)
def test_any_arrivals_and_departures(
    model: LoadedModel, engine: EagerEngine, order: list[int], rows: int, schedules: list[list[int]], cancelled: set[int],
    taken: int,
) -> None:  # fmt: skip
    """Each request arrives when the one before has given some chunks; some are cancelled after as many."""
    with Scheduler(engine, model.codec, rows=rows, queue=8) as scheduler:
        begun: list[tuple[LiveSpeech, list[AudioChunk]]] = []
        for place, case in enumerate(order):
            speech = scheduler.submit(spoken(model, case), schedule=schedules[place])
            got: list[AudioChunk] = []
            begun.append((speech, got))
            if place % 2:
                got += [chunk for _, chunk in zip(range(taken), speech, strict=False)]
            if place in cancelled:
                speech.cancel()
        for place, (speech, got) in enumerate(begun):
            got += speech
            if place not in cancelled:
                check(model, engine, order[place], got)
                assert max(chunk.frames for chunk in got) <= max(schedules[place])


def test_many_threads_and_tasks_at_once(model: LoadedModel, engine: EagerEngine) -> None:
    heard: dict[int, list[AudioChunk]] = {}
    with Scheduler(engine, model.codec, rows=6, queue=100) as scheduler:

        def listen(case: int) -> None:
            heard[case] = list(scheduler.submit(spoken(model, case)))

        async def alisten(case: int) -> None:
            await asyncio.sleep(random.Random(case).random() * 0.05)
            async with scheduler.submit(spoken(model, case)) as speech:
                heard[case] = [chunk async for chunk in speech]

        async def many() -> None:
            await asyncio.gather(*(alisten(case) for case in range(6, 12)))

        threads = [threading.Thread(target=listen, args=(case,)) for case in range(6)]
        for thread in threads:
            thread.start()
        asyncio.run(many())
        for thread in threads:
            thread.join()
    for case in range(12):
        check(model, engine, case, heard[case])


def test_several_utterances_are_one_stream(model: LoadedModel, engine: EagerEngine) -> None:
    with Scheduler(engine, model.codec, rows=2) as scheduler:
        speech = scheduler.stream([spoken(model, case) for case in (0, 1, 3)])
        chunks = list(speech)
        for row, case in enumerate((0, 1, 3)):
            check(model, engine, case, [chunk for chunk in chunks if chunk.row == row])
        assert speech.finish_reasons == [alone(model, engine, case)[2] for case in (0, 1, 3)]


def test_long_speech_outgrows_the_first_memory(
    model: LoadedModel, engine: EagerEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over 256 positions, beside short ones that come and go."""

    monkeypatch.setattr(eager, "MIN_FRAMES", 10**6)  # it never says that it is done
    monkeypatch.setattr(policy, "opening", lambda *_: 1)  # however busy the machine is

    def long(seed: int) -> Utterance:
        options: Any = {"max_new_tokens": 301, "frames_per_token": None, "stop_loops": False, "max_silence": None, "seed": seed}
        return utterances(model, ["the house"], None, [{"speaker": "ryan"}], True, options)[0]

    expected = whole(list(stream(engine, model.codec, [long(7)])))
    with Scheduler(engine, model.codec, rows=4) as scheduler:
        speech = scheduler.submit(long(7))
        for case in (3, 7):
            assert len(list(scheduler.submit(spoken(model, case)))) > 1
        codes, wave, reason = whole(list(speech))
    assert len(codes) == 300 and reason == "length"
    np.testing.assert_array_equal(codes, expected[0])
    np.testing.assert_allclose(wave, expected[1], atol=1e-5)


def test_a_models_calls_go_through_it(model: LoadedModel, endless: None) -> None:
    """Whole waves with their details and second tries, texts in pieces, all as without a scheduler."""
    alone = Qwen3TTSModel(model, engine=EagerEngine(model.talker))
    wish: Any = {"seed": 5, "speaker": "ryan", "max_new_tokens": 200, "frames_per_token": 0.01, "max_silence": None}
    with Scheduler(alone.engine, model.codec, rows=2) as scheduler:
        shared = alone.shared(scheduler.stream)
        for text, options in ((["the house", "the mouse"], {"stop_loops": False}), ("the house. " * 4, {"reading": True})):
            with pytest.warns(UserWarning, match="budget"):
                expected = alone.generate_custom_voice(text, **wish | options)
            with pytest.warns(UserWarning, match="budget"):
                found = shared.generate_custom_voice(text, **wish | options)
            for ours, theirs in zip(found.details, expected.details, strict=True):
                assert (ours.finish_reason, ours.seed, ours.tries) == (theirs.finish_reason, theirs.seed, theirs.tries)
                np.testing.assert_array_equal(ours.codes, theirs.codes)
            for ours, theirs in zip(found.waves, expected.waves, strict=True):
                np.testing.assert_allclose(ours, theirs, atol=1e-5)
        assert isinstance(shared.stream_custom_voice("the house", **wish), LiveSpeech)
        scheduler.close(drain=False)
