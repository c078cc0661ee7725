"""Speaks the sentences of make_text.py with one teacher: OUT/TEACHER/ID.flac (24 kHz) and OUT/TEACHER.I.jsonl.

Can be killed and started again: what is there is kept. Several processes share the work with --shard I/N.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import soundfile
import soxr
from teachers import teacher
from tqdm import tqdm

RATE = 24000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--teacher", default="joe")
    parser.add_argument("--speaker", help="name that the built-in model gives this voice")
    parser.add_argument("--language", choices=["English", "Chinese"], default="English")
    parser.add_argument("--shard", default="0/1")
    parser.add_argument("--limit", type=int, help="stop after this many sentences of the list")
    parser.add_argument("--cache", type=Path, default=Path(".work/teachers"))
    args = parser.parse_args()

    part, parts = map(int, args.shard.split("/"))
    lines = [line.split("\t") for line in args.text.read_text("utf-8").splitlines()][: args.limit]
    speak = teacher(args.teacher, args.language, 1, args.cache)
    folder = args.out / args.teacher
    folder.mkdir(parents=True, exist_ok=True)
    manifest = args.out / f"{args.teacher}.{part}.jsonl"
    done = {json.loads(row)["id"] for row in manifest.read_text("utf-8").splitlines()} if manifest.exists() else set()
    with manifest.open("a", encoding="utf-8") as rows:
        for key, text in tqdm(lines[part::parts], mininterval=30):
            if key in done:
                continue
            wave, rate = speak(text)
            wave = soxr.resample(wave, rate, RATE) if rate != RATE else wave
            path = folder / f"{key}.flac"
            soundfile.write(path, np.clip(wave, -1, 1), RATE, subtype="PCM_16")
            row = {"id": key, "audio": f"{args.teacher}/{key}.flac", "text": text, "language": args.language}
            row |= {"speaker": args.speaker or args.teacher, "seconds": round(len(wave) / RATE, 3)}
            rows.write(json.dumps(row) + "\n")
            rows.flush()


if __name__ == "__main__":
    main()
