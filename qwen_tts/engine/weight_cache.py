"""Packed weights, made once and kept in the user's cache: `engines/KEY.weights`, a digest and then the bytes.

The key is a digest of what the weights are. The bytes are read into memory that the system may keep in huge pages: a frame
reads nearly all of them, and is a third faster so.
"""

import hashlib
import mmap
import warnings
from pathlib import Path

import torch
from torch import Tensor

from ..files import cache_root, whole_file
from ..talker.talker import Talker
from .pack import pack, pieces, size

FORMAT = 1  # to be raised when `pack` changes
SPOTS, SAMPLE = 2, 1024  # places of each matrix, and numbers there: no two trainings share them, and few pages are read


def packed_weights(talker: Talker, bits: int) -> Tensor:
    """The bytes of `pack`, from the cache if it holds them whole; uint8 [size(talker, bits)]."""
    path = cache_root() / "engines" / f"{key(talker, bits)}.weights"
    out = _memory(size(talker, bits))
    if not _read(path, out):
        pack(talker, bits, out)
        _write(path, out)
    return out


@torch.inference_mode()
def key(talker: Talker, bits: int) -> str:
    """Tells packed weights from all others; of a sample of them."""
    digest = hashlib.sha256(f"{FORMAT} {bits}".encode())
    for piece in pieces(talker, bits):
        digest.update(f"{piece.name} {piece.bits} {piece.outputs} {piece.inputs}".encode())
        for source in piece.sources:
            spread = source.flatten()[: source.numel() // SPOTS * SPOTS].view(SPOTS, -1)
            digest.update(spread[:, :SAMPLE].float().numpy().tobytes())
    return digest.hexdigest()[:32]


def _memory(count: int) -> Tensor:
    if hasattr(mmap, "MADV_HUGEPAGE"):  # Linux; memory that could be shared would not get them
        room = mmap.mmap(-1, max(count, 1), mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        room.madvise(mmap.MADV_HUGEPAGE)
    else:
        room = mmap.mmap(-1, max(count, 1))
    return torch.frombuffer(room, dtype=torch.uint8, count=count)


def _view(data: Tensor) -> memoryview:
    return memoryview(data.numpy())  # type: ignore[arg-type]


def _digest(data: Tensor) -> bytes:
    return hashlib.sha256(_view(data)).digest()


def _read(path: Path, out: Tensor) -> bool:
    """Whether the file was there, and whole."""
    try:
        with path.open("rb") as file:
            digest = file.read(32)
            whole = file.readinto(_view(out)) == len(out) and not file.read(1)
    except OSError:
        return False
    return whole and _digest(out) == digest


def _write(path: Path, data: Tensor) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial, partial.open("wb") as file:
            file.write(_digest(data))
            file.write(_view(data))
    except OSError as error:
        where = f"the packed weights cannot be kept in {path.parent} ({error.strerror})"
        warnings.warn(f"{where}; they are made anew each time", stacklevel=2)
