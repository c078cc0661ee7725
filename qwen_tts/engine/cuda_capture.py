"""Recording device work once and replaying it: the one place that knows of CUDA streams, graphs and pinned memory.

A function that is recorded takes nothing and returns nothing. It may read weights and `Buffers`, write `Buffers`, and make
tensors of its own; it must not look at a value on the host, copy from or to it, or make tensors whose shapes depend on values.
Everything that Python decides inside (a loop, a slice, a branch) is decided once.

    NoCapture     runs the function each time: the off switch, and what any device can do
    CudaCapture   a CUDA graph
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

Run = Callable[[], None]
WARM_UP = 2  # runs before a recording: libraries make their workspaces, the allocator finds its sizes


@dataclass(frozen=True, slots=True)
class Buffers:
    """What a recorded function writes outside itself; their memory must stay where it is.

    kept: is as before after a recording, though the function was run to warm up. scratch: need not be.
    """

    kept: tuple[Tensor, ...]
    scratch: tuple[Tensor, ...] = ()

    @contextmanager
    def restored(self) -> Iterator[None]:
        """Puts the kept ones back, whatever was done to them."""
        before = [tensor.clone() for tensor in self.kept]
        yield
        for tensor, value in zip(self.kept, before, strict=True):
            tensor.copy_(value)


class Capture(Protocol):
    """Recording and moving data in one order: what is sent before a replay is there, what is fetched after is its result."""

    def record(self, function: Run, buffers: Buffers) -> Run:
        """Makes `function` a call that repeats its work; the kept buffers are as before."""
        ...

    def working(self) -> AbstractContextManager[object]:
        """Around all work on the buffers that is not a replay: it keeps its place in the order, and the caller's too."""
        ...

    def send(self, source: Tensor, target: Tensor) -> None:
        """Copies, from the host as a rule; the host does not wait, and may change `source` at once."""
        ...

    def fetch(self, source: Tensor) -> Callable[[], Tensor]:
        """Begins a copy to the host; the call that it gives waits for it, not for what was begun later."""
        ...


class NoCapture:
    """Runs functions as they are, on the device that their tensors are on."""

    def record(self, function: Run, buffers: Buffers) -> Run:
        return function

    def working(self) -> AbstractContextManager[object]:
        return nullcontext()

    def send(self, source: Tensor, target: Tensor) -> None:
        target.copy_(source)

    def fetch(self, source: Tensor) -> Callable[[], Tensor]:
        fetched = source.to("cpu", copy=True)
        return lambda: fetched


class CudaCapture:
    """CUDA graphs that share one memory pool, replayed on a stream of their own.

    They share the pool because they never run at once: what they leave for each other is in `Buffers`. Only one thread records
    or replays at a time.
    """

    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.Stream(device)
        self._pool = torch.cuda.graph_pool_handle()
        self._lock = threading.RLock()

    def record(self, function: Run, buffers: Buffers) -> Run:
        graph = torch.cuda.CUDAGraph()
        with self.working():
            for _ in range(WARM_UP):
                with buffers.restored():
                    function()
            self._stream.synchronize()
            # Other threads may go on allocating: only this one's calls must be fit for a graph.
            with torch.cuda.graph(graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"):
                function()

        def replay() -> None:
            with self._lock, torch.cuda.stream(self._stream):
                graph.replay()

        return replay

    @contextmanager
    def working(self) -> Iterator[None]:
        with self._lock:
            caller = torch.cuda.current_stream(self._stream.device)
            self._stream.wait_stream(caller)  # what the caller made is ready
            with torch.cuda.stream(self._stream):
                yield
            caller.wait_stream(self._stream)  # and is not given away before it was read

    def send(self, source: Tensor, target: Tensor) -> None:
        if source.is_cuda:
            with self.working():
                target.copy_(source)
            return
        staged = torch.empty(source.shape, dtype=source.dtype, pin_memory=True).copy_(source)
        with self._lock, torch.cuda.stream(self._stream):
            target.copy_(staged, non_blocking=True)  # the allocator keeps `staged` until that is done

    def fetch(self, source: Tensor) -> Callable[[], Tensor]:
        with self._lock, torch.cuda.stream(self._stream):
            fetched = torch.empty(source.shape, dtype=source.dtype, pin_memory=True)
            fetched.copy_(source, non_blocking=True)
            done = torch.cuda.Event()
            done.record(self._stream)

        def wait() -> Tensor:
            done.synchronize()
            return fetched

        return wait
