"""Models come when they are asked for, once, and leave in the right order, never while they are in use."""

import threading
import time

import pytest

from qwen_tts.batching.pool import ModelPool
from qwen_tts.errors import BusyError, OptionError


class Loads:
    """Loads names such as "a3", which hold 3 bytes."""

    def __init__(self, limit: int | None) -> None:
        self.loaded: list[str] = []
        self.unloaded: list[str] = []
        self.pool = ModelPool(self.load, lambda model: int(model[-1]), limit, self.unloaded.append)

    def load(self, name: str) -> str:
        self.loaded.append(name)
        time.sleep(0.02)
        if name.startswith("bad"):
            raise OptionError("no such model")
        return f"model {name}"

    def touch(self, *names: str) -> None:
        for name in names:
            with self.pool.use(name) as model:
                assert model == f"model {name}"


def test_who_was_used_least_recently_leaves_first() -> None:
    loads = Loads(6)
    loads.touch("a2", "b2", "c2", "a2", "d2")
    assert loads.unloaded == ["model b2"] and loads.pool.names == ["c2", "a2", "d2"]
    loads.touch("e6")
    assert loads.pool.names == ["e6"] and loads.unloaded == ["model b2", "model c2", "model a2", "model d2"]
    loads.touch("a2")
    assert loads.loaded == ["a2", "b2", "c2", "d2", "e6", "a2"]
    loads.pool.clear()
    assert loads.pool.names == []


def test_a_model_in_use_stays() -> None:
    loads = Loads(4)
    with loads.pool.use("a3"):
        with pytest.raises(BusyError, match="b2 needs .* beside a3, which are in use"), loads.pool.use("b2"):
            pass
        assert loads.pool.names == ["a3"] and loads.loaded == ["a3"]
        loads.touch("c1")
        loads.touch("d1")
        assert loads.pool.names == ["a3", "d1"]
    loads.touch("b2")
    assert loads.pool.names == ["d1", "b2"]
    loads.touch("f9")  # larger than the limit: alone
    assert loads.unloaded == ["model c1", "model a3", "model d1", "model b2", "model f9"] and loads.pool.names == []


def test_who_must_leave_has_left_before_another_comes() -> None:
    loads = Loads(4)
    loads.touch("a3", "b1")
    load, seen = loads.load, list[list[str]]()

    def load_and_look(name: str) -> str:
        seen.append(list(loads.unloaded))
        return load(name)

    loads.pool._load = load_and_look
    loads.touch("c2")
    assert seen == [["model a3"]]
    with loads.pool.use("b1"), pytest.raises(BusyError), loads.pool.use("d4"):
        pass
    assert loads.pool.names == ["c2", "b1"], "nobody leaves for a model that would not fit all the same"


def test_many_who_ask_at_once_load_it_once() -> None:
    loads, together, got = Loads(None), threading.Barrier(8), []

    def ask(name: str) -> None:
        together.wait()
        with loads.pool.use(name) as model:
            got.append(model)

    threads = [threading.Thread(target=ask, args=(("a1", "b1")[i % 2],)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == ["model a1"] * 4 + ["model b1"] * 4 and sorted(loads.loaded) == ["a1", "b1"]


def test_a_failure_is_everybodys_who_waits_and_the_next_tries_again() -> None:
    loads, errors = Loads(None), []

    def ask() -> None:
        with pytest.raises(OptionError, match="no such model") as caught, loads.pool.use("bad1"):
            pass
        errors.append(caught.value)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) == 3 and loads.pool.names == []
    with pytest.raises(OptionError), loads.pool.use("bad1"):
        pass
    assert len(loads.loaded) >= 2
