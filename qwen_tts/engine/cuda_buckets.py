"""Few sizes instead of all: a recording holds for one size, so sizes are rounded up, and memory is used again.

rows   1  2  4  8  16  32  64 | 128 192 ..      places   256  512  1024  2048 ..
"""

import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

ROWS = (1, 2, 4, 8, 16, 32, 64)
PLACES = (256, 512, 1024, 2048, 4096, 8192, 16384, 32768)  # 256 positions are a short prompt and some 15 s of speech


def bucket(needed: int, sizes: Sequence[int]) -> int:
    """The least of the ascending `sizes` that holds `needed`; beyond the last, a multiple of it."""
    last = sizes[-1]
    return next((size for size in sizes if size >= needed), -(-needed // last) * last)


class Sized(Protocol):
    """Memory with room for so many rows and places; any that is large enough does as well as one that fits."""

    @property
    def rows(self) -> int: ...

    @property
    def places(self) -> int: ...


Memory = TypeVar("Memory", bound=Sized)


class Pool(Generic[Memory]):
    """Lends memory to owners and has it back when they are gone: recordings in it are bound to where it is."""

    def __init__(self, make: Callable[[int, int], Memory]) -> None:
        self._make = make
        self._free: list[Memory] = []
        self._returned: deque[Memory] = deque()  # apart: the garbage collector may return some at any moment, in any thread
        self._lock = threading.Lock()

    def take(self, rows: int, places: int) -> Memory:
        """The smallest free memory that has room, or new. New memory replaces free memory that it can stand in for."""
        with self._lock:
            while self._returned:
                self._free.append(self._returned.popleft())
            fitting = [m for m in self._free if m.rows >= rows and m.places >= places]
            if fitting:
                chosen = min(fitting, key=lambda m: m.rows * m.places)
                self._free.remove(chosen)
                return chosen
            self._free = [m for m in self._free if m.rows > rows or m.places > places]
        return self._make(rows, places)

    def lend(self, memory: Memory, owner: object) -> None:
        """From now on `memory` is the owner's, until that is collected."""
        weakref.finalize(owner, self._returned.append, memory).atexit = False
