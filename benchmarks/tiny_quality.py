"""How well the built-in voices are understood (Whisper base) and how natural they sound (DistillMOS).

Speaks 100 held-out sentences of English and 30 of Chinese once with each speaker; errors are counted in words, in Chinese in
characters. Beside each speaker stands the teacher that it learned from, when its speech of the same sentences is given; it is
made in the recipe's environment (recipes/tiny/README.md):

    python recipes/tiny/make_speech.py benchmarks/heldout_en.txt DIR --voice Ryan
    python recipes/tiny/make_speech.py benchmarks/heldout_zh.txt DIR --voice Ryan --language Chinese
    python benchmarks/tiny_quality.py --teacher-dir DIR
"""

import argparse
import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from report import heldout, publish, table
from tqdm import tqdm

from qwen_tts import Qwen3TTSModel
from qwen_tts.audio import load_audio, write_audio
from qwen_tts.eval.cer import CharacterErrorRate
from qwen_tts.eval.metric import Clip, Metric, Score
from qwen_tts.eval.mos import DistillMos
from qwen_tts.eval.wer import WordErrorRate

LANGUAGES = ("English", "Chinese")


def spoken(model: Qwen3TTSModel, speaker: str, language: str, seed: int) -> tuple[dict[str, Clip], int]:
    """Sentence id -> what the model says, every sentence with the same seed; and how many had to be stopped."""
    clips, stopped = {}, 0
    for key, text in heldout(language).items():
        chunks = list(model.stream_custom_voice(text=text, speaker=speaker, language=language, seed=seed))
        clips[key] = Clip(np.concatenate([chunk.samples for chunk in chunks]), model.sample_rate, text)
        stopped += chunks[-1].finish_reason != "eos"
    return clips, stopped


def manifest_rows(folder: Path) -> Iterator[dict[str, Any]]:
    """The lines of the manifests of recipes/tiny/make_speech.py; `audio` is the file's path."""
    for manifest in sorted(folder.glob("*.jsonl")):
        for row in map(json.loads, manifest.read_text("utf-8").splitlines()):
            yield row | {"audio": folder / row["audio"]}


def taught(folder: Path, language: str = "English", only: str = "") -> dict[str, dict[str, Clip]]:
    """Speaker -> sentence id -> what that speaker's teacher says; of all speakers, or of one, in any case of letters."""
    sentences, clips = heldout(language), {}
    for row in manifest_rows(folder):
        if sentences.get(row["id"]) == row["text"] and only.lower() in ("", row["speaker"].lower()):
            clips.setdefault(row["speaker"], {})[row["id"]] = Clip(*load_audio(row["audio"]), row["text"])
    return {speaker: found for speaker, found in clips.items() if len(found) == len(sentences)}


def mistakes(clips: Mapping[str, Clip], score: Score) -> str:
    """The sentences that were misheard, with what was heard."""
    rows = zip(clips.values(), score.each, score.notes, strict=True)
    wrong = [f"- {clip.text}\n  - {heard or '(nothing)'}" for clip, rate, heard in rows if rate > 0]
    return f"{len(wrong)} of {len(clips)} sentences misheard:\n\n" + "\n".join(wrong) if wrong else "No sentence was misheard."


def keep(folder: Path | None, voice: str, clips: Mapping[str, Clip]) -> None:
    if folder is not None:
        (folder / voice).mkdir(parents=True, exist_ok=True)
        for key, clip in clips.items():
            write_audio(folder / voice / f"{key}.flac", clip.samples, clip.rate)


# loaded once a worker
spoken_by, naturalness = cache(Qwen3TTSModel.from_pretrained), cache(DistillMos)


@cache
def listener(recogniser: Literal["tiny.en", "base"], language: str) -> Metric:
    return CharacterErrorRate() if language == "Chinese" else WordErrorRate(recogniser)


def judged(speaker: str, language: str, args: argparse.Namespace) -> tuple[list[list[str]], list[str], dict[str, Any]]:
    """Lines of the table, what was misheard, and the figures, of one voice and of its teacher if there is one. One core."""
    model, heard, natural = spoken_by(args.model), listener(args.recogniser, language), naturalness()
    voices: dict[str, tuple[Mapping[str, Clip], int]] = {speaker: spoken(model, speaker, language, args.seed)}
    teacher = taught(args.teacher_dir, language, speaker) if args.teacher_dir else {}
    voices |= {f"{name}'s teacher": (clips, 0) for name, clips in teacher.items()}
    rows, details, result = [], [], {}
    for voice, (clips, stopped) in voices.items():
        keep(args.save, f"{voice}-{language}", clips)
        wrong, mos = heard(list(clips.values())), natural(list(clips.values()))
        seconds = sum(len(clip.samples) / clip.rate for clip in clips.values())
        rows.append([f"{voice}, {language}", f"{wrong.value:.1%}", f"{mos.value:.2f}", f"{stopped}", f"{seconds:.0f} s"])
        details.append(f"## {voice}, {language}\n\n{mistakes(clips, wrong)}")
        result[f"{voice} {language}"] = {
            heard.name.lower(): round(wrong.value, 4), "mos": round(mos.value, 3), "stopped": stopped,
            "seconds": round(seconds, 1),
        }  # fmt: skip
    return rows, details, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--speakers", nargs="*", help="default: all of the model's")
    parser.add_argument("--teacher-dir", type=Path, help="made by recipes/tiny/make_speech.py")
    parser.add_argument("--recogniser", choices=["tiny.en", "base"], default="base")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", type=Path, help="keep the waves in this folder")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes, of one core each")
    args = parser.parse_args()

    model = Qwen3TTSModel.from_pretrained(args.model)
    known = [name for name in LANGUAGES if name.lower() in model.get_supported_languages()]
    work = [(speaker, language) for language in known for speaker in args.speakers or model.get_supported_speakers()]
    rows, details, result = [], [], dict[str, Any](model=args.model, recogniser=args.recogniser, seed=args.seed)
    with ProcessPoolExecutor(args.workers, get_context("spawn"), torch.set_num_threads, (1,)) as workers:
        waiting = [workers.submit(judged, speaker, language, args) for speaker, language in work]
        for one in tqdm(waiting):
            more_rows, more_details, figures = one.result()
            rows, details, result = rows + more_rows, details + more_details, result | figures
    body = "\n\n".join([table(["voice", "misheard", "DistillMOS", "had to be stopped", "audio"], rows), *details])
    counts = " and ".join(f"{len(heldout(language))} of {language}" for language in known)
    title = f"The built-in voices on held-out sentences, {counts}, heard by Whisper {args.recogniser}"
    publish("tiny_quality", title, body, result, "--teacher-dir DIR" if args.teacher_dir else "")


if __name__ == "__main__":
    main()
