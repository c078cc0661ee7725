"""Training by several processes, as `torchrun --nproc-per-node N` starts them. Alone, everything here does nothing."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import nn


@contextmanager
def processes(device: str) -> Iterator[str]:
    """Joins the others, if a launcher says that there are any; gives the device of this process."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield device
        return
    on_cpu = device == "cpu" or not torch.cuda.is_available()
    dist.init_process_group("gloo" if on_cpu else "nccl")
    try:
        yield "cpu" if on_cpu else f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    finally:
        dist.destroy_process_group()


def count() -> int:
    """How many processes train."""
    return dist.get_world_size() if dist.is_initialized() else 1


def number() -> int:
    """Which of them this is; the first, 0, writes what is to be kept."""
    return dist.get_rank() if dist.is_initialized() else 0


def average_gradients(parameters: list[nn.Parameter]) -> None:
    """Gives every process the mean of all their gradients; none where none has any, since an optimizer would let it decay."""
    if dist.is_initialized() and parameters:
        learned = torch.tensor([parameter.grad is not None for parameter in parameters], device=parameters[0].device).int()
        dist.all_reduce(learned)
        for parameter in (one for one, some in zip(parameters, learned.tolist(), strict=True) if some):
            gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            dist.all_reduce(gradient)
            parameter.grad = gradient / dist.get_world_size()


def together() -> None:
    """Waits for all."""
    if dist.is_initialized():
        dist.barrier()
