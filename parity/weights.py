"""Random weights that both sides load. NumPy only.

A tensor is a function of a seed, its name and its shape: whoever asks, in whatever order, gets the same numbers. They come
from the raw 64-bit stream of PCG64, which is fixed for good (NumPy's distributions are not), as uniform numbers of variance 1.
Scales are those of a net whose activations neither die nor explode, so that every part matters in the comparison.
"""

import hashlib
import math
import re
from collections.abc import Mapping

import numpy as np

Shape = tuple[int, ...]

TRANSPOSED = re.compile(r"^decoder\.(upsample\.\d+\.0|decoder\.\d+\.block\.1)\.conv\.weight$")
GAINS = (
    (re.compile(r"^decoder\.decoder\.\d+\.block\.(1|\d\.conv2)\.conv\.weight$"), 0.5),  # keep the samples off the clamp at 1
    (re.compile(r"^decoder\.decoder\.6\.conv\.weight$"), 0.15),
    (re.compile(r"^encoder\.encoder\..*bias$"), 0.1),  # let the codes hear the wave rather than the biases
    (re.compile(r"^encoder\.encoder\..*weight$"), 1.5),
)


def numbers(seed: str, name: str, shape: Shape) -> np.ndarray:
    """Uniform in (-sqrt 3, sqrt 3), fp32."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    raw = np.random.PCG64(int.from_bytes(digest[:16], "little")).random_raw(math.prod(shape))
    unit = (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return ((2 * unit - 1) * math.sqrt(3)).astype(np.float32).reshape(shape)


def tensor(seed: str, name: str, shape: Shape) -> np.ndarray:
    """The random tensor of this name, fp32."""
    x = numbers(seed, name, shape)
    gain = next((gain for pattern, gain in GAINS if pattern.search(name)), 1.0)
    parent, leaf = name.rpartition(".")[::2]
    if leaf == "initialized":
        return np.ones(shape, np.float32)
    if leaf == "cluster_usage":
        usage = 1 + 0.5 * np.abs(x)
        usage[::17] = 0  # codes that were never used: both sides must divide by the floor of 1e-5
        return usage
    if leaf in ("embed_sum", "embedding_sum"):
        usage = tensor(seed, f"{parent}.cluster_usage", shape[:1])
        return x * np.maximum(usage, np.float32(1e-5))[:, None]
    if leaf in ("alpha", "beta"):
        return 0.3 * x
    if leaf in ("scale", "gamma"):
        return 0.3 + 0.1 * x
    if leaf == "bias":
        return 0.1 * gain * x
    if len(shape) == 1:  # the weight of a norm
        return 1 + 0.2 * x
    if "embedding" in name:
        return 0.5 * x
    if name.endswith("codec_head.weight") or "lm_head" in name:
        return 3 * x / math.sqrt(shape[1])
    inputs = shape[0] * 2 if TRANSPOSED.search(name) else math.prod(shape[1:])  # its kernel is 2 strides: 2 inputs an output
    return gain * x / math.sqrt(inputs)


def tensors(seed: str, shapes: Mapping[str, Shape]) -> dict[str, np.ndarray]:
    return {name: tensor(seed, name, shape) for name, shape in shapes.items()}
