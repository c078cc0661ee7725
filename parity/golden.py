"""Which part of the official results the golden file keeps. `make_golden.py` writes it, `tests/test_golden.py` reads it."""

from pathlib import Path

import numpy as np
from results import Arrays
from safetensors.numpy import load_file, save_file

FILE = Path(__file__).parents[1] / "tests" / "golden" / "official.safetensors"

# An error of a vector shows in nearly all of its components: a few of them, at all positions, are enough to notice it.
SLICES = {
    "prompt": np.s_[:, :8], "trailing": np.s_[:, :8], "hidden": np.s_[:, :8], "logits": np.s_[::10, :96],
    "code_logits": np.s_[:2, :, ::2], "wave": np.s_[::151], "mel": np.s_[:, ::8], "decode": np.s_[::11],
}  # fmt: skip


def kept(name: str, values: np.ndarray) -> np.ndarray:
    """The kept part of the array `<row>/<stage>` or `<stage> <number>`; whole where no slice is given for the stage."""
    stage = name.rpartition("/")[2].split()[0]
    return np.ascontiguousarray(values[SLICES[stage]] if stage in SLICES else values)


def write(results: dict[str, Arrays]) -> None:
    """Keeps the results of all files: name of the file -> its arrays. Integers are stored in 16 bits."""
    tensors = {f"{file}/{name}": kept(name, values) for file, arrays in results.items() for name, values in arrays.items()}
    small = {name: value.astype(np.int16) if value.dtype == np.int64 else value for name, value in tensors.items()}
    FILE.parent.mkdir(parents=True, exist_ok=True)
    save_file(small, FILE)


def read(file: str) -> Arrays:
    """What is kept of one file's results; integers in 64 bits again."""
    found = {name.removeprefix(f"{file}/"): v for name, v in load_file(FILE).items() if name.startswith(f"{file}/")}
    return {name: value.astype(np.int64) if value.dtype == np.int16 else value for name, value in found.items()}
