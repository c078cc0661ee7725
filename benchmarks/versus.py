"""This package against others on the same weights, text and machine: in turns, whole sentences, ratios of real-time factors.

The official package runs in an environment of its own, as `make parity` sets it up. Other engines are commands, given with
--other; `{model}`, `{text}` and `{out}` in them are filled in, and the time of the whole process counts, its loading too.

    versus.py [--shape 0.6b] [--rounds 5]
    versus.py --model DIRECTORY --other 'theirs=./engine -m {model} -p {text} -o {out}'
"""

import argparse
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import soundfile
from report import publish, table
from tqdm import tqdm

from qwen_tts.bench.random_model import NAMES, SENTENCE, write_random_model
from qwen_tts.config import ModelConfig

ROOT = Path(__file__).parent.parent
RELEASED = ROOT / "tests" / "released"
OFFICIAL = ROOT / ".work" / "official" / "venv" / "bin" / "python"
OURS = "this package"


@dataclass
class Contender:
    """`speak` makes one utterance: seconds of computing and of audio, and where known seconds to first audio, peak memory."""

    name: str
    speak: Callable[[], dict[str, Any]]
    results: list[dict[str, Any]] = field(default_factory=list)

    def factors(self) -> list[float]:
        return [result["seconds"] / result["audio"] for result in self.results]


def worker(
    stack: ExitStack, name: str, python: Path, path: Path, model: Path, asked: dict[str, str], args: argparse.Namespace
) -> Contender:
    """A package in a process that stays, so that only speaking is timed."""
    command = [python, ROOT / "benchmarks" / "versus_worker.py", model, args.frames, args.threads]
    environment = os.environ | {"PYTHONPATH": str(path), "TRANSFORMERS_VERBOSITY": "error"}
    process = subprocess.Popen(
        [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
    )
    stack.callback(process.kill)
    assert process.stdin is not None
    told, asking = process.stdout, process.stdin
    assert told is not None

    def answer() -> dict[str, Any]:
        if not (line := told.readline()):
            raise SystemExit(f"{name} ended with status {process.wait()}; its error is above")
        return json.loads(line)

    def speak() -> dict[str, Any]:
        print(json.dumps(asked), file=asking, flush=True)
        return answer()

    loaded = answer()["load_s"]
    speak()  # first calls set kernels up
    return Contender(name, lambda: speak() | {"load_s": loaded})


def command(name: str, line: str, model: Path, text: str, folder: Path) -> Contender:
    """An engine that is a program: its whole process is timed."""
    out = folder / f"{name}.wav"
    filled = [part.format(model=model, text=text, out=out) for part in shlex.split(line)]

    def speak() -> dict[str, Any]:
        out.unlink(missing_ok=True)
        start = time.perf_counter()
        run = subprocess.run(filled, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - start
        if run.returncode or not out.exists():
            raise SystemExit(f"{name} failed ({shlex.join(filled)}):\n{run.stderr[-2000:]}")
        return {"seconds": seconds, "audio": soundfile.info(out).duration}

    return Contender(name, speak)


def middle(values: list[float], digits: int = 2) -> str:
    """Median, least and greatest."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def row(contender: Contender, ours: Contender) -> list[str]:
    ratios = [theirs / own for theirs, own in zip(contender.factors(), ours.factors(), strict=True)]  # of the same round
    firsts = [result["first"] * 1e3 for result in contender.results if "first" in result]
    last = contender.results[-1]
    return [
        contender.name, middle(contender.factors()), middle(ratios, 1), middle(firsts, 0) if firsts else "-",
        f"{last['load_s']:.1f}" if "load_s" in last else "-", f"{last['peak_mb']:.0f}" if "peak_mb" in last else "-",
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--shape", choices=NAMES, default="0.6b", help="random weights in this shape")
    what.add_argument("--model", type=Path, help="directory of a custom voice model")
    parser.add_argument("--text", default=SENTENCE)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--official", type=Path, default=OFFICIAL, help="interpreter that has the official package")
    parser.add_argument("--other", action="append", default=[], metavar="NAME=COMMAND", help="another engine")
    args = parser.parse_args()
    if not args.official.exists():
        raise SystemExit(f"{args.official} is not there: run `make parity` once, or give --official PYTHON")

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        model = args.model
        if model is None:
            model = folder / args.shape
            model.mkdir()
            write_random_model(args.shape, model)
            shutil.copy(RELEASED / "preprocessor_config.json", model)  # the official package reads these two as well
            shutil.copy(
                RELEASED / "speech_tokenizer.preprocessor_config.json", model / "speech_tokenizer" / "preprocessor_config.json"
            )
        speaker = next(iter(ModelConfig.from_file(model / "config.json").talker_config.spk_id))
        asked = {"text": args.text, "speaker": speaker}
        contenders = [
            worker(stack, OURS, Path(sys.executable), ROOT, model, asked, args),
            worker(stack, "official 0.1.1", args.official, ROOT / "parity" / "stand_ins", model, asked, args),
        ]
        for other in args.other:
            name, _, line = other.partition("=")
            contenders.append(command(name, line, model, args.text, folder))
        for _ in tqdm(range(args.rounds), unit="round"):
            for contender in contenders:
                contender.results.append(contender.speak())
    ours = contenders[0]
    head = ["engine", "RTF", "times ours", "first audio, ms", "loading, s", "peak memory, MB"]
    shape = args.shape if args.model is None else args.model.name
    result = {"shape": shape, "frames": args.frames, "rounds": args.rounds, "threads": args.threads}
    result["rtf"] = {c.name: round(statistics.median(c.factors()), 4) for c in contenders}
    result["ttfa_ms"] = round(1e3 * statistics.median(made["first"] for made in ours.results), 1)
    body = table(head, [row(c, ours) for c in contenders])
    publish("versus", f"Whole sentences beside the official package, {shape}", body, result, " ".join(sys.argv[1:]))


if __name__ == "__main__":
    main()
