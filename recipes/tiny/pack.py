"""Packs manifests (make_speech.py's jsonl) into one training set: DIR/audio.i16, DIR/clips.jsonl.

A manifest may be followed by "=HOURS" to take no more than that of it: pack.py OUT joe.0.jsonl=4 af_heart.0.jsonl
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from qwen_tts.train.data import write_pack


def rows(manifests: list[str]) -> Iterator[tuple[dict, Path]]:
    for name in manifests:
        file, _, hours = name.partition("=")
        left = float(hours) * 3600 if hours else float("inf")
        path = Path(file)
        for line in path.read_text("utf-8").splitlines():
            row = json.loads(line)
            left -= row["seconds"]
            if left < 0:
                break
            yield row, path.parent / row["audio"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("manifests", nargs="+")
    parser.add_argument("--rate", type=int, default=24000)
    args = parser.parse_args()
    print(write_pack(rows(args.manifests), args.out, args.rate), "clips")


if __name__ == "__main__":
    main()
