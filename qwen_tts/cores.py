"""The processor's cores, between the parts of this program that compute side by side.

While one part decodes in a thread of its own, a language model with threads to spare leaves it a core: threads that wait for
each other at every layer lose more by a core that is taken away than by one they never had.
"""

import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from ctypes import c_int32

import torch

TAKEN = c_int32(0)  # cores that somebody keeps busy; the native kernel reads it, too
_lock = threading.Lock()


@contextmanager
def core_taken() -> Generator[None, None, None]:
    """The caller keeps a core busy."""
    with _lock:
        TAKEN.value += 1
    try:
        yield
    finally:
        with _lock:
            TAKEN.value -= 1


def use_one_core() -> None:
    """PyTorch is to use one thread for what the calling thread does. It also forgets how many threads to come shall use."""
    torch.get_num_threads()  # a thread's first call of anything parallel brings it to the common number: not later, then
    torch.set_num_threads(1)


def one_core_worker() -> ThreadPoolExecutor:
    """A single thread for which PyTorch uses one core."""
    threads = torch.get_num_threads()
    worker = ThreadPoolExecutor(1, "qwen_tts-beside")
    worker.submit(use_one_core).result()
    torch.set_num_threads(threads)
    return worker
