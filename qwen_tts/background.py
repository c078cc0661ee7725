"""Streams for programs that run on asyncio: the work is done in a thread of its own, one chunk for each that is asked for.

    event loop   anext ──────────────> await        text arrives: pulled by the worker, awaited here
    worker               next(stream) ──> chunk

Nothing is made ahead, so whoever is slow to take chunks slows the work. What ends the wait ends the work: `aclose`, a timeout,
the cancelling of the task.
"""

import asyncio
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec

from .chunks import AudioChunk, ChunkStream

P = ParamSpec("P")


def in_background(call: Callable[P, ChunkStream]) -> Callable[P, AsyncGenerator[AudioChunk, None]]:
    """The async twin of a call that streams: the same arguments, of which `text` may also be an async iterator.

    Everything happens in the background, the checking of arguments too: errors come when the first chunk is asked for.
    """
    signature = inspect.signature(call)

    def begin(*args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[AudioChunk, None]:
        return _run(call, signature.bind(*args, **kwargs))

    begin.__name__ = f"a{call.__name__}"
    begin.__qualname__ = call.__qualname__.replace(call.__name__, begin.__name__)
    begin.__doc__ = (
        f"As `{call.__name__}`, off the event loop; text may also be an async iterator of strings. See `background`."
    )
    begin.__signature__ = signature  # type: ignore[attr-defined]
    return begin


async def _run(call: Callable[..., ChunkStream], bound: inspect.BoundArguments) -> AsyncGenerator[AudioChunk, None]:
    loop, texts = asyncio.get_running_loop(), []
    given = bound.arguments["text"]

    def pulled(text: Any) -> Any:
        if not isinstance(text, Iterator | AsyncIterator):
            return text
        texts.append(PulledText(text, loop))
        return texts[-1]

    bound.arguments["text"] = [pulled(text) for text in given] if isinstance(given, list) else pulled(given)
    worker = ThreadPoolExecutor(1, thread_name_prefix="qwen_tts")
    speech = None
    beginning = worker.submit(call, *bound.args, **bound.kwargs)
    try:
        speech = await asyncio.wrap_future(beginning)
        while (chunk := await loop.run_in_executor(worker, next, speech, None)) is not None:
            yield chunk
    finally:
        if speech is not None:
            speech.close()
        for text in texts:
            text.cancel()
        if speech is not None:
            await loop.run_in_executor(worker, speech.close)  # after the frame that is being made: then all is freed
        else:
            beginning.add_done_callback(_close)
        worker.shutdown(wait=False)


def _close(beginning: "Future[ChunkStream]") -> None:
    """Ends speech that began when nobody waited for it any more."""
    if not beginning.cancelled() and beginning.exception() is None:
        beginning.result().close()


class PulledText(Iterator[str]):
    """An iterator of the event loop's side, as a blocking one for the worker. Pieces are asked for one at a time."""

    END = object()

    def __init__(self, pieces: Iterator[str] | AsyncIterator[str], loop: asyncio.AbstractEventLoop) -> None:
        self._pieces, self._loop = pieces, loop
        self._waiting: Future[Any] | None = None
        self._cancelled = False

    def __next__(self) -> str:
        self._waiting = asyncio.run_coroutine_threadsafe(self._pull(), self._loop)
        if self._cancelled:  # perhaps before there was anything to cancel
            self._waiting.cancel()
        piece = self._waiting.result()  # or CancelledError, which ends the worker's work
        if piece is self.END:
            raise StopIteration
        return piece

    def cancel(self) -> None:
        """Wakes the worker if it waits for a piece."""
        self._cancelled = True
        if self._waiting is not None:
            self._waiting.cancel()

    async def _pull(self) -> Any:
        if isinstance(self._pieces, AsyncIterator):
            return await anext(self._pieces, self.END)
        return await asyncio.to_thread(next, self._pieces, self.END)  # it may block: not here
