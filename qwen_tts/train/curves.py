"""A training's log as pictures: one panel for each figure, a line for each run."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import DataError
from ..files import whole_file


def read_log(path: Path) -> list[dict[str, float]]:
    """The lines of a `log.jsonl`; of lines with the same step (a run that was killed and went on) the last counts.

    Raises:
        DataError: there is no such file, or it is no log.
    """
    if not path.is_file():
        raise DataError(f"there is no file {path}; a training writes its log.jsonl into its folder")
    found: dict[float, dict[str, float]] = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            found[row["step"]] = {name: float(value) for name, value in row.items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise DataError(f"{path}, line {number} is no line of a training's log: {line[:80]!r}") from None
    if not found:
        raise DataError(f"{path} is empty: a line is written every 50 steps")
    return [found[step] for step in sorted(found)]


def draw(folders: Sequence[Path], out: Path) -> list[str]:
    """Writes OUT (.svg, .png or .pdf); returns the names of the figures, a panel each, in the order of the log.

    Raises:
        DataError: a folder has no log, or there is none for OUT; or matplotlib is not there.
    """
    alone = len({folder.name for folder in folders}) == len(folders)  # else runs of one name hide each other
    above = os.path.commonpath([folder.resolve() for folder in folders])
    labels = [folder.name if alone else os.path.relpath(folder.resolve(), above) for folder in folders]
    logs = {label: read_log(folder / "log.jsonl") for label, folder in zip(labels, folders, strict=True)}
    if not out.parent.is_dir():
        raise DataError(f"the folder {out.parent} does not exist; make it first")
    try:
        import matplotlib  # pyright: ignore[reportMissingImports]
    except ModuleNotFoundError:
        raise DataError("plots need matplotlib: pip install 'qwen-tts[bench]'") from None
    matplotlib.use("agg")
    from matplotlib import pyplot  # pyright: ignore[reportMissingImports]

    names = list(dict.fromkeys(name for rows in logs.values() for row in rows for name in row if name != "step"))
    figure, axes = pyplot.subplots(1, len(names), figsize=(3.6 * len(names), 3), squeeze=False, layout="constrained")
    for axis, name in zip(axes[0], names, strict=True):
        for label, rows in logs.items():
            points = [(row["step"], row[name]) for row in rows if name in row]
            if points:
                axis.plot(*zip(*points, strict=True), label=label, linewidth=1)
        axis.set(title=name.replace("_", " "), xlabel="step")
        axis.grid(alpha=0.3)
    axes[0][0].legend(frameon=False)
    try:
        with whole_file(out) as partial:
            figure.savefig(partial, format=out.suffix.lstrip("."))
    finally:
        pyplot.close(figure)
    return names
