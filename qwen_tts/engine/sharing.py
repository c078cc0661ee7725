"""Engines that compute on the processor and leave some of it to others."""

from typing import Protocol, runtime_checkable

from . import Engine


@runtime_checkable
class SharingEngine(Engine, Protocol):
    """An engine that steps with fewer threads while others keep cores busy (cores.py); so something may go on beside it.

    Attributes:
        threads: at most.
    """

    threads: int
