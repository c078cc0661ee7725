"""Speaks sentences as the teacher: OUT/VOICE/ID.flac (24 kHz) and OUT/VOICE.jsonl, for benchmarks to compare with.

Can be killed and started again: what is there is kept.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import soundfile
from kokoro import Kokoro, Styles
from read import chinese_reader, english_reader
from tqdm import tqdm
from voices import PRESETS, mixed, preset

RATE = 24000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path, help="lines of ID TAB sentence")
    parser.add_argument("out", type=Path)
    parser.add_argument("--voice", default="Ryan", help="a preset's name, or one of the teacher's own, two of them as A+B")
    parser.add_argument("--language", choices=["English", "Chinese"], default="English")
    parser.add_argument("--cache", type=Path, default=Path(".work/teachers"))
    args = parser.parse_args()

    kokoro, styles = Kokoro(args.cache), Styles(args.cache)
    read = (chinese_reader if args.language == "Chinese" else english_reader)(kokoro.vocab)
    who = preset(args.voice, args.language) if args.voice in PRESETS else mixed(args.voice, args.voice.split("+")[0])
    (args.out / args.voice).mkdir(parents=True, exist_ok=True)
    manifest = args.out / f"{args.voice}.jsonl"
    done = {json.loads(row)["id"] for row in manifest.read_text("utf-8").splitlines()} if manifest.exists() else set()
    with manifest.open("a", encoding="utf-8") as rows:
        for line in tqdm(args.text.read_text("utf-8").splitlines(), mininterval=30):
            key, text = line.split("\t")
            if key in done:
                continue
            reading = read(text)
            style = who.style(styles, len(reading.phones))
            wave = kokoro.speak(kokoro.plan(reading.phones, style), style)
            path = args.out / args.voice / f"{key}.flac"
            soundfile.write(path, np.clip(wave, -1, 1), RATE, subtype="PCM_16")
            row = {"id": key, "audio": f"{args.voice}/{key}.flac", "text": text, "language": args.language}
            rows.write(json.dumps(row | {"speaker": args.voice, "seconds": round(len(wave) / RATE, 3)}) + "\n")
            rows.flush()


if __name__ == "__main__":
    main()
