"""What goes wrong with one request stays with it: failing and stuck texts, listeners who leave or sleep, full queues."""

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from qwen_tts.arguments import utterances
from qwen_tts.batching.scheduler import Scheduler
from qwen_tts.checkpoint import LoadedModel
from qwen_tts.engine import EngineState
from qwen_tts.engine.eager import EagerEngine
from qwen_tts.errors import BusyError, ClosedError, LimitError, OptionError, TextError
from qwen_tts.model import Qwen3TTSModel
from qwen_tts.stream import Utterance, stream


class Watched(EagerEngine):
    """Counts, remembers its states without keeping them, and can be held up or made to fail."""

    def __init__(self, model: LoadedModel) -> None:
        super().__init__(model.talker)
        self.steps, self.states, self.sizes, self.fail = 0, [], [], False
        self.gate = threading.Event()
        self.gate.set()

    def init_state(self, batch: int, capacity: int) -> EngineState:
        state = super().init_state(batch, capacity)
        self.states.append(weakref.ref(state.pending))
        return state

    def step(self, state: EngineState, uniforms: Tensor) -> Tensor:
        assert self.gate.wait(30)
        self.steps += 1
        if self.fail:
            raise RuntimeError("out of memory")
        self.sizes.append(int(state.active.sum()))
        return super().step(state, uniforms)

    @property
    def alive(self) -> int:
        gc.collect()
        return sum(state() is not None for state in self.states)


@pytest.fixture
def engine(model: LoadedModel) -> Watched:
    return Watched(model)


def spoken(
    model: LoadedModel, text: str | Iterator[str] = "the house", seed: int = 1, most: int = 10, **options: Any
) -> Utterance:
    keywords: Any = {"seed": seed, "max_new_tokens": most, "max_silence": None, "frames_per_token": None, "stop_loops": False}
    return utterances(model, [text], None, [{"speaker": "ryan"}], True, keywords | options)[0]


def codes(speech: Any) -> list[list[int]]:
    return np.concatenate([chunk.codes for chunk in speech]).tolist()


def until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.002)


def broken(after: int) -> Iterator[str]:
    for _ in range(after):
        yield "the house "
    raise KeyError("the text's own error")


def test_a_failing_text_ends_alone(model: LoadedModel, engine: Watched, endless: None) -> None:
    expected = codes(stream(EagerEngine(model.talker), model.codec, [spoken(model)]))
    with Scheduler(engine, model.codec, rows=4) as scheduler:
        failing = [scheduler.submit(spoken(model, broken(after), most=60)) for after in (0, 1)]
        empty = scheduler.submit(spoken(model, iter([" "])))
        good = scheduler.submit(spoken(model))
        assert codes(good) == expected
        for speech in failing:
            with pytest.raises(KeyError, match="the text's own error"):
                list(speech)
            assert speech.finish_reason is None
        with pytest.raises(TextError, match="empty"):
            list(empty)
        scheduler.close()
        assert (scheduler.playing, scheduler.waiting) == (0, 0)


def test_a_text_that_does_not_come_holds_up_nobody(model: LoadedModel, engine: Watched) -> None:
    come, ends = threading.Event(), threading.Event()

    def slow() -> Iterator[str]:
        yield "the house and "
        come.wait(30)
        yield "the mouse"
        ends.wait(30)

    ends.set()
    expected = codes(
        stream(EagerEngine(model.talker), model.codec, [spoken(model, iter(["the house and the mouse"]), most=30)])
    )
    with Scheduler(engine, model.codec, rows=3) as scheduler:
        stuck = scheduler.submit(spoken(model, slow(), most=30))
        first = next(stuck)
        for seed in range(3):
            assert list(scheduler.submit(spoken(model, seed=seed)))
        come.set()
        assert [*first.codes.tolist(), *codes(stuck)] == expected
        come.clear()
        late = scheduler.submit(spoken(model, slow(), most=30), limit=0.3)
        with pytest.raises(LimitError, match=r"within 0.3 s"):
            list(late)
        come.set()


def test_a_full_queue_refuses_and_says_when_to_come_again(model: LoadedModel, engine: Watched) -> None:
    with Scheduler(engine, model.codec, rows=2, queue=3) as scheduler:
        engine.gate.clear()
        begun = [scheduler.submit(spoken(model, seed=seed)) for seed in range(5)]
        with pytest.raises(BusyError, match="waiting already; try again in") as busy:
            scheduler.submit(spoken(model))
        assert busy.value.retry_after >= 1
        with pytest.raises(OptionError, match="1 to 5 utterances at once, not 6"):
            scheduler.stream([spoken(model)] * 6)
        assert scheduler.playing + scheduler.waiting == 5
        follow = scheduler.submit(spoken(model, seed=9), after=begun[0])  # who is listening already is not refused
        engine.gate.set()
        assert all(list(speech) for speech in [*begun, follow])
        assert follow.timings.queued is not None and begun[4].timings.queued is not None
        assert max(engine.sizes) <= 2
        list(scheduler.submit(spoken(model)))  # there is room again


def test_cancelling_frees_the_row_within_a_frame(model: LoadedModel, engine: Watched, endless: None) -> None:
    with Scheduler(engine, model.codec, rows=1, queue=5) as scheduler:
        speech = scheduler.submit(spoken(model, most=2000))
        waiting = scheduler.submit(spoken(model, seed=3, most=6))
        never = scheduler.submit(spoken(model, seed=4))
        next(speech)
        never.cancel()
        assert list(never) == [] and never.finish_reason == "cancelled"
        steps = engine.steps
        speech.close()
        assert engine.steps <= steps + 2
        assert list(speech) == [] and speech.finish_reason == "cancelled"
        assert len(codes(waiting)) == 5
        until(lambda: engine.alive == 0)


