"""Several models in one process: loaded when they are asked for, unloaded when memory is short and nobody uses them."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ..errors import BusyError
from .caught import Caught

Model = TypeVar("Model")


@dataclass(slots=True)
class _Entry(Generic[Model]):
    """A model that is there, or is being loaded."""

    loading: "Future[Model]" = field(default_factory=Future)
    size: int = 0
    users: int = 0


class ModelPool(Generic[Model]):
    """Models by name. Any thread may use it; who asks for the same model at once waits for one loading of it."""

    def __init__(
        self, load: Callable[[str], Model], size: Callable[[str], int], limit: int | None = None,
        unload: Callable[[Model], None] = lambda model: None,
    ) -> None:  # fmt: skip
        """
        Args:
            load: makes a model from its name; may take long, and raise.
            size: the bytes that the model of a name holds; asked before it is loaded.
            limit: bytes that all models may hold. The last model in use may exceed it alone; None for no limit.
            unload: is told of a model that leaves: close what belongs to it. Called where one is given back, or before a load.
        """
        self._load, self._size, self._limit, self._unload = load, size, limit, unload
        self._entries: dict[str, _Entry[Model]] = {}  # the one that was used last comes last
        self._lock = threading.Lock()

    @property
    def names(self) -> list[str]:
        """What is loaded or being loaded, the least recently used first."""
        with self._lock:
            return list(self._entries)

    def take(self, name: str) -> Model:
        """The model of this name, which stays until it is given back. Loads it if need be: not on an event loop.

        Raises:
            BusyError: there is no room beside the models that are in use.
            What `load` raises; the next who asks tries again.
        """
        with self._lock:
            entry = self._entries.pop(name, None)
            ours, entry = entry is None, entry or _Entry()
            self._entries[name] = entry
            entry.users += 1
        if ours:
            self._fill(name, entry)
        try:
            return entry.loading.result()
        except BaseException:
            self._leave(entry)
            raise

    def take_if_loaded(self, name: str) -> Model | None:
        """As `take` without any waiting; None where `take` would have to load, or to wait for who does."""
        with self._lock:
            entry = self._entries.get(name)
            if entry is None or not entry.loading.done() or entry.loading.exception() is not None:
                return None
            self._entries[name] = self._entries.pop(name)
            entry.users += 1
            return entry.loading.result()

    def give_back(self, name: str) -> None:
        """For each `take`, once."""
        with self._lock:
            entry = self._entries[name]
        self._leave(entry)

    @contextmanager
    def use(self, name: str) -> Iterator[Model]:
        """`take`, and `give_back` at the end of the block."""
        model = self.take(name)
        try:
            yield model
        finally:
            self.give_back(name)

    def clear(self) -> None:
        """Unloads all that is not in use."""
        self._drop(lambda: True)

    def _leave(self, entry: _Entry[Model]) -> None:
        with self._lock:
            entry.users -= 1
        self._shrink()

    def _fill(self, name: str, entry: _Entry[Model]) -> None:
        caught = Caught()
        with caught:
            self._make_room(name, entry)
            entry.loading.set_result(self._load(name))
        if caught.error is not None:
            with self._lock:
                del self._entries[name]
            entry.loading.set_exception(caught.error)

    def _make_room(self, name: str, entry: _Entry[Model]) -> None:
        """Who is not in use leaves before the new model comes, never to be here beside it; nobody, if that were not enough."""
        with self._lock:
            size, limit = self._size(name), self._limit
            used = {other: each.size for other, each in self._entries.items() if each.users and other != name}
            if limit is not None and used and size + sum(used.values()) > limit:
                raise BusyError(
                    f"{name} needs {size / 1e6:.0f} MB beside {', '.join(used)}, which are in use; the limit is "
                    f"{limit / 1e6:.0f} MB: try again later, or raise the limit", 10.0,
                )  # fmt: skip
            entry.size = size
        self._shrink()

    def _shrink(self) -> None:
        limit = self._limit
        if limit is not None:
            self._drop(lambda: sum(entry.size for entry in self._entries.values()) > limit)

    def _drop(self, more: Callable[[], bool]) -> None:
        """Unloads who is not in use, the least recently used first, while `more` says so."""
        gone: list[_Entry[Model]] = []
        with self._lock:
            for name, entry in list(self._entries.items()):
                if not entry.users and more():
                    gone.append(self._entries.pop(name))
        for entry in gone:
            self._unload(entry.loading.result())
