"""What the fast CPU engines say, beside the reference in fp32: is it understood as well, does it sound like the same voice?

The same sentences, made up from everyday words, with the same seeds through every engine. A difference is given with the
standard error of its mean over the sentences: at the first code that differs two engines go ways of their own, so that each
sentence is another sample of the same voice.
"""

import argparse
import re
import sys
from collections.abc import Sequence

import numpy as np
import torch
from everyday import sentences
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


def beyond(values: np.ndarray, reference: np.ndarray, factor: float = 1) -> str:
    """The mean difference and its standard error."""
    apart = (values - reference) * factor
    return f"{apart.mean():+.2f} ± {apart.std(ddof=1) / len(apart) ** 0.5:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--speaker", default="Ryan")
    parser.add_argument("--sentences", type=int, default=200)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=["cpu-fp32", "cpu-int8", "cpu-int4"])
    parser.add_argument("--recogniser", choices=["tiny.en", "base"], default="base")
    args = parser.parse_args()

    torch.set_num_threads(1)
    texts = sentences(20 * args.sentences)[: args.sentences]
    recogniser, naturalness, voices = WordErrorRate(args.recogniser), DistillMos(), SpeakerVectors()
    words = np.array([len(re.findall(r"\S+", text)) for text in texts])
    rows, result = [], {}
    first: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
    for engine in args.engines:
        clips, stopped = spoken(Qwen3TTSModel.from_pretrained(args.model, engine=engine), texts, args.speaker)
        wer, mos, vectors = recogniser(clips), naturalness(clips), voices(clips)
        wrong = np.array(wer.each) * words / words.mean()  # so that their mean is the rate of the whole
        found = wrong, np.array(mos.each), vectors
        first = first or found
        middle = first[2].mean(0) / np.linalg.norm(first[2].mean(0))
        same = float((vectors @ middle).mean())
        rows.append(
            [
                engine,
                f"{wer.value:.1%}",
                beyond(wrong, first[0], 100) if found is not first else "",
                f"{mos.value:.3f}",
                beyond(found[1], first[1]) if found is not first else "",
                f"{same:.3f}",
                f"{stopped / len(texts):.1%}",
            ]
        )
        result[engine] = {
            "wer": round(wer.value, 4),
            "mos": round(mos.value, 3),
            "similarity": round(same, 4),
            "stopped": stopped,
        }
        print(rows[-1], flush=True)
    head = [
        "engine",
        "WER",
        "points beyond the first",
        "DistillMOS",
        "beyond the first",
        "cosine to its voice",
        "had to be stopped",
    ]
    publish(
        "engine_speech",
        f"{len(texts)} sentences by every CPU engine, {args.speaker}",
        table(head, rows),
        result,
        " ".join(sys.argv[1:]),
    )


if __name__ == "__main__":
    main()
