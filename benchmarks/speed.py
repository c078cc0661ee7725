"""Speed on this machine, all shapes: RTF, first audio, stages and memory by number of threads, and RTF by size of a batch.

Random weights in the released shapes, the built-in model as it is. Every line of the first table is a process of its own, bound
to as many cores as it has threads; medians of five utterances of twelve words, streamed. In the second, many texts are spoken
at once. Nothing else should run meanwhile.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from report import plot, publish, table
from tqdm import tqdm

from qwen_tts import Qwen3TTSModel
from qwen_tts.bench.random_model import SENTENCE, write_random_model

COMMAND = Path(sys.executable).with_name("qwen-tts")
BATCHES = (1, 2, 4, 8, 16)


def streamed(model: str, threads: int, runs: int, engine: str = "auto") -> dict[str, Any]:
    """What `qwen-tts bench` finds, on so many cores."""
    command = [COMMAND, "bench", "--model", model, "--threads", str(threads), "--runs", str(runs), "--engine", engine]
    cores = sorted(os.sched_getaffinity(0))[:threads] if hasattr(os, "sched_getaffinity") else []

    def bind() -> None:
        if cores:
            os.sched_setaffinity(0, cores)

    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=bind)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def batched(model: str, frames: int, sizes: Sequence[int], runs: int) -> list[float]:
    """RTF of a batch: seconds of computing / seconds of audio in all, by its size."""
    loaded = Qwen3TTSModel.from_pretrained(model)
    speaker, found = loaded.get_supported_speakers()[0], []
    options: dict[str, Any] = {"max_new_tokens": frames, "frames_per_token": None, "stop_loops": False, "max_silence": None}
    for size in sizes:
        factors = []
        for run in range(runs + 1):
            start = time.perf_counter()
            made = list(loaded.stream_custom_voice([SENTENCE] * size, speaker, seed=run, reading=False, **options))
            seconds = sum(len(chunk.samples) for chunk in made) / loaded.sample_rate
            factors.append((time.perf_counter() - start) / seconds)
        found.append(statistics.median(factors[1:]))  # the first call sets kernels up
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    counts = sorted({1, cores})
    rows, result, factors, batches = [], {}, {}, {}
    with tempfile.TemporaryDirectory() as folder:
        models = {"0.6b": f"{folder}/0.6b", "1.7b": f"{folder}/1.7b", "tiny": "tiny"}
        for shape in ("0.6b", "1.7b"):
            Path(models[shape]).mkdir()
            write_random_model(shape, Path(models[shape]))
        cases = [(shape, "auto", count) for shape in models for count in counts] + [
            ("0.6b", engine, cores) for engine in ("cpu-int8", "cpu-int4")
        ]
        for shape, engine, count in tqdm(cases):
            if count == counts[0] or engine != "auto":
                streamed(models[shape], count, 1, engine)  # packs the weights
            made = streamed(models[shape], count, args.runs, engine)
            rows.append([
                f"{shape}, {engine}", str(count), f"{made['rtf']:.3f} ({made['spread'][0]:.2f}-{made['spread'][1]:.2f})",
                f"{made['ttfa_ms']:.0f}", f"{made['prompt_ms']:.0f}", f"{made['talker_ms_per_frame']:.1f}",
                f"{made['rest_ms_per_frame']:.1f}", f"{made['load_s']:.1f}", f"{made['peak_rss_mb']:.0f}",
            ])  # fmt: skip
            keys = ("rtf", "ttfa_ms", "peak_rss_mb", "load_s")
            result[f"{shape} {engine} {count}"] = {key: round(made[key], 3) for key in keys}
            factors.setdefault(f"{shape}, {engine}", {})[count] = made["rtf"]
        torch.set_num_threads(cores)
        for shape in ("0.6b", "tiny"):
            batches[shape] = batched(models[shape], 50 if shape == "tiny" else 25, BATCHES, 3)
    head = ["model, engine", "threads", "RTF", "first audio, ms", "prompt, ms", "language model, ms a frame", "the rest"]
    head += ["loading, s", "peak memory, MB"]
    body = table(head, rows) + f"\n\nBatches, {cores} threads:\n\n"
    body += table(["RTF by texts at once", *map(str, BATCHES)], [[s, *(f"{f:.3f}" for f in b)] for s, b in batches.items()])
    result["batches"] = {shape: [round(value, 4) for value in found] for shape, found in batches.items()}
    publish("speed", "Speed on a CPU", body, result)
    lines = {shape: [found[count] for count in counts] for shape, found in factors.items() if len(found) == len(counts)}
    plot("speed_threads", "threads", counts, {"real-time factor": lines})
    plot("speed_batch", "texts at once", BATCHES, {"real-time factor": batches})


if __name__ == "__main__":
    main()
