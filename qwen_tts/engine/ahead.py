"""Engines on a device that computes while the host does something else."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from torch import Tensor

from . import Engine, EngineState


@runtime_checkable
class AheadEngine(Engine, Protocol):
    """An engine of which two steps may be under way: the host reads one while the next is computed."""

    def launch(self, state: EngineState, uniforms: Tensor) -> Callable[[], Tensor]:
        """Begins `step`; the call that it returns waits for its codes, on the CPU. One more step may be begun before that.

        So a row may be stepped once after its end; what comes out means nothing.
        """
        ...
