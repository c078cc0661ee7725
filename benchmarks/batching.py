"""Many listeners at once on one model: how much is spoken, how soon it begins, and whether anybody has to wait in between.

Speed = seconds of audio of all streams / seconds until the last was done. A gap is the time between two chunks of a stream; a
stream runs dry when a chunk comes after the audio before it would have been played. All streams begin at the same moment, with
other texts and seeds each. `--model shape:DIR` takes the sizes of DIR/config.json and DIR/codec.json with random weights, which
compute as long as trained ones: then each stream is `--frames` long.
"""

import argparse
import statistics
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch
from report import heldout, p95, publish, table

from qwen_tts import Qwen3TTSModel
from qwen_tts.arguments import utterances
from qwen_tts.batching.scheduler import Scheduler
from qwen_tts.batching.speech import LiveSpeech
from qwen_tts.codec.codec import Codec
from qwen_tts.config import CodecConfig, ModelConfig
from qwen_tts.engine import Engine
from qwen_tts.engine.choose import choose_engine
from qwen_tts.prompt import Prompt
from qwen_tts.stream import Utterance
from qwen_tts.talker.options import GenerationOptions
from qwen_tts.talker.talker import Talker


@dataclass
class Measured:
    """Of one number of streams; seconds."""

    wall: float = 0.0
    audio: float = 0.0
    first: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    underruns: int = 0
    rows: list[int] = field(default_factory=list)


def shaped(directory: Path, engine: str, frames: int) -> tuple[Engine, Codec, list[Utterance]]:
    """A model of these sizes with random weights, and sixteen utterances that end after so many frames."""
    torch.manual_seed(0)
    config = ModelConfig.from_file(directory / "config.json").talker_config
    talker = Talker(config).eval().requires_grad_(False)
    codec = Codec(CodecConfig.from_file(directory / "codec.json")).eval().requires_grad_(False)
    talker.codec_head.weight[config.codec_eos_token_id] = 0  # never among the top 50: it does not end by itself
    options = GenerationOptions(max_new_tokens=frames + 1, frames_per_token=None, stop_loops=False)
    width = config.hidden_size
    prompts = [Prompt(torch.randn(60, width), torch.zeros(0, width), torch.zeros(width), 20) for _ in range(16)]
    return choose_engine(engine, talker), codec, [Utterance(p, options, seed, None, None) for seed, p in enumerate(prompts)]


def named(name: str, engine: str, frames: int) -> tuple[Engine, Codec, list[Utterance]]:
    """A model by name, and sixteen held-out sentences, cut off after so many frames."""
    model = Qwen3TTSModel.from_pretrained(name, engine=engine)
    texts = (list(heldout().values()) * 16)[:16]
    layouts = [{"speaker": model.get_supported_speakers()[0]}] * 16
    spoken = utterances(model.loaded, [*texts], "English", layouts, True, {"seed": 0, "max_new_tokens": frames})
    return model.engine, model.codec, spoken


def listen(speech: LiveSpeech, measured: Measured) -> None:
    before = None
    for chunk in speech:
        now = time.perf_counter()
        if before is not None:
            measured.gaps.append(now - before)
        before = now
        measured.audio += len(chunk.samples) / chunk.rate
    assert speech.timings.first is not None
    measured.first.append(speech.timings.first)
    measured.underruns += speech.timings.underruns


def measure(scheduler: Scheduler, spoken: list[Utterance]) -> Measured:
    measured, started = Measured(), time.perf_counter()
    threads = [threading.Thread(target=listen, args=(scheduler.submit(u), measured)) for u in spoken]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        measured.rows.append(scheduler.playing)
        time.sleep(0.02)
    measured.wall = time.perf_counter() - started
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="tiny", help="a name, a directory, or shape:DIR")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--threads", type=int, help="of each of the two workers; default: as PyTorch chooses")
    args = parser.parse_args()

    if args.threads:
        torch.set_num_threads(args.threads)
    shape = args.model.startswith("shape:")
    made = shaped(Path(args.model[6:]), args.engine, args.frames) if shape else named(args.model, args.engine, args.frames)
    engine, codec, spoken = made
    rows, result = [], {"model": args.model, "engine": type(engine).__name__, "threads": torch.get_num_threads()}
    with Scheduler(engine, codec) as scheduler:
        measure(scheduler, spoken[:2])  # the first calls set kernels up
        for count in args.streams:
            m = measure(scheduler, spoken[:count])
            speed, first = m.audio / m.wall, statistics.median(m.first)
            rows.append([
                str(count), f"{speed:.2f}x", f"{first:.2f} s", f"{p95(m.first):.2f} s", f"{p95(m.gaps):.2f} s",
                str(m.underruns), str(max(m.rows, default=0)),
            ])  # fmt: skip
            figures = {"speed": speed, "first_p50_s": first, "first_p95_s": p95(m.first), "gap_p95_s": p95(m.gaps)}
            result[str(count)] = {k: round(v, 3) for k, v in figures.items()} | {"underruns": m.underruns}
    head = ["streams", "speed, all together", "first audio p50", "p95", "gap p95", "ran dry", "rows at most"]
    publish("batching", "Many streams on one model", table(head, rows), result, " ".join(sys.argv[1:]))


if __name__ == "__main__":
    main()
