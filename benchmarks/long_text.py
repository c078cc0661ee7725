"""A text of 3,000 words in one call: is memory flat, are the joins smooth, is every sentence there?

The text is made up from everyday words, the same at every run, and in no training text. Its sentences are also spoken one by
one: that is the model's own error rate, with which the rate within the long text is compared. The recogniser hears both in
parts of 15 to 25 s.
"""

import argparse
import resource
import sys
import time
from pathlib import Path

import jiwer
import numpy as np
import torch
from everyday import sentences
from report import publish, table
from tqdm import tqdm

from qwen_tts import Qwen3TTSModel
from qwen_tts.audio import write_audio
from qwen_tts.eval.metric import Clip
from qwen_tts.eval.wer import WordErrorRate

ELSEWHERE = (11, 23, 37, 41, 53, 67)  # milliseconds before a join


def resident() -> float:
    """Memory of this process now, in MB (the peak, where the system does not tell)."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * resource.getpagesize() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def rough_joins(chunks: list[np.ndarray], rate: int) -> tuple[int, int, float]:
    """How many joins of chunks there are, at how many the step is larger than every other within 20 ms around, and of as
    many places some milliseconds before them at how many on average: somewhere a step has to be the largest.
    """
    wave, around = np.concatenate(chunks), rate // 50
    steps = np.abs(np.diff(wave))
    joins = np.cumsum([len(chunk) for chunk in chunks if len(chunk)])[:-1] - 1  # steps[j] leads into the next chunk

    def rough(places: np.ndarray) -> int:
        count = 0
        for place in places:
            near = np.r_[steps[max(0, place - around) : place], steps[place + 1 : place + 1 + around]]
            count += bool(steps[place] > near.max())
        return count

    return len(joins), rough(joins), float(np.mean([rough(joins - away * rate // 1000) for away in ELSEWHERE]))


def parts(wave: np.ndarray, rate: int) -> list[np.ndarray]:
    """The wave cut at its quietest moments, into parts of 15 to 25 s: a recogniser hears 30 s at a time."""
    cut, hop = [0], rate // 10
    while len(wave) - cut[-1] > 25 * rate:
        window = wave[cut[-1] + 15 * rate : cut[-1] + 25 * rate]
        level = (window[: len(window) // hop * hop].reshape(-1, hop) ** 2).mean(1)
        cut.append(cut[-1] + 15 * rate + int(level.argmin()) * hop + hop // 2)
    return np.split(wave, cut[1:])


def missed(metric: WordErrorRate, texts: list[str], wave: np.ndarray, rate: int) -> np.ndarray:
    """The share of each sentence's words that were not heard in the wave, by the best alignment of the whole."""
    heard = " ".join(metric.hear(Clip(part, rate, "")) for part in tqdm(parts(wave, rate), unit="part"))
    words = [metric.normalise(text).split() for text in texts]
    found = np.zeros(sum(map(len, words)), bool)
    alignment = jiwer.process_words(" ".join(word for row in words for word in row), metric.normalise(heard)).alignments[0]
    for part in alignment:
        if part.type == "equal":
            found[part.ref_start_idx : part.ref_end_idx] = True
    ends = np.cumsum([len(row) for row in words])
    return np.array([1 - found[end - len(row) : end].mean() for row, end in zip(words, ends, strict=True)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--speaker", help="default: the model's first")
    parser.add_argument("--words", type=int, default=3000)
    parser.add_argument("--recogniser", choices=["tiny.en", "base"], default="base")
    parser.add_argument("--save", type=Path, help="keep the long wave in this file")
    args = parser.parse_args()

    torch.set_num_threads(1)
    model, texts = Qwen3TTSModel.from_pretrained(args.model), sentences(args.words)
    speaker = args.speaker or model.get_supported_speakers()[0]
    chunks: list[np.ndarray] = []
    memory: list[tuple[float, float]] = []  # seconds of audio, MB without the audio that is kept here
    start, samples, reason = time.perf_counter(), 0, None
    for chunk in model.stream_custom_voice(text=" ".join(texts), speaker=speaker, language="English", seed=0):
        chunks.append(chunk.samples.copy())
        samples += len(chunk.samples)
        memory.append((samples / model.sample_rate, resident() - samples * 4 / 2**20))
        reason = chunk.finish_reason
    seconds = time.perf_counter() - start
    wave = np.concatenate(chunks)
    if args.save:
        write_audio(args.save, wave, model.sample_rate)
    early = max(mb for at, mb in memory if at <= 60)
    late = max(mb for at, mb in memory if at > 60)
    joins, rough, usual = rough_joins(chunks, model.sample_rate)

    metric = WordErrorRate(args.recogniser)
    missing = missed(metric, texts, wave, model.sample_rate)
    alone = [
        model.generate_custom_voice(text=text, speaker=speaker, language="English", seed=0)[0][0]
        for text in tqdm(texts, unit="sentence")
    ]
    own = missed(metric, texts, np.concatenate(alone), model.sample_rate)
    rows = [
        ["words; sentences; ended by", f"{sum(len(t.split()) for t in texts)}; {len(texts)}; {reason}"],
        ["audio; computing", f"{len(wave) / model.sample_rate:.0f} s; {seconds:.0f} s"],
        ["memory, most in the first minute of audio; later", f"{early:.0f} MB; {late:.0f} MB"],
        ["joins of chunks; rougher than 20 ms around; as many places elsewhere", f"{joins}; {rough}; {usual:.1f}"],
        ["words missed in the long text; in its sentences alone", f"{np.mean(missing):.1%}; {np.mean(own):.1%}"],
        ["sentences of which no word was heard; alone", f"{(missing == 1).sum()}; {(own == 1).sum()}"],
    ]
    result = {"model": args.model, "audio_s": round(len(wave) / model.sample_rate), "memory_growth_mb": round(late - early, 1)}
    result |= {
        "joins": joins,
        "rough_joins": rough,
        "rough_elsewhere": round(usual, 1),
        "missed": round(float(np.mean(missing)), 4),
        "alone": round(float(np.mean(own)), 4),
    }
    publish("long_text", "A text of 3,000 words in one call", table(["", "measured"], rows), result, " ".join(sys.argv[1:]))


if __name__ == "__main__":
    main()
