"""The loop of every trainer: steps, log, checkpoints that resume to the step.

A trainer draws all its randomness from (seed, step), so a run that was killed goes on exactly as if it had not been.
"""

import json
import os
import time
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from pickle import UnpicklingError
from statistics import fmean
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ..errors import DataError
from . import spread


class Trainer(Protocol):
    def step(self, step: int) -> dict[str, float]: ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


class Average:
    """Exponential moving average of a module's parameters (its buffers are copied)."""

    def __init__(self, module: nn.Module, decay: float = 0.999) -> None:
        self.module, self.decay = module, decay
        self.values = {name: p.detach().clone() for name, p in module.named_parameters()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        keep = min(self.decay, (1 + step) / (10 + step))
        for name, p in self.module.named_parameters():
            self.values[name].lerp_(p, 1 - keep)

    def restore(self, values: dict[str, Tensor]) -> None:
        """Takes up the `values` of an earlier run."""
        for name, value in values.items():
            self.values[name].copy_(value)


def save_atomically(state: dict[str, Any], path: Path) -> None:
    part = path.with_suffix(".part")
    torch.save(state, part)
    os.replace(part, path)


def learning_rate(step: int, steps: int, peak: float, warmup: int, floor: float = 0.1) -> float:
    """Linear warm-up, then a half cosine down to floor * peak."""
    if step < warmup:
        return peak * (step + 1) / warmup
    done = min(1.0, (step - warmup) / max(1, steps - warmup))
    return peak * (floor + (1 - floor) * 0.5 * (1 + torch.cos(torch.tensor(torch.pi * done)).item()))


def read_state(path: Path) -> dict[str, Any]:
    """What `train` wrote: "step" and "trainer".

    Raises:
        DataError: there is no such file, or it is damaged or another thing.
    """
    if not path.is_file():
        raise DataError(f"there is no file {path}; a training writes its state.pt into its folder")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError):
        state = None
    if not isinstance(state, dict) or not isinstance(state.get("trainer"), dict):
        raise DataError(f"{path} is no state of a training, or is damaged")
    return state


def saved_trainer(path: Path, part: str | None = None) -> dict[str, Any]:
    """What a trainer's `state_dict` gave when it was saved.

    Raises:
        DataError: as `read_state`; or it is another trainer's, without this part.
    """
    state = read_state(path)["trainer"]
    if part is not None and part not in state:
        raise DataError(f"{path} is not of `qwen-tts train {part}`: it holds {', '.join(state)}")
    return state


def fill(module: nn.Module, weights: dict[str, Tensor], path: Path) -> None:
    """Gives a module the weights that were saved in `path`. Raises DataError where they do not fit."""
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        raise DataError(f"{path} does not fit the config: {str(error).splitlines()[-1].strip()}") from None


def train(
    trainer: Trainer, steps: int, folder: Path, *, log_every: int = 50, save_minutes: float = 3,
    listen: Callable[[int], dict[str, float]] | None = None, listen_every: int = 500,
) -> None:  # fmt: skip
    """Runs `trainer` up to `steps`, going on from FOLDER/state.pt if it is there; writes FOLDER/log.jsonl.

    What `listen` finds every so many steps and at the end is in the log as well. Of several processes only the first writes.

    Raises:
        DataError: what is there is damaged, or of a training of another kind; or losses are infinite, or no numbers.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state_file = folder / "state.pt"
    first = 0
    if state_file.exists():
        state = read_state(state_file)
        try:
            trainer.load_state_dict(state["trainer"])
        except (RuntimeError, KeyError, ValueError) as error:
            what = str(error).splitlines()[-1].strip()
            raise DataError(
                f"{state_file} is of a training of another kind ({what}): give the options, the data and the model "
                "that it began with, or begin anew in another folder"
            ) from None
        first = state["step"]
    saved = noted = time.monotonic()
    figures: dict[str, list[float]] = {}  # since the last line of the log
    last, writes = first, spread.number() == 0
    with (folder / "log.jsonl").open("a", encoding="utf-8") as log:
        for step in range(first, steps):
            for name, value in trainer.step(step).items():
                if not isfinite(value):
                    raise DataError(
                        f"{name} is no number any more at step {step + 1}; {state_file} is as it was before, if it is there: "
                        "take a lower learning rate"
                    )
                figures.setdefault(name, []).append(value)
            now = time.monotonic()
            listens = listen is not None and ((step + 1) % listen_every == 0 or step + 1 == steps)
            if writes and ((step + 1) % log_every == 0 or step + 1 == steps or listens):
                row = {"step": step + 1, "seconds_per_step": round((now - noted) / (step + 1 - last), 3)}
                row |= {name: round(fmean(values), 4) for name, values in figures.items()}
                if listen is not None and listens:
                    row |= {name: round(value, 4) for name, value in listen(step + 1).items()}
                log.write(json.dumps(row) + "\n")
                log.flush()
                print(json.dumps(row), flush=True)
                figures, last, noted = {}, step + 1, time.monotonic()
            if writes and (now - saved > save_minutes * 60 or step + 1 == steps):
                save_atomically({"step": step + 1, "trainer": trainer.state_dict()}, state_file)
                saved = time.monotonic()
