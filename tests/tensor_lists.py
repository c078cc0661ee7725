"""Reads the lists of released tensors in tests/released."""

import itertools
import re
from pathlib import Path

RELEASED = Path(__file__).parent / "released"


def read(name: str) -> dict[str, list[int]]:
    """Names and shapes from a list; "layers.{0-3}.norm" stands for four names, "{9,14}" for two."""
    shapes = {}
    for line in (RELEASED / name).read_text("utf-8").splitlines():
        if line.startswith("#"):
            continue
        pattern, shape = line.split()
        ranges = [_numbers(choice) for choice in re.findall(r"\{([\d,-]+)\}", pattern)]
        for numbers in itertools.product(*ranges):
            filled = re.sub(r"\{[\d,-]+\}", "{}", pattern).format(*numbers)
            shapes[filled] = [int(size) for size in shape.split("x")]
    return shapes


def _numbers(choice: str) -> list[int]:
    if "," in choice:
        return [int(number) for number in choice.split(",")]
    first, last = choice.split("-")
    return list(range(int(first), int(last) + 1))
