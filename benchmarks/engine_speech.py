"""What the fast CPU engines say, beside the reference in fp32: is it understood as well, does it sound like the same voice?

The same sentences, made up from everyday words, with the same seeds through every engine. A difference is given with the
standard error of its mean over the sentences: at the first code that differs two engines go ways of their own, so that each
sentence is another sample of the same voice.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from multiprocessing import get_context
from typing import Literal

import numpy as np
import torch
from everyday import endless
from report import publish, table
from tqdm import tqdm

from qwen_tts import Qwen3TTSModel
from qwen_tts.engine.choose import ENGINES
from qwen_tts.eval.metric import Clip
from qwen_tts.eval.mos import DistillMos
from qwen_tts.eval.similarity import SpeakerVectors
from qwen_tts.eval.wer import WordErrorRate


def spoken(model: Qwen3TTSModel, texts: Sequence[str], speaker: str) -> tuple[list[Clip], int]:
    """Every sentence with a seed of its own; and how many had to be stopped."""
    clips, stopped = [], 0
    for seed, text in enumerate(tqdm(texts, unit="sentence", mininterval=10)):
        chunks = list(model.stream_custom_voice(text=text, speaker=speaker, language="English", seed=seed))
        clips.append(Clip(np.concatenate([chunk.samples for chunk in chunks]), model.sample_rate, text))
        stopped += chunks[-1].finish_reason != "eos"
    return clips, stopped


@dataclass(frozen=True, slots=True)
class Heard:
    """Of every sentence of an engine: words misheard (of the mean sentence's words), naturalness, speaker vector."""

    wrong: np.ndarray
    mos: np.ndarray
    vectors: np.ndarray
    stopped: int


def heard(engine: str, model: str, speaker: str, texts: Sequence[str], recogniser: Literal["tiny.en", "base"]) -> Heard:
    torch.set_num_threads(1)
    clips, stopped = spoken(Qwen3TTSModel.from_pretrained(model, engine=engine), texts, speaker)
    words = np.array([len(re.findall(r"\S+", text)) for text in texts])
    rates = np.array(WordErrorRate(recogniser)(clips).each)
    wrong = rates * words / words.mean()  # so that their mean is the rate of the whole
    return Heard(wrong, np.array(DistillMos()(clips).each), SpeakerVectors()(clips), stopped)


def beyond(values: np.ndarray, reference: np.ndarray, factor: float = 1) -> str:
    """The mean difference and its standard error; nothing beside the reference itself."""
    if values is reference:
        return ""
    apart = (values - reference) * factor
    return f"{apart.mean():+.2f} ± {apart.std(ddof=1) / len(apart) ** 0.5:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--speaker", default="Ryan")
    parser.add_argument("--sentences", type=int, default=200)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=["cpu-fp32", "cpu-int8", "cpu-int6", "cpu-int4"])
    parser.add_argument("--recogniser", choices=["tiny.en", "base"], default="base")
    parser.add_argument("--processes", type=int, default=2, help="each takes an engine at a time, on one core")
    args = parser.parse_args()

    texts = list(islice(endless(), args.sentences))
    each = partial(heard, model=args.model, speaker=args.speaker, texts=texts, recogniser=args.recogniser)
    with ProcessPoolExecutor(args.processes, get_context("spawn")) as pool:
        found = dict(zip(args.engines, pool.map(each, args.engines), strict=True))
    first, rows, result = found[args.engines[0]], [], {}
    middle = first.vectors.mean(0) / np.linalg.norm(first.vectors.mean(0))
    for engine, its in found.items():
        wer, mos, same = its.wrong.mean(), its.mos.mean(), float((its.vectors @ middle).mean())
        rows.append([
            engine, f"{wer:.1%}", beyond(its.wrong, first.wrong, 100), f"{mos:.3f}", beyond(its.mos, first.mos), f"{same:.3f}",
            f"{its.stopped / len(texts):.1%}",
        ])  # fmt: skip
        figures = {"wer": wer, "mos": mos, "similarity": same, "stopped": its.stopped}
        result[engine] = {name: round(float(value), 4) for name, value in figures.items()}
    head = ["engine", "WER", "points beyond the first", "DistillMOS", "beyond the first", "cosine to its voice", "stopped"]
    title = f"{len(texts)} sentences by every CPU engine, {args.speaker}"
    publish("engine_speech", title, table(head, rows), result, " ".join(sys.argv[1:]))


if __name__ == "__main__":
    main()
