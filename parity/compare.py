"""Compares what the two sides kept, stage by stage, and prints the table. Exit code 1 when a row is out of bounds.

compare.py OFFICIAL OURS [--report FILE]
"""

import argparse
import datetime
import json
import platform
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tasks
import torch
from results import load

BOUND = 1e-4
Pair = tuple[np.ndarray | None, np.ndarray | None]
# Stage of a task -> its name in the table. Integers must be identical, the others within BOUND.
STAGES = {
    "text_ids": "text ids", "instruct_ids": "instruction ids", "ref_ids": "transcript ids",
    "reference_codes": "reference codes", "speaker_vector": "speaker vector",
    "prompt": "prompt embeddings", "trailing": "trailing text", "hidden": "hidden states",
    "logits": "talker logits", "code_logits": "predictor logits", "codes": "generated codes", "wave": "wave",
}  # fmt: skip
VERSIONS = {"qwen-tts (official)": "0.1.1", "transformers (official)": "4.57.3"}


@dataclass(frozen=True)
class Row:
    """One line of the table: the worst of `count` compared numbers. bound None: shown, not judged."""

    stage: str
    task: str
    difference: float
    count: int
    bound: float | None

    @property
    def ok(self) -> bool:
        return self.bound is None or self.difference <= self.bound

    def cells(self) -> tuple[str, str, str, str, str, str]:
        exact = self.bound == 0
        shown = f"{int(self.difference)} differ" if exact and self.difference < np.inf else f"{self.difference:.1e}"
        bound = "identical" if exact else "-" if self.bound is None else f"{self.bound:.0e}"
        return self.stage, self.task, shown, f"{self.count:,}", bound, "ok" if self.ok else "OUT OF BOUNDS"


def difference(theirs: np.ndarray | None, ours: np.ndarray | None) -> tuple[float, float]:
    """The worst difference, or of integers how many differ, and the bound. Infinite where one is missing or misshapen."""
    if theirs is None or ours is None or theirs.shape != ours.shape:
        return np.inf, 0.0
    if np.issubdtype(theirs.dtype, np.integer):
        return float((theirs != ours).sum()), 0.0
    worst = np.abs(theirs.astype(np.float64) - ours).max(initial=0)
    return (float(worst) if np.isfinite(worst) else np.inf), BOUND


def compare(stage: str, task: str, pairs: Sequence[Pair]) -> Row:
    found = [difference(*pair) for pair in pairs]
    worst = sum(d for d, _ in found) if found[0][1] == 0 else max(d for d, _ in found)
    return Row(stage, task, worst, sum(theirs.size for theirs, _ in pairs if theirs is not None), found[0][1])


def text_rows(official: Path, ours: Path) -> Iterator[Row]:
    theirs, mine = load(official, "text"), load(ours, "text")
    for split in ("qwen", "mistral"):
        pairs = [(theirs[name], mine.get(name)) for name in theirs if name.startswith(split)]
        yield compare("text ids", f"{len(pairs)} texts, split of {split}", pairs)


def sound_rows(official: Path, ours: Path) -> Iterator[Row]:
    for kind in ("0.6B-Base", "1.7B-Base"):
        theirs, mine = load(official, f"speaker-{kind}"), load(ours, f"speaker-{kind}")
        for stage, prefix in (("mel", "mel"), ("speaker vector", "vector")):
            pairs = [(theirs[name], mine.get(name)) for name in theirs if name.startswith(prefix)]
            yield compare(stage, f"{kind}, {len(pairs)} lengths", pairs)


def codec_rows(official: Path, ours: Path) -> Iterator[Row]:
    theirs, mine = load(official, "codec"), load(ours, "codec")
    for name, wanted in theirs.items():
        what, number, *note = name.split(maxsplit=2)
        if what == "encode":
            yield compare("codes of a sound", " ".join([f"{int(number):,} samples", *note]), [(wanted, mine.get(name))])
        elif int(number) <= 300:
            yield compare("decoded wave", " ".join([f"{number} frames", *note]), [(wanted, mine.get(name))])
        else:
            windowed = mine.get(f"decode windowed {number}")
            yield compare("decoded wave, windowed", f"{number} frames", [(wanted, windowed)])
            exact = compare("decoded wave, one pass", f"{number} frames (official: in windows)", [(wanted, mine.get(name))])
            yield Row(exact.stage, exact.task, exact.difference, exact.count, None)


