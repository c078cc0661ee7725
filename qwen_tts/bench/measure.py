"""One model's speed, in this process: what is loaded, how soon it sounds, how long a frame takes and where.

RTF = computing time / audio time of a whole utterance, streamed. Time to first audio: from the call, prompt included, to the
first chunk in the caller's hands.
"""

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ..errors import OptionError
from ..model import Qwen3TTSModel


@dataclass(frozen=True, slots=True)
class Speed:
    """Medians of the runs; `spread` is the least and the greatest RTF."""

    rtf: float
    ttfa_ms: float
    prompt_ms: float
    talker_ms_per_frame: float
    rest_ms_per_frame: float
    frames: int
    load_s: float
    peak_rss_mb: float
    engine: str
    threads: int
    runs: int
    spread: tuple[float, float]

    def as_json(self) -> dict[str, Any]:
        return {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(self).items()}


class Stopwatch:
    """Adds up the time spent in a function."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **keywords: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*args, **keywords)
            finally:
                self.seconds += time.perf_counter() - start

        return timed


def measure(name: str | Path, engine: str, text: str, frames: int, runs: int, threads: int | None = None) -> Speed:
    """Loads a model and lets it speak, once to warm up and then `runs` times.

    Args:
        name: of a custom voice model, or its directory.
        engine: of `engine.choose.ENGINES`.
        text: what to say.
        frames: how many frames at most (80 ms each in the released models).
        threads: for PyTorch and the engine; by default as many as PyTorch chooses.
    Raises:
        OptionError: the model has no speakers; and as `Qwen3TTSModel.from_pretrained`.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    start = time.perf_counter()
    model = Qwen3TTSModel.from_pretrained(name, engine=engine)
    loading = time.perf_counter() - start
    if not model.get_supported_speakers():
        raise OptionError("the benchmark speaks with a preset voice, and this model has none: give a custom voice model")
    prompts, steps = Stopwatch(), Stopwatch()
    model.engine.prefill = prompts.around(model.engine.prefill)  # type: ignore[method-assign]
    model.engine.step = steps.around(model.engine.step)  # type: ignore[method-assign]
    results = []
    for run in range(-1, runs):
        prompts.seconds = steps.seconds = 0.0
        whole, first, made = _speak(model, text, frames, seed=max(run, 0))
        if run >= 0:
            seconds = made * model.loaded.codec.config.decode_upsample_rate / model.sample_rate
            parts = prompts.seconds, steps.seconds / made, (whole - prompts.seconds - steps.seconds) / made
            results.append((whole / seconds, first * 1e3, *(part * 1e3 for part in parts), made))
    columns = list(zip(*results, strict=True))
    return Speed(
        *(statistics.median(column) for column in columns[:5]), frames=int(statistics.median(columns[5])),
        load_s=loading, peak_rss_mb=_peak_mb(), engine=engine, threads=torch.get_num_threads(),
        runs=runs, spread=(min(columns[0]), max(columns[0])),
    )  # fmt: skip


def _speak(model: Qwen3TTSModel, text: str, frames: int, seed: int) -> tuple[float, float, int]:
    """Seconds in all, seconds to the first chunk, frames."""
    start, first, samples = time.perf_counter(), 0.0, 0
    chunks = model.stream_custom_voice(
        text, model.get_supported_speakers()[0], seed=seed, max_new_tokens=frames + 1, frames_per_token=None,
        stop_loops=False, max_silence=None, reading=False,
    )  # fmt: skip
    for chunk in chunks:
        first = first or time.perf_counter() - start
        samples += len(chunk.samples)
    return time.perf_counter() - start, first, samples // model.loaded.codec.config.decode_upsample_rate


def _peak_mb() -> float:
    """The most memory that this process ever had, or 0 where the system does not tell."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count what the parent had
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    if sys.platform == "win32":
        return 0.0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
