"""How fast the CPU engines are on processors that know less than this one: the kernel translated for these, PyTorch held to
as much.

A matrix of 1,024 by 2,048 weights, one vector and four at once, on one core: the fastest of many times. Then the 0.6B shape
with random weights and the built-in model, streamed on all cores as in `speed.py`. What a processor cannot do that is newer
than this one is not seen, nor what a slower memory does. Nothing else should run meanwhile.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from report import publish, table
from tqdm import tqdm

from qwen_tts.bench.product import product
from qwen_tts.bench.random_model import write_random_model
from qwen_tts.engine import bindings
from qwen_tts.native import compile

AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
PROCESSORS = {"this one": (compile.processor_flags(), {}), "AVX2 only": (("-march=x86-64-v3",), AVX2)}
SPEAK = """
import sys
from qwen_tts.native import compile
flags = tuple(sys.argv.pop(1).split())
compile.processor_flags = lambda: flags
from qwen_tts.cli import app
app()
"""


def spoken(model: str, flags: tuple[str, ...], limits: dict[str, str], runs: int) -> dict[str, float]:
    """What `qwen-tts bench` finds with the kernel and PyTorch held to such a processor."""
    command = [sys.executable, "-c", SPEAK, " ".join(flags), "bench", "--model", model, "--runs", str(runs)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | limits)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()

    weight, matrices, models, result = torch.randn(1024, 2048), [], [], {}
    with tempfile.TemporaryDirectory() as folder:
        shape = Path(folder, "0.6b")
        shape.mkdir()
        write_random_model("0.6b", shape)
        for name, (flags, limits) in tqdm(PROCESSORS.items()):
            path = Path(folder, f"{name}.so")
            compile.build(path, flags)
            kernel = bindings.load(path)
            found = {
                f"{bits} bits, {count}": product(kernel, weight, bits, torch.randn(count, 2048), times=2000)[1] * 1e6
                for bits in (8, 6, 4, 32)
                for count in (1, 4)
            }
            matrices.append([name, *(f"{value:.0f}" for value in found.values())])
            speech = {}
            for model, place in (("0.6b", str(shape)), ("tiny", "tiny")):
                spoken(place, flags, limits, 1)  # packs the weights
                made = spoken(place, flags, limits, args.runs)
                speech[model] = {key: round(made[key], 3) for key in ("rtf", "ttfa_ms", "talker_ms_per_frame")}
                models.append(
                    [f"{name}, {model}", f"{made['rtf']:.2f}", f"{made['ttfa_ms']:.0f}", f"{made['talker_ms_per_frame']:.0f}"]
                )
            result[name] = {key: round(value, 1) for key, value in found.items()} | speech
    body = table(["microseconds; bits of the weights, vectors at once", *found], matrices) + "\n\n"
    body += table(["all cores", "RTF", "first audio, ms", "language model, ms a frame"], models)
    publish("processors", "Older processors", body, result)


if __name__ == "__main__":
    main()
