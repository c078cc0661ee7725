"""How fast the built-in voice speaks: real-time factor on one core, and a cold start of `qwen-tts say` to its first audio.

RTF = computing time / audio time, whole sentences, model loaded; below 1 is faster than real time. The cold start is a new
process each time, from the command to the first samples in a pipe: imports, loading and the first frames included.
"""

import argparse
import os
import resource
import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
from report import heldout, publish, table

from qwen_tts import Qwen3TTSModel

COMMAND = Path(sys.executable).with_name("qwen-tts")


def pin_to_one_core() -> None:
    """Keeps this process on one core, where the system can; threads beyond it would only share it."""
    torch.set_num_threads(1)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def real_time_factors(name: str, speaker: str | None, runs: int) -> tuple[float, list[float]]:
    """Seconds to load the model, and each run's computing time / audio time over ten held-out sentences."""
    start = time.perf_counter()
    model = Qwen3TTSModel.from_pretrained(name)
    loaded = time.perf_counter() - start
    speaker = speaker or model.get_supported_speakers()[0]
    texts = list(heldout().values())[:10]
    model.generate_custom_voice(text=texts[0], speaker=speaker, language="English", seed=0)  # first calls set kernels up
    factors = []
    for run in range(runs):
        start, audio = time.perf_counter(), 0.0
        for text in texts:
            waves, rate = model.generate_custom_voice(text=text, speaker=speaker, language="English", seed=run)
            audio += len(waves[0]) / rate
        factors.append((time.perf_counter() - start) / audio)
    return loaded, factors


def cold_starts(name: str, speaker: str | None, runs: int) -> list[float]:
    """Seconds from starting the command to its first audio, a new process a run."""
    command = [COMMAND, "say", "This is a cold start.", "--model", name, "--seed", "0", "--stream-to", "-"]
    if speaker:
        command += ["--speaker", speaker]
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            first = process.stdout.read(2)
            seconds.append(time.perf_counter() - start)
            _, log = process.communicate()
        if process.returncode or not first:
            raise SystemExit(f"{shlex.join(map(str, command))} failed:\n{log.decode()}")
    return seconds


def row(what: str, values: list[float], unit: str) -> list[str]:
    return [what, f"{statistics.median(values):.2f}{unit}", f"{min(values):.2f}-{max(values):.2f}{unit}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--speaker", help="default: the model's first")
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()

    first_audio = cold_starts(args.model, args.speaker, args.runs)  # before pinning: as a user would start it
    pin_to_one_core()
    loaded, factors = real_time_factors(args.model, args.speaker, args.runs)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)  # bytes or KiB
    rows = [
        row("RTF, one core", factors, ""),
        row("`qwen-tts say`, cold start to first audio", first_audio, " s"),
        ["loading the model, one core", f"{loaded:.2f} s", ""],
        ["peak memory", f"{peak:.0f} MB", ""],
    ]
    result = {"model": args.model, "rtf": round(statistics.median(factors), 3), "threads": 1}
    result |= {"cold_start_s": round(statistics.median(first_audio), 2), "load_s": round(loaded, 2), "peak_rss_mb": round(peak)}
    body = table(["", f"median of {args.runs}", "range"], rows)
    publish("tiny_speed", "Speed of the built-in voice", body, result)


if __name__ == "__main__":
    main()
