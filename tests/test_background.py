"""The async twins: the same chunks, made while the event loop goes on, and no longer than somebody wants them."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from qwen_tts import Qwen3TTSModel
from qwen_tts.batching.scheduler import Scheduler
from qwen_tts.batching.speech import LiveSpeech
from qwen_tts.chunks import AudioChunk
from qwen_tts.engine import EngineState
from qwen_tts.engine.eager import EagerEngine
from qwen_tts.errors import OptionError, TextError
from tests.test_stream import watched

SHORT: dict[str, Any] = {"seed": 1, "max_new_tokens": 30}
VOICE = (0.1 * np.random.default_rng(0).standard_normal(12_000)).astype(np.float32), 24_000


class Noted(EagerEngine):
    """Counts steps, and notes who takes them; with `gate`, each step from the third on waits for it."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.steps, self.threads = 0, set()
        self.gate: threading.Event | None = None

    def step(self, state: EngineState, uniforms: Tensor) -> Tensor:
        self.steps += 1
        self.threads.add(threading.current_thread())
        if self.gate is not None and self.steps > 2:
            assert self.gate.wait(30)
        return super().step(state, uniforms)


@pytest.fixture
def model(loaded: Callable[[str], Any]) -> Qwen3TTSModel:
    return Qwen3TTSModel(loaded("custom_voice"), engine=Noted(loaded("custom_voice").talker))


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qwen_tts.engine.eager.MIN_FRAMES", 10**6)


async def everything(chunks: AsyncIterator[AudioChunk]) -> list[AudioChunk]:
    return [chunk async for chunk in chunks]


def same(one: list[AudioChunk], other: list[AudioChunk]) -> bool:
    assert one and len(one) == len(other)
    return all(np.array_equal(a.samples, b.samples) and a.row == b.row for a, b in zip(one, other, strict=True))


def test_each_call_has_a_twin_with_the_same_chunks(loaded: Callable[[str], Any]) -> None:
    custom, design, base = (Qwen3TTSModel(loaded(kind)) for kind in ("custom_voice", "voice_design", "base"))
    for ours, theirs, arguments in (
        (custom.stream_custom_voice, custom.astream_custom_voice, {"speaker": "ryan", "schedule": [2, 5]}),
        (design.stream_voice_design, design.astream_voice_design, {"instruct": "low"}),
        (base.stream_voice_clone, base.astream_voice_clone, {"ref_audio": VOICE, "ref_text": "a mouse"}),
    ):
        texts = ["the house", "a"]
        expected = list(ours(texts, **arguments, **SHORT))
        assert same(asyncio.run(everything(theirs(texts, **arguments, **SHORT))), expected)


def test_the_loop_goes_on_and_nothing_is_made_ahead(model: Qwen3TTSModel) -> None:
    async def listen() -> None:
        chunks = model.astream_custom_voice("the house", "ryan", schedule=[1], **SHORT)
        await anext(chunks)
        model.engine.gate = threading.Event()
        ticks, waiting = 0, asyncio.ensure_future(everything(chunks))
        while ticks < 20:
            await asyncio.sleep(0.005)
            ticks += 1
        assert not waiting.done() and model.engine.steps <= 3
        model.engine.gate.set()
        await waiting

    asyncio.run(listen())
    assert threading.current_thread() not in model.engine.threads and len(model.engine.threads) == 1


def test_back_pressure(model: Qwen3TTSModel) -> None:
    async def listen() -> None:
        chunks = model.astream_custom_voice("the house", "ryan", schedule=[1], **SHORT)
        assert model.engine.steps == 0
        for asked in (1, 2, 3):
            await anext(chunks)
            await asyncio.sleep(0.05)
            assert model.engine.steps == asked
        await chunks.aclose()

    asyncio.run(listen())


