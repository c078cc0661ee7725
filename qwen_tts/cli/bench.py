"""`qwen-tts bench`: how fast a model speaks here."""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from ..errors import OptionError
from .speech import EngineName

Shape = Annotated[
    str | None, typer.Option(help='Random weights in a known shape, made now: "0.6b", "1.7b" or "tiny".', show_default=False)
]
Random = Annotated[bool, typer.Option("--random", help="Said beside --shape for clearness: the weights are random anyway.")]
ModelName = Annotated[str | None, typer.Option("--model", help="Or a model: a directory or a name.", show_default=False)]
Frames = Annotated[int, typer.Option(min=2, help="How long to speak, in frames of 80 ms.")]
Runs = Annotated[int, typer.Option(min=1, help="The table tells the medians of so many runs.")]
Threads = Annotated[int | None, typer.Option(min=1, help="By default one for each core.")]
LABELS = {
    "rtf": "real-time factor", "ttfa_ms": "first audio, ms", "prompt_ms": "prompt through the talker, ms",
    "talker_ms_per_frame": "language model, ms a frame", "rest_ms_per_frame": "codec and the rest, ms a frame",
    "load_s": "loading, s", "peak_rss_mb": "peak memory, MB",
}  # fmt: skip


def bench(
    shape: Shape = None, random: Random = False, model: ModelName = None, engine: EngineName = "auto", frames: Frames = 50,
    runs: Runs = 5, threads: Threads = None,
) -> None:  # fmt: skip
    """Measure how fast a model speaks: a table, and the same as one line of JSON."""
    if (shape is None) == (model is None) or (random and shape is None):
        raise OptionError("say what to measure: --shape 0.6b, 1.7b or tiny (random weights), or --model")
    if shape is not None:
        return _bench_shape(shape.lower(), engine, frames, runs, threads)
    from ..bench.measure import measure
    from ..bench.random_model import SENTENCE

    assert model is not None
    found = measure(model, engine, SENTENCE, frames, runs, threads).as_json()
    width = max(map(len, LABELS.values()))
    for name, label in LABELS.items():
        typer.echo(f"{label:<{width}}  {found[name]:>10.2f}")
    typer.echo(json.dumps({"benchmark": "bench", "model": model} | found))
    return None


def _bench_shape(shape: str, engine: str, frames: int, runs: int, threads: int | None) -> None:
    """In two processes more: loading is timed from warm packed weights, and memory is that of speaking alone."""
    from ..bench.random_model import NAMES, write_random_model
    from ..engine.choose import check_engine

    check_engine(engine)
    if shape not in NAMES:
        raise OptionError(f"unknown shape {shape!r}; legal are {', '.join(NAMES)}")
    with TemporaryDirectory(prefix="qwen-tts-bench-") as folder:
        write_random_model(shape, Path(folder))
        command = [sys.executable, "-c", "from qwen_tts.cli import app; app()", "bench", "--model", folder, "--engine", engine]
        command += [] if threads is None else ["--threads", str(threads)]
        for length, times, quiet in ((2, 1, True), (frames, runs, False)):
            asked = ["--frames", str(length), "--runs", str(times)]
            done = subprocess.run(command + asked, check=False, stdout=subprocess.DEVNULL if quiet else None)
            if done.returncode:
                raise typer.Exit(done.returncode)
