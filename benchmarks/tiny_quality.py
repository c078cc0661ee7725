"""How well the built-in voices are understood (word error rate, Whisper base) and how natural they sound (DistillMOS).

Speaks the 30 held-out sentences once with each speaker. Beside each speaker stands the teacher that it learned from, when its
speech of the same sentences is given; it is made in the recipe's environment (recipes/tiny/README.md):

    python recipes/tiny/make_speech.py benchmarks/heldout_en.txt DIR --teacher joe --speaker Ryan
    python benchmarks/tiny_quality.py --teacher-dir DIR
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from report import heldout, publish, table

from qwen_tts import Qwen3TTSModel
from qwen_tts.audio import load_audio, write_audio
from qwen_tts.eval.metric import Clip, Metric, Score
from qwen_tts.eval.mos import DistillMos
from qwen_tts.eval.wer import WordErrorRate


def spoken(model: Qwen3TTSModel, speaker: str, seed: int) -> tuple[dict[str, Clip], int]:
    """Sentence id -> what the model says, every sentence with the same seed; and how many had to be stopped."""
    clips, stopped = {}, 0
    for key, text in heldout().items():
        chunks = list(model.stream_custom_voice(text=text, speaker=speaker, language="English", seed=seed))
        clips[key] = Clip(np.concatenate([chunk.samples for chunk in chunks]), model.sample_rate, text)
        stopped += chunks[-1].finish_reason != "eos"
    return clips, stopped


def manifest_rows(folder: Path) -> Iterator[dict[str, Any]]:
    """The lines of the manifests of recipes/tiny/make_speech.py; `audio` is the file's path."""
    for manifest in sorted(folder.glob("*.jsonl")):
        for row in map(json.loads, manifest.read_text("utf-8").splitlines()):
            yield row | {"audio": folder / row["audio"]}


def taught(folder: Path) -> dict[str, dict[str, Clip]]:
    """Speaker -> sentence id -> what that speaker's teacher says."""
    sentences, clips = heldout(), {}
    for row in manifest_rows(folder):
        if sentences.get(row["id"]) == row["text"]:
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--speakers", nargs="*", help="default: all of the model's")
    parser.add_argument("--teacher-dir", type=Path, help="made by recipes/tiny/make_speech.py")
    parser.add_argument("--recogniser", choices=["tiny.en", "base"], default="base")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", type=Path, help="keep the waves in this folder")
    args = parser.parse_args()

    torch.set_num_threads(1)
    metrics: list[Metric] = [WordErrorRate(args.recogniser), DistillMos()]
    model = Qwen3TTSModel.from_pretrained(args.model)
    teachers = taught(args.teacher_dir) if args.teacher_dir else {}
    voices: dict[str, tuple[Mapping[str, Clip], int]] = {}
    for speaker in args.speakers or model.get_supported_speakers():
        voices[speaker] = spoken(model, speaker, args.seed)
        voices |= {f"{name}'s teacher": (clips, 0) for name, clips in teachers.items() if name.lower() == speaker.lower()}

    rows, details, result = [], [], dict[str, Any](model=args.model, recogniser=args.recogniser, seed=args.seed)
    for voice, (clips, stopped) in voices.items():
        keep(args.save, voice, clips)
        wer, mos = (metric(list(clips.values())) for metric in metrics)
        seconds = sum(len(clip.samples) / clip.rate for clip in clips.values())
        rows.append([voice, f"{wer.value:.1%}", f"{mos.value:.2f}", f"{stopped}", f"{seconds:.0f} s"])
        details.append(f"## {voice}\n\n{mistakes(clips, wer)}")
        result[voice] = {
            "wer": round(wer.value, 4),
            "mos": round(mos.value, 3),
            "stopped": stopped,
            "seconds": round(seconds, 1),
        }
    head = ["voice", *(metric.name for metric in metrics), "had to be stopped", "audio"]
    body = "\n\n".join([table(head, rows), *details])
    title = f"The built-in voices on {len(heldout())} held-out sentences, heard by Whisper {args.recogniser}"
    publish("tiny_quality", title, body, result, "--teacher-dir DIR" if teachers else "")


if __name__ == "__main__":
    main()
