"""What the benchmarks share: the held-out sentences, the machine's description, a table, and one JSON line at the end."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

HERE = Path(__file__).parent
RESULTS = HERE / "results"


def heldout(language: str = "English") -> dict[str, str]:
    """Sentences that are in no training text: id -> sentence."""
    path = HERE / {"English": "heldout_en.txt", "Chinese": "heldout_zh.txt"}[language]
    return dict(line.split("\t") for line in path.read_text("utf-8").splitlines())


def machine() -> str:
    """Processor, cores and versions, in a line."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text("utf-8").splitlines() if cpuinfo.exists() else []
    name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    return (
        f"{name or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, torch {torch.__version__}"
    )


def p95(values: Sequence[float]) -> float:
    """What 95 % of the values do not exceed; 0 of none."""
    return sorted(values)[int(0.95 * (len(values) - 1))] if values else 0.0


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns line up; all but the first are numbers, to the right."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    pad = [str.ljust] + [str.rjust] * (len(head) - 1)
    lines = ["| " + " | ".join(p(c, w) for p, c, w in zip(pad, row, widths, strict=True)) + " |" for row in (head, *rows)]
    rule = "|" + "|".join([":" + "-" * (widths[0] + 1)] + ["-" * (w + 1) + ":" for w in widths[1:]]) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def plot(name: str, across: str, x: Sequence[float], panels: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
    """Keeps `results/NAME.svg`: a panel for each quantity, from 0 upwards, with a line for each of its series."""
    import matplotlib  # pyright: ignore[reportMissingImports]

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = name  # the same figures give the same file
    from matplotlib import pyplot  # pyright: ignore[reportMissingImports]

    figure, axes = pyplot.subplots(1, len(panels), figsize=(4.5 * len(panels), 3.2), squeeze=False, layout="constrained")
    for axis, (quantity, series) in zip(axes[0], panels.items(), strict=True):
        for label, values in series.items():
            axis.plot(x, values, marker="o", label=label)
        axis.set(xlabel=across, ylabel=quantity, xticks=list(x))
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
        axis.legend(frameon=False)
    RESULTS.mkdir(exist_ok=True)
    figure.savefig(RESULTS / f"{name}.svg", metadata={"Date": None})
    pyplot.close(figure)


def publish(name: str, title: str, body: str, result: Mapping[str, Any], options: str = "") -> None:
    """Prints the report and the JSON line, and keeps both in `results/NAME.md`. `options`: what was asked of the script."""
    line = json.dumps({"benchmark": name, **result})
    about = f"`{' '.join(['python', f'benchmarks/{name}.py', *options.split()])}` on {machine()}."
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(f"# {title}\n\n{about}\n\n{body}\n\n```json\n{line}\n```\n", "utf-8")
    print(f"{title}\n{about}\n\n{body}\n{line}")
