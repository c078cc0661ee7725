"""How well the built-in voices are understood (word error rate, Whisper base) and how natural they sound (DistillMOS).

Speaks the 30 held-out sentences once with each speaker. Beside each speaker stands the teacher that it learned from, when its
speech of the same sentences is given; it is made in the recipe's environment (recipes/tiny/README.md):

    python recipes/tiny/make_speech.py benchmarks/heldout_en.txt DIR --teacher joe --speaker Ryan
    python benchmarks/tiny_quality.py --teacher-dir DIR
"""

import argparse
import json
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from report import heldout, publish, table

from qwen_tts import Qwen3TTSModel
from qwen_tts.audio import load_audio, write_audio
from qwen_tts.eval.metric import Clip, Metric, Score
from qwen_tts.eval.mos import DistillMos
from qwen_tts.eval.wer import WordErrorRate


def spoken(model: Qwen3TTSModel, speaker: str, seed: int) -> dict[str, Clip]:
    """Sentence id -> what the model says; every sentence with the same seed."""
    clips = {}
    for key, text in heldout().items():
        waves, rate = model.generate_custom_voice(text=text, speaker=speaker, language="English", seed=seed)
        clips[key] = Clip(waves[0], rate, text)
    return clips


def taught(folder: Path) -> dict[str, dict[str, Clip]]:
    """Speaker -> sentence id -> what that speaker's teacher says, from the manifests of recipes/tiny/make_speech.py."""
    sentences, clips = heldout(), {}
    for manifest in sorted(folder.glob("*.jsonl")):
        for row in map(json.loads, manifest.read_text("utf-8").splitlines()):
            if sentences.get(row["id"]) == row["text"]:
                clips.setdefault(row["speaker"], {})[row["id"]] = Clip(*load_audio(folder / row["audio"]), row["text"])
    return {speaker: found for speaker, found in clips.items() if len(found) == len(sentences)}


def measured(clips: Mapping[str, Clip], metrics: list[Metric]) -> dict[str, Score]:
    return {metric.name: metric(list(clips.values())) for metric in metrics}


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
    voices: list[tuple[str, Callable[[], Mapping[str, Clip]]]] = []
    for speaker in args.speakers or model.get_supported_speakers():
        voices.append((speaker, lambda name=speaker: spoken(model, name, args.seed)))
        if found := next((clips for name, clips in teachers.items() if name.lower() == speaker.lower()), None):
            voices.append((f"{speaker}'s teacher", lambda clips=found: clips))

    rows, details, result = [], [], dict[str, Any](model=args.model, recogniser=args.recogniser, seed=args.seed)
    for voice, speak in voices:
        clips = speak()
        keep(args.save, voice, clips)
        scores = measured(clips, metrics)
        wer, mos = scores["WER"], scores["DistillMOS"]
        seconds = sum(len(clip.samples) / clip.rate for clip in clips.values())
        rows.append([voice, f"{wer.value:.1%}", f"{mos.value:.2f}", f"{seconds:.0f} s"])
        details.append(f"## {voice}\n\n{mistakes(clips, wer)}")
        result[voice] = {"wer": round(wer.value, 4), "mos": round(mos.value, 3), "seconds": round(seconds, 1)}
        print(f"{voice}: WER {wer.value:.1%}, DistillMOS {mos.value:.2f}", file=sys.stderr)
    head = ["voice", f"WER (Whisper {args.recogniser})", "DistillMOS (1-5)", "audio"]
    body = "\n\n".join([table(head, rows), *details])
    title = f"The built-in voices on {len(heldout())} held-out sentences"
    publish("tiny_quality", title, body, result, "python " + shlex.join(sys.argv))


if __name__ == "__main__":
    main()
