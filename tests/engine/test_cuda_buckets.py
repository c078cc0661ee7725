"""Sizes are rounded up, and memory goes from one owner to the next."""

import gc
import weakref
from dataclasses import dataclass, field

import torch
from torch import Tensor

from qwen_tts.engine.cuda_buckets import Pool, bucket
from qwen_tts.engine.cuda_codec import CodecMemory
from qwen_tts.engine.cuda_frame import FrameMemory


def test_sizes_are_rounded_up():
    assert [bucket(n, (1, 2, 4, 64)) for n in (0, 1, 2, 3, 5, 64, 65, 128, 129)] == [1, 1, 2, 4, 64, 64, 128, 128, 192]


@dataclass(eq=False)
class Memory:
    rows: int
    places: int
    held: Tensor = field(default_factory=lambda: torch.zeros(2))


class Owner:
    pass


def test_memory_comes_back_when_its_owner_is_gone():
    pool, owners = Pool(Memory), [Owner() for _ in range(3)]
    made = [pool.take(*size) for size in ((1, 10), (4, 10), (2, 20))]
    for memory, owner in zip(made, owners, strict=True):
        pool.lend(memory, owner)
    assert pool.take(1, 10) not in made  # all are in use
    owners.clear()
    gc.collect()
    assert pool.take(1, 5) is made[0]  # the smallest that has room
    assert pool.take(2, 10) in made[1:]


def test_new_memory_replaces_free_memory_that_it_can_stand_in_for():
    pool, owner = Pool(Memory), Owner()
    small = pool.take(2, 10)
    gone = weakref.ref(small)
    pool.lend(small, owner)
    del owner, small
    pool.take(4, 20)
    gc.collect()
    assert gone() is None


def test_memories_are_told_apart_by_what_they_are_not_what_they_hold():
    assert FrameMemory.__eq__ is CodecMemory.__eq__ is object.__eq__
