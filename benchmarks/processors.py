"""How fast the CPU engines are on processors that know less than this one: the kernel translated for these, PyTorch held to
as much.

A matrix of 1,024 by 2,048 weights, one vector and four at once, on one core: the fastest of many times. Then the 0.6B shape
with random weights and the built-in model, streamed on all cores as in `speed.py`. What a processor cannot do that is newer
than this one is not seen, nor what a slower memory does. Nothing else should run meanwhile.
"""

import argparse
import ctypes
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from report import publish, table
from tqdm import tqdm

from qwen_tts.bench.random_model import write_random_model
from qwen_tts.cores import TAKEN
from qwen_tts.engine import bindings
from qwen_tts.engine.pack import GROUP, LANES, pack_matrix
from qwen_tts.native import compile

OUTPUTS, INPUTS = 1024, 2048
AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
PROCESSORS = {"this one": (compile.processor_flags(), {}), "AVX2 only": (("-march=x86-64-v3",), AVX2)}
SPEAK = """
import sys
from qwen_tts.native import compile
compile.processor_flags = lambda: tuple(sys.argv.pop(1).split())
compile.library()
from qwen_tts.cli import app
app()
"""


def product(kernel: ctypes.CDLL, bits: int, count: int) -> float:
    """Seconds that a matrix takes for so many vectors at once."""
    weights, scales = (part.contiguous() for part in pack_matrix(torch.randn(OUTPUTS, INPUTS), bits))
    matrix = bindings.Matrix(bits, OUTPUTS // LANES, INPUTS // GROUP, OUTPUTS, weights.data_ptr(), scales.data_ptr())
    stack = bindings.Stack(width=INPUTS, ffn=1, heads=1, kv_heads=1, head_dim=2)
    team = kernel.new_team(
        ctypes.byref(bindings.Model(talker=stack, predictor=stack, head=matrix, groups=1)), 1, count, 1, ctypes.addressof(TAKEN)
    )
    x, y, taken = torch.randn(count, INPUTS), torch.empty(count, OUTPUTS), []
    for _ in range(2000):
        start = time.perf_counter()
        kernel.run_product(team, ctypes.byref(matrix), count, x.data_ptr(), INPUTS, y.data_ptr(), 0)
        taken.append(time.perf_counter() - start)
    kernel.free_team(team)
    return min(taken)


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

    matrices, models, result = [], [], {}
    with tempfile.TemporaryDirectory() as folder:
        shape = Path(folder, "0.6b")
        shape.mkdir()
        write_random_model("0.6b", shape)
        for name, (flags, limits) in tqdm(PROCESSORS.items()):
            path = Path(folder, f"{name}.so")
            compile.build(path, flags)
            kernel = bindings.load(path)
            found = {f"{bits} bits, {count}": product(kernel, bits, count) * 1e6 for bits in (8, 6, 4, 32) for count in (1, 4)}
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