def task_rows(official: Path, ours: Path) -> Iterator[Row]:
    sides = [(task, official, "") for task in tasks.all_tasks()]
    sides += [(task, official / "eager", " (eager attention)") for task in tasks.eager_tasks()]
    for task, folder, note in sides:
        theirs, mine = load(folder, task.file), load(ours, task.file)
        for key, stage in STAGES.items():
            names = [f"{row}/{key}" for row in range(len(task.texts))]
            pairs = [(theirs.get(name), mine.get(name)) for name in names if name in theirs or name in mine]
            if pairs:
                yield compare(stage, f"{task.model}: {task.name}{note}", pairs)


def table(lines: list[tuple[str, ...]]) -> str:
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    padded = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines]
    padded.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(padded)


def by_task(rows: list[Row]) -> str:
    """A line a task and a column a stage: the short form for the report."""
    names = list(dict.fromkeys(STAGES.values()))
    cells = {(row.task, row.stage): row for row in rows}
    chosen = [name for name in dict.fromkeys(row.task for row in rows) if (name, "wave") in cells]
    lines = [("task", *names)]
    for task in chosen:
        found = [cells.get((task, stage)) for stage in names]
        lines.append((task, *("" if row is None else "same" if row.bound == 0 and row.ok else row.cells()[2] for row in found)))
    return table(lines)


def summary(rows: list[Row]) -> dict[str, object]:
    judged = [row for row in rows if row.bound is not None]
    exact = [row for row in judged if row.bound == 0]
    return {
        "rows": len(judged), "out_of_bounds": sum(not row.ok for row in judged), "exact_rows": len(exact),
        "integers": sum(row.count for row in exact), "integers_that_differ": sum(row.difference for row in exact),
        "floats": sum(row.count for row in judged if row.bound), "bound": BOUND,
        "worst": max((row.difference for row in judged if row.bound), default=0.0),
    }  # fmt: skip


def report(rows: list[Row]) -> str:
    versions = VERSIONS | {"torch": torch.__version__.partition("+")[0], "python": platform.python_version()}
    stamp = " · ".join([datetime.date.today().isoformat(), *(f"{name} {version}" for name, version in versions.items())])
    of_tasks = {row.task for row in rows if row.stage == "wave"}
    others = [row for row in rows if row.task not in of_tasks]
    return f"""# Parity with the official package

{stamp} · CPU, fp32, one thread

Made by `make parity` (see `parity/README.md`) with the same random weights in both packages. "same": every integer is
identical. A number: the greatest absolute difference (bound {BOUND:.0e}). Speech is greedy and {tasks.FRAMES} frames long
unless the task says otherwise.

{by_task(rows)}

{table([("stage", "what", "max abs diff", "numbers", "bound", "ok"), *(row.cells() for row in others)])}

`{json.dumps(summary(rows))}`
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("official", type=Path)
    parser.add_argument("ours", type=Path)
    parser.add_argument("--report", type=Path, help="also write a short form of the table as Markdown")
    args = parser.parse_args()
    rows = [row for make in (text_rows, sound_rows, codec_rows, task_rows) for row in make(args.official, args.ours)]
    print(table([("stage", "task", "max abs diff", "numbers", "bound", "ok"), *(row.cells() for row in rows)]))
    print(json.dumps(summary(rows)))
    if args.report is not None:
        args.report.parent.mkdir(parents=True, exist_ok=True)
        args.report.write_text(report(rows), "utf-8")
    sys.exit(any(not row.ok for row in rows))


if __name__ == "__main__":
    main()
