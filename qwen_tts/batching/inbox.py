"""Where chunks wait for whoever listens, in a thread or on an event loop. Never full: who fills it looks at `waiting`."""

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable

from ..chunks import AudioChunk


class Inbox:
    """Chunks in order, then an end or an error, which stays. Any thread may fill it; one listener takes.

    Attributes:
        taken: when a chunk was last taken, on `clock`; at first, when this was made.
    """

    def __init__(self, on_take: Callable[[], None] = lambda: None, clock: Callable[[], float] = time.monotonic) -> None:
        """`on_take` is called after each chunk that is taken."""
        self._on_take, self._clock, self.taken = on_take, clock, clock()
        self._chunks: deque[AudioChunk] = deque()
        self._seconds: dict[int, float] = {}
        self._ended = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()
        self._sleeper: tuple[asyncio.AbstractEventLoop, asyncio.Future[None]] | None = None

    def put(self, chunk: AudioChunk) -> None:
        """Adds a chunk; after the end it is dropped."""
        with self._changed:
            if not self._ended:
                self._chunks.append(chunk)
                self._count(chunk, 1)
            self._wake()

    def end(self, error: BaseException | None = None, drop: bool = False) -> None:
        """No more will come; what is there can still be taken unless it is to be dropped. The first end counts."""
        with self._changed:
            if drop:
                self._chunks.clear()
                self._seconds.clear()
            if not self._ended:
                self._ended, self._error = True, error
            self._wake()

    def waiting(self, row: int) -> float:
        """Seconds of a row's audio that nobody took yet."""
        return self._seconds.get(row, 0.0)

    def take(self) -> AudioChunk | None:
        """The next chunk, waited for; None at the end.

        Raises:
            What the speech failed with.
        """
        with self._changed:
            while not self._settled():
                self._changed.wait()
            chunk = self._next()
        self._on_take()
        return chunk

    async def atake(self) -> AudioChunk | None:
        """As `take`, on asyncio."""
        loop = asyncio.get_running_loop()
        while (sleeper := self._sleep(loop)) is not None:
            await sleeper
        with self._changed:
            chunk = self._next()
        self._on_take()
        return chunk

    def _sleep(self, loop: asyncio.AbstractEventLoop) -> "asyncio.Future[None] | None":
        """What to await until there is something to take; None if there is."""
        with self._changed:
            if self._settled():
                return None
            sleeper = loop.create_future()
            self._sleeper = loop, sleeper
            return sleeper

    def _settled(self) -> bool:
        return bool(self._chunks) or self._ended

    def _next(self) -> AudioChunk | None:
        self.taken = self._clock()
        if self._chunks:
            chunk = self._chunks.popleft()
            self._count(chunk, -1)
            return chunk
        if self._error is not None:
            raise self._error
        return None

    def _count(self, chunk: AudioChunk, sign: int) -> None:
        self._seconds[chunk.row] = self._seconds.get(chunk.row, 0.0) + sign * len(chunk.samples) / chunk.rate

    def _wake(self) -> None:
        self._changed.notify_all()
        if self._sleeper is not None:
            (loop, sleeper), self._sleeper = self._sleeper, None
            with contextlib.suppress(RuntimeError):  # that loop is closed: nobody listens there
                loop.call_soon_threadsafe(_settle, sleeper)


def _settle(sleeper: "asyncio.Future[None]") -> None:
    if not sleeper.done():  # a task that is cancelled has cancelled it
        sleeper.set_result(None)