@pytest.mark.parametrize("way", ["aclose", "timeout", "cancel"])
def test_who_stops_listening_stops_the_work(
    model: Qwen3TTSModel, monkeypatch: pytest.MonkeyPatch, endless: None, way: str
) -> None:
    engine = model.engine
    seen = watched(engine, monkeypatch)

    async def listen() -> None:
        chunks = model.astream_custom_voice("the house", "ryan", schedule=[2, 25], **SHORT)
        await anext(chunks)
        assert seen and all(tensor() is not None for tensor in seen)
        if way == "aclose":
            await chunks.aclose()
            return
        engine.gate = threading.Event()
        asyncio.get_running_loop().call_later(0.3, engine.gate.set)  # a slow frame, the third, is being made
        if way == "timeout":
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(chunks), 0.05)
        else:
            task = asyncio.ensure_future(everything(chunks))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        with pytest.raises(StopAsyncIteration):
            await anext(chunks)

    asyncio.run(listen())
    assert engine.steps == (2 if way == "aclose" else 3)
    assert [tensor() for tensor in seen if tensor() is not None] == []


def test_who_leaves_before_there_is_speech_ends_it_when_there_is(model: Qwen3TTSModel, endless: None) -> None:
    entered, go, made = threading.Event(), threading.Event(), Future[LiveSpeech]()

    async def leave(scheduler: Scheduler) -> None:
        def slow(*args: Any, **options: Any) -> LiveSpeech:
            entered.set()
            assert go.wait(30)
            made.set_result(scheduler.stream(*args, **options))
            return made.result()

        chunks = model.shared(slow).astream_custom_voice("the house", "ryan", seed=1, max_new_tokens=200)
        task = asyncio.ensure_future(everything(chunks))
        await asyncio.to_thread(entered.wait, 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go.set()

    with Scheduler(model.engine, model.codec) as scheduler:
        asyncio.run(leave(scheduler))
        for _ in made.result(30):
            pass
        assert made.result().finish_reason == "cancelled"


async def words(*pieces: str) -> AsyncIterator[str]:
    for piece in pieces:
        await asyncio.sleep(0.001)
        yield piece


def test_text_may_come_from_either_kind_of_iterator(model: Qwen3TTSModel) -> None:
    pieces = ["the ho", "use of a", " mouse"]
    whole = list(model.stream_custom_voice("".join(pieces), "ryan", non_streaming_mode=False, **SHORT))

    async def listen(text: Any) -> list[AudioChunk]:
        return await everything(model.astream_custom_voice(text, "ryan", **SHORT))

    for text in (words(*pieces), iter(pieces), [words(*pieces)]):
        made = asyncio.run(listen(text))
        np.testing.assert_array_equal(np.concatenate([c.codes for c in made]), np.concatenate([c.codes for c in whole]))


@pytest.mark.parametrize("blocking", [False, True])
def test_a_wait_for_text_ends_at_once(
    model: Qwen3TTSModel, monkeypatch: pytest.MonkeyPatch, endless: None, blocking: bool
) -> None:
    seen, never = watched(model.engine, monkeypatch), threading.Event()

    async def stalled() -> AsyncIterator[str]:
        yield "x y "
        await asyncio.sleep(3600)

    def blocked() -> Iterator[str]:
        yield "x y "
        never.wait(60)

    async def listen() -> float:
        chunks = model.astream_custom_voice(blocked() if blocking else stalled(), "ryan", schedule=[1], **SHORT)
        for _ in range(3):
            await anext(chunks)
        started = time.perf_counter()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(chunks), 0.1)
        spent = time.perf_counter() - started
        assert [tensor() for tensor in seen if tensor() is not None] == [] and model.engine.steps == 3
        never.set()
        return spent

    assert asyncio.run(listen()) < 10


def test_errors_come_with_the_first_chunk(model: Qwen3TTSModel) -> None:
    async def broken() -> AsyncIterator[str]:
        yield "the"  # no word yet
        raise KeyError("of the text's maker")

    async def first(*args: Any, **kwargs: Any) -> None:
        await anext(model.astream_custom_voice(*args, **kwargs))

    for error, args in ((OptionError, ("a", "bob")), (TextError, (words(" "), "ryan")), (KeyError, (broken(), "ryan"))):
        with pytest.raises(error):
            asyncio.run(first(*args, **SHORT))
    with pytest.raises(TypeError, match="speaker"):
        model.astream_custom_voice("a")  # type: ignore[call-arg]


def test_a_twin_looks_like_its_call() -> None:
    twin = Qwen3TTSModel.astream_voice_clone
    assert twin.__qualname__ == "Qwen3TTSModel.astream_voice_clone" and "stream_voice_clone" in str(twin.__doc__)