def test_leaving_a_listener_who_waits_wakes_it(model: LoadedModel, engine: Watched) -> None:
    with Scheduler(engine, model.codec) as scheduler:
        engine.gate.clear()
        speech, heard = scheduler.submit(spoken(model)), []
        thread = threading.Thread(target=lambda: heard.append(list(speech)))
        thread.start()
        speech.cancel()
        thread.join(10)
        assert heard == [[]]
        engine.gate.set()


def test_leaving_a_long_text_ends_the_thread_that_waits_for_it(model: LoadedModel, engine: Watched) -> None:
    with Scheduler(engine, model.codec) as scheduler:
        together = Qwen3TTSModel(model).shared(scheduler.stream)
        engine.gate.clear()
        speech, heard = together.stream_custom_voice("The house. A mouse.", "ryan", reading=True, seed=1), []
        thread = threading.Thread(target=lambda: heard.append(list(speech)))
        thread.start()
        until(lambda: scheduler.playing == 1)
        speech.close()
        thread.join(10)
        assert heard == [[]]
        engine.gate.set()


def test_who_does_not_take_is_waited_for_in_bounded_memory(model: LoadedModel, engine: Watched, endless: None) -> None:
    expected = codes(stream(EagerEngine(model.talker), model.codec, [spoken(model, most=121)]))
    with Scheduler(engine, model.codec, rows=2, ahead=1.0) as scheduler:
        slow = scheduler.submit(spoken(model, most=121))
        until(lambda: slow.inbox.waiting(0) > 1.0)
        assert len(codes(scheduler.submit(spoken(model, seed=2, most=61)))) == 60  # others go on
        assert 1.0 < slow.inbox.waiting(0) < 1.0 + 4 * 8 * 0.08  # what was made before it was seen to wait
        assert codes(slow) == expected
        asleep = scheduler.submit(spoken(model, most=121), patience=0.2)
        until(lambda: scheduler.playing + scheduler.waiting == 0)
        with pytest.raises(LimitError, match=r"no chunk was taken for 0.2 s"):
            list(asleep)


def test_draining_speaks_to_the_end_and_takes_no_more(model: LoadedModel, engine: Watched) -> None:
    expected = codes(stream(EagerEngine(model.talker), model.codec, [spoken(model)]))
    scheduler = Scheduler(engine, model.codec, rows=1)
    begun = [scheduler.submit(spoken(model)) for _ in range(3)]
    scheduler.close()
    assert [codes(speech) for speech in begun] == [expected] * 3
    with pytest.raises(ClosedError):
        scheduler.submit(spoken(model))
    assert engine.alive == 0


def test_closing_at_once_tells_everybody(model: LoadedModel, engine: Watched, endless: None) -> None:
    before = set(threading.enumerate())
    scheduler = Scheduler(engine, model.codec, rows=1)
    begun = [scheduler.submit(spoken(model, most=2000)) for _ in range(3)]
    next(begun[0])
    scheduler.close(drain=False)
    for speech in begun:
        with pytest.raises(ClosedError):
            list(speech)
    assert engine.alive == 0 and set(threading.enumerate()) <= before


def test_an_engine_that_fails_ends_who_is_in_it_and_begins_anew(model: LoadedModel, engine: Watched) -> None:
    with Scheduler(engine, model.codec, rows=2) as scheduler:
        engine.fail = True
        begun = [scheduler.submit(spoken(model, seed=seed)) for seed in range(2)]
        for speech in begun:
            with pytest.raises(RuntimeError, match="out of memory"):
                list(speech)
        engine.fail = False
        assert codes(scheduler.submit(spoken(model))) == codes(stream(EagerEngine(model.talker), model.codec, [spoken(model)]))


def test_a_row_that_the_codec_fails_on_ends_alone(model: LoadedModel, engine: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = spoken(model, seed=1), spoken(model, seed=2)
    poison = codes(stream(EagerEngine(model.talker), model.codec, [bad]))[0]
    expected = codes(stream(EagerEngine(model.talker), model.codec, [good]))
    decode = type(model.codec.decoder).forward

    def forward(self: Any, given: Tensor, state: Any = None) -> Tensor:
        if (given == torch.tensor(poison)).all(dim=-1).any():
            raise RuntimeError("cannot decode this")
        return decode(self, given, state)

    monkeypatch.setattr(type(model.codec.decoder), "forward", forward)
    with Scheduler(engine, model.codec, rows=2) as scheduler:
        speech = [scheduler.submit(u, schedule=[4]) for u in (good, bad)]
        assert codes(speech[0]) == expected
        with pytest.raises(RuntimeError, match="cannot decode this"):
            list(speech[1])


def test_what_is_not_legal_is_said_at_once(model: LoadedModel, engine: Watched) -> None:
    with Scheduler(engine, model.codec) as scheduler:
        with pytest.raises(OptionError, match="schedule"):
            scheduler.submit(spoken(model), schedule=[0])
        with pytest.raises(OptionError, match="seed"):
            scheduler.submit(spoken(model, seed=-1))
        with pytest.raises(TextError, match="positions"):
            scheduler.submit(spoken(model, "the house " * 3000))
        assert scheduler.waiting == 0
    with pytest.raises(OptionError, match="rows must be at least 1"):
        Scheduler(engine, model.codec, rows=0)


def test_a_first_chunk_may_be_larger_than_later_ones(model: LoadedModel, engine: Watched, endless: None) -> None:
    with Scheduler(engine, model.codec) as scheduler:
        chunks = list(scheduler.submit(spoken(model, most=12), schedule=[7, 1]))
    assert sum(chunk.frames for chunk in chunks) == 11 and chunks[0].frames == 7 and chunks[1].frames == 1
