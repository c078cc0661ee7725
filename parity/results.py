"""What one side computed, as files: named arrays, one file a task."""

from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

Arrays = dict[str, np.ndarray]


def save(folder: Path, name: str, arrays: Arrays) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    save_file({key: np.ascontiguousarray(value) for key, value in arrays.items()}, folder / f"{name}.safetensors")


def load(folder: Path, name: str) -> Arrays:
    return load_file(folder / f"{name}.safetensors")


def load_all(folder: Path) -> dict[str, Arrays]:
    """Name of the file -> its arrays."""
    return {path.stem: load_file(path) for path in sorted(folder.glob("*.safetensors"))}
