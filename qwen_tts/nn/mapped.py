"""Weights that are the bytes of a mapped file need no place in memory while nobody reads them."""

import ctypes
import mmap
import re
from collections.abc import Iterator
from pathlib import Path

from torch import nn

MAPPINGS = Path("/proc/self/smaps")  # Linux; elsewhere nothing is given back


def give_back(module: nn.Module) -> None:
    """Lets the system have the memory of weights that are unchanged bytes of a file; reading them brings them back."""
    if not MAPPINGS.exists() or not hasattr(mmap, "MADV_DONTNEED"):
        return
    system, page = ctypes.CDLL(None), mmap.PAGESIZE
    tensors = [tensor for tensor in module.state_dict().values() if tensor.device.type == "cpu"]
    spans = sorted((tensor.data_ptr(), tensor.data_ptr() + tensor.nbytes) for tensor in tensors)
    for low, high in _unchanged_files():
        inside = [span for span in spans if low <= span[0] and span[1] <= high]
        for start, end in inside:
            first, last = -(-start // page) * page, end // page * page  # pages that are its alone
            if last > first:
                system.madvise(ctypes.c_void_p(first), ctypes.c_size_t(last - first), mmap.MADV_DONTNEED)


def _unchanged_files() -> Iterator[tuple[int, int]]:
    """Addresses of what is mapped from files and was not written to."""
    for entry in re.split(r"\n(?=[0-9a-f]+-[0-9a-f]+ )", MAPPINGS.read_text()):
        head, *details = entry.splitlines()
        fields = head.split(maxsplit=5)
        if len(fields) == 6 and fields[5].startswith("/") and "Anonymous:             0 kB" in details:
            low, _, high = fields[0].partition("-")
            yield int(low, 16), int(high, 16)
