"""Where chunks wait for whoever listens, in a thread or on an event loop. Never full: who fills it looks at `waiting`."""

import asyncio
import contextlib
import threading
from collections import deque

from ..chunks import AudioChunk


class Inbox:
    """Chunks in order, then an end or an error, which stays. Any thread may fill it; one listener takes."""

    def __init__(self) -> None:
        self._chunks: deque[AudioChunk] = deque()
        self._ended, self._error = False, None
        self._changed = threading.Condition()
        self._sleeper: tuple[asyncio.AbstractEventLoop, asyncio.Future[None]] | None = None

    def put(self, chunk: AudioChunk) -> None:
        """Adds a chunk; after the end it is dropped."""
        with self._changed:
            if not self._ended:
                self._chunks.append(chunk)
            self._wake()

    def end(self, error: BaseException | None = None, drop: bool = False) -> None:
        """No more will come; what is there can still be taken unless it is to be dropped. The first end counts."""
        with self._changed:
            if drop:
                self._chunks.clear()
            if not self._ended:
                self._ended, self._error = True, error
            self._wake()

    def waiting(self, row: int) -> float:
        """Seconds of a row's audio that nobody took yet."""
        with self._changed:
            return sum(len(chunk.samples) / chunk.rate for chunk in self._chunks if chunk.row == row)

    def take(self) -> AudioChunk | None:
        """The next chunk, waited for; None at the end.

        Raises:
            What the speech failed with.
        """
        with self._changed:
            while not self._settled():
                self._changed.wait()
            return self._next()

    async def atake(self) -> AudioChunk | None:
        """As `take`, on asyncio."""
        loop = asyncio.get_running_loop()
        while True:
            with self._changed:
                if self._settled():
                    return self._next()
                sleeper = loop.create_future()
                self._sleeper = loop, sleeper
            await sleeper

    def _settled(self) -> bool:
        return bool(self._chunks) or self._ended

    def _next(self) -> AudioChunk | None:
        if self._chunks:
            return self._chunks.popleft()
        if self._error is not None:
            raise self._error
        return None

    def _wake(self) -> None:
        self._changed.notify_all()
        if self._sleeper is not None:
            (loop, sleeper), self._sleeper = self._sleeper, None
            with contextlib.suppress(RuntimeError):  # that loop is closed: nobody listens there
                loop.call_soon_threadsafe(_settle, sleeper)


def _settle(sleeper: "asyncio.Future[None]") -> None:
    if not sleeper.done():  # a task that is cancelled has cancelled it
        sleeper.set_result(None)
