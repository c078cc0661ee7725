"""What the trainers of this recipe share: their command line, how a step is taken, and what is kept between two runs."""

import argparse
from collections.abc import Container
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn, optim

from qwen_tts.train.loop import Average, learning_rate

ADDS = (".o_proj.weight", ".down_proj.weight", ".fc2.weight")  # what of a layer adds to what is there


def arguments(
    about: str | None, config: str, peak: float, *, steps: int = 3000, start: str | None = None
) -> argparse.Namespace:
    """Of a trainer's command line, whose threads and seed are then set. `start`: what it may be given to begin with."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("sounds", type=Path, help="folder of make_scores.py --sound")
    parser.add_argument("codebooks", type=Path, help="of codes.py")
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--peak", type=float, default=peak, help="the highest rate; lower to go on from what is good already")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--config", type=Path, default=Path(__file__).parent / "config" / config)
    if start is not None:
        parser.add_argument("--start", type=Path, help=start)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    return args


@torch.no_grad()
def add_nothing(module: nn.Module, known: Container[str]) -> None:
    """What of its layers has no known weights begins with adding nothing to what is there."""
    for name, weight in module.named_parameters():
        if name not in known and name.endswith(ADDS):
            weight.zero_()


def weights(path: Path, prefix: str) -> dict[str, Tensor]:
    """Those of a safetensors file whose names begin so, without that beginning, fp32."""
    return {name.removeprefix(prefix): t.float() for name, t in load_file(path).items() if name.startswith(prefix)}


def save_trainer(trainer: dict[str, Any], path: Path) -> None:
    """What a trainer's `state_dict` would give, as a training that begins with it reads it."""
    torch.save({"step": 0, "trainer": trainer}, path)


def save_talker(weights: dict[str, Tensor], path: Path) -> None:
    """As a talker's training takes it to begin with."""
    save_trainer({"talker": weights, "averages": {"talker": {}}}, path)


class Kept:
    """A trainer with an optimiser, a moving average of what it learns, and parts that are saved under their names."""

    def keep(
        self, learning: nn.Module, steps: int, peak: float, decay: float, also: nn.Module | None = None, **parts: Any
    ) -> None:
        """`learning` is learned and averaged, at a rate of up to `peak`; `also` is learned; modules and optimisers are kept."""
        learned = [*learning.parameters(), *(also.parameters() if also else ())]
        self.optimizer = torch.optim.AdamW(learned, lr=peak, betas=(0.9, 0.98), weight_decay=decay, fused=True)
        self.learning, self.steps, self.peak, self.average = learning, steps, peak, Average(learning)
        self._parts: dict[str, nn.Module | optim.Optimizer] = parts | {"optimizer": self.optimizer}

    def learn(self, step: int, loss: Tensor, longest: float) -> float:
        """Takes a step; of which length its gradient was, before it was made `longest` at most."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(step, self.steps, self.peak, 100, floor=0.02)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.learning.parameters(), longest)
        self.optimizer.step()
        self.average.update(step)
        return norm.item()

    def state_dict(self) -> dict[str, Any]:
        return {name: part.state_dict() for name, part in self._parts.items()} | {"average": self.average.values}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name, part in self._parts.items():
            part.load_state_dict(state[name])
        self.average.restore(state["average"])
