"""What a trainer keeps of itself between two runs."""

from typing import Any

from torch import nn, optim

from qwen_tts.train.loop import Average


class Kept:
    """A trainer with parts that are saved under their names, and a moving average of what it learns."""

    def keep(self, average: Average, **parts: nn.Module | optim.Optimizer) -> None:
        self.average, self._parts = average, parts

    def state_dict(self) -> dict[str, Any]:
        return {name: part.state_dict() for name, part in self._parts.items()} | {"average": self.average.values}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name, part in self._parts.items():
            part.load_state_dict(state[name])
        self.average.restore(state["average"])
