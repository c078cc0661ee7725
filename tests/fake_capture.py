"""CUDA graphs acted out on a CPU: what is recorded is run again at each replay, and every way to go wrong on a GPU raises.

A graph repeats the same kernels on the same memory with the same numbers. So at each replay the sequence of operations, the
shapes, the scalars and the memory from outside that they use must be those of the recording. And in a recording
    no value may reach the host, nothing may come from it, no random number is drawn,
    nothing is written but the function's own tensors and the registered buffers.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from qwen_tts.engine.cuda_capture import Buffers, Run

SYNCHRONISING = {
    "aten::_local_scalar_dense", "aten::item", "aten::is_nonzero", "aten::nonzero", "aten::masked_select", "aten::equal",
    "aten::unique_dim", "aten::_unique2", "aten::unique_consecutive", "aten::bincount", "aten::argwhere",
}  # fmt: skip
RANDOM = ("aten::rand", "aten::bernoulli", "aten::multinomial", "aten::normal", "aten::uniform", "aten::exponential")
ELSEWHERE = {"aten::pin_memory", "aten::_pin_memory", "aten::cpu", "aten::cuda"}


class CaptureError(AssertionError):
    """Would fail, or compute something else, on a GPU."""


class Watch(TorchDispatchMode):
    """Checks operations while it is entered, and writes down what a graph would hold of them."""

    def __init__(self, buffers: Buffers) -> None:
        super().__init__()
        self.trace: list[Any] = []
        self.outside: list[Tensor] = []  # kept, so that their memory is not given to others
        self._writable = {_storage(t) for t in (*buffers.kept, *buffers.scratch)}
        self._known: dict[int, str] = {}
        self._inside: list[Tensor] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None) -> Any:
        kwargs = kwargs or {}
        self._refuse(func, args, kwargs)
        self.trace.append((str(func), *(self._mark(value) for value in tree_flatten((args, kwargs))[0])))
        out = func(*args, **kwargs)
        for value in tree_flatten(out)[0]:
            if isinstance(value, Tensor) and _storage(value) not in self._known:
                self._known[_storage(value)] = f"made {len(self._inside)}"
                self._inside.append(value)
        return out

    def _refuse(self, func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        name = func._schema.name
        if name in SYNCHRONISING:
            raise CaptureError(f"{name}: the host looks at a value")
        if name.startswith(RANDOM):
            raise CaptureError(f"{name}: a random number")
        if name in ELSEWHERE or (name == "aten::_to_copy" and str(kwargs.get("device") or "cpu") != "cpu"):
            raise CaptureError(f"{name}: a copy between devices")
        if name == "aten::lift_fresh" and args[0].dim():
            raise CaptureError("torch.tensor(..): values of the host; on a GPU a copy that waits")
        indices = args[1] if name in ("aten::index", "aten::index_put", "aten::index_put_") else ()
        if any(isinstance(i, Tensor) and i.dtype in (torch.bool, torch.uint8) for i in indices):
            raise CaptureError(f"{name} by a mask: a shape that depends on values")
        if name == "aten::repeat_interleave" and func._overloadname != "self_int":
            raise CaptureError(f"{name}: a shape that depends on values")
        for argument, value in zip(func._schema.arguments, args, strict=False):
            if argument.alias_info is not None and argument.alias_info.is_write and isinstance(value, Tensor):
                self._check_write(name, value)
        if isinstance(kwargs.get("out"), Tensor):
            self._check_write(name, kwargs["out"])

    def _check_write(self, name: str, target: Tensor) -> None:
        self._mark(target)
        if self._known[_storage(target)].startswith("outside") and _storage(target) not in self._writable:
            raise CaptureError(f"{name} writes a tensor from outside, of shape {list(target.shape)}, that is not registered")

    def _mark(self, value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        if _storage(value) not in self._known:
            self._known[_storage(value)] = f"outside {_storage(value):x}"
            self.outside.append(value)
        where = self._known[_storage(value)]
        if value.dim() == 0 and where.startswith("outside"):  # a Python number on its way into an operation
            return value.dtype, value.tolist()
        return where, value.storage_offset(), tuple(value.shape), value.stride(), value.dtype


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


class FakeCapture:
    """A `Capture` whose replays are checked. `recorded` counts recordings, `replayed` replays."""

    def __init__(self) -> None:
        self.recorded = self.replayed = 0

    def record(self, function: Run, buffers: Buffers) -> Run:
        with buffers.restored():  # the warm-up of a real one
            function()
        with buffers.restored(), Watch(buffers) as first:  # a real one does not run what it records
            function()
        self.recorded += 1

        def replay() -> None:
            with Watch(buffers) as again:
                function()
            for number, (one, other) in enumerate(zip(first.trace, again.trace, strict=False)):
                if one != other:
                    raise CaptureError(f"operation {number} was recorded as {one} and is now {other}")
            if len(first.trace) != len(again.trace):
                raise CaptureError(f"{len(first.trace)} operations were recorded, now there are {len(again.trace)}")
            self.replayed += 1

        return replay

    def working(self) -> AbstractContextManager[object]:
        return nullcontext()

    def send(self, source: Tensor, target: Tensor) -> None:
        target.copy_(source)

    def fetch(self, source: Tensor) -> Callable[[], Tensor]:
        fetched = source.clone()
        return lambda: fetched
