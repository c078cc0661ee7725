"""The rows of an engine that are in use: always the first ones, in a state that grows with them.

    leave(1)    a B c d  ->  a . c d  ->  a d c        the last one takes the free place: a step costs what is in use

States have 1, 2, 4 .. rows and 256, 512 .. positions. When they are full, everything moves to a larger one; when nobody is
left, the memory is free.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Generic, TypeVar

import torch
from torch import Tensor

from ..engine import Engine, EngineState
from ..prompt import Prompt
from ..sampling import SamplingOptions

LEAST_POSITIONS = 256
ROOM = 64  # positions for frames that a row has at first

Member = TypeVar("Member")


class EngineRows(Generic[Member]):
    """Whose utterances are in an engine. `members` are in the order of their places."""

    def __init__(self, engine: Engine, most: int) -> None:
        self.members: list[Member] = []
        self._engine, self._most = engine, most
        self._state: EngineState | None = None
        self._size = (0, 0)  # rows, positions
        self._positions: list[int] = []
        self._paused: set[int] = set()  # places

    def enter(
        self, members: Sequence[Member], prompts: Sequence[Prompt], sampling: Sequence[tuple[SamplingOptions, SamplingOptions]]
    ) -> None:
        """Begins utterances. If this fails, those that were there before go on unharmed."""
        needed = max(max(len(p.embeddings) + ROOM, len(p.trailing) + 3) for p in prompts)
        state, first = self._fit(len(self.members) + len(members), needed), len(self.members)
        self._engine.prefill(state, range(first, first + len(members)), prompts, sampling)
        self.members += members
        self._positions += [len(prompt.embeddings) - 1 for prompt in prompts]

    def feed(self, member: Member, text: Tensor) -> None:
        """One more text id of a member's, embedded [D]."""
        assert self._state is not None
        self._engine.feed(self._state, self.members.index(member), text)

    def step(self, numbers: Mapping[Member, Tensor]) -> dict[Member, Tensor]:
        """The next frame, codes [Q] on the CPU, of the members that random numbers [Q] are given for; the others wait."""
        moving = [place for place, member in enumerate(self.members) if member in numbers]
        self._wait({place for place in range(len(self.members)) if place not in moving})
        state = self._fit(len(self.members), max(self._positions[place] for place in moving) + 1)
        uniforms = torch.zeros(self._size[0], len(next(iter(numbers.values()))))
        for place in moving:
            uniforms[place] = numbers[self.members[place]]
            self._positions[place] += 1
        codes = self._engine.step(state, uniforms).cpu().clone()
        return {self.members[place]: codes[place] for place in moving}

    def leave(self, members: Iterable[Member]) -> None:
        """Frees the places of members; who is not here is no matter."""
        for member in members:
            if member in self.members:
                self._leave(self.members.index(member))
        if not self.members:
            self.clear()

    def clear(self) -> None:
        """Forgets all, and frees the memory."""
        self.members, self._positions, self._paused = [], [], set()
        self._state, self._size = None, (0, 0)

    def _leave(self, place: int) -> None:
        assert self._state is not None
        self._engine.release(self._state, [place])
        self._paused.discard(place)
        last = len(self.members) - 1
        if place != last:
            self._engine.move(self._state, last, self._state, place)
            self.members[place], self._positions[place] = self.members[last], self._positions[last]
            if last in self._paused:
                self._paused.add(place)
        self._paused.discard(last)
        del self.members[last], self._positions[last]

    def _wait(self, places: set[int]) -> None:
        assert self._state is not None
        if begin := places - self._paused:
            self._engine.pause(self._state, sorted(begin))
        if end := self._paused - places:
            self._engine.resume(self._state, sorted(end))
        self._paused = places

    def _fit(self, rows: int, positions: int) -> EngineState:
        """A state with so much room, in which everybody is."""
        if self._state is None or rows > self._size[0] or positions > self._size[1]:
            size = min(self._most, _power(max(rows, self._size[0]), 1)), _power(max(positions, self._size[1]), LEAST_POSITIONS)
            larger = self._engine.init_state(*size)
            for place in range(len(self.members)):
                assert self._state is not None
                self._engine.move(self._state, place, larger, place)
            self._state, self._size = larger, size
        return self._state


def _power(needed: int, least: int) -> int:
    """`least` times the power of two that holds `needed`."""
    while least < needed:
        least *= 2
    return least
