"""Scores of what the teacher's model, as its packages have it, has spoken before: files as those of make_scores.py --sound.

What it planned is planned again, from the same text. Clips that are not as long as the plan says are left out.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import soundfile
from halve import PLANNED, part, whole
from kokoro import DURATIONS, ENERGY, FEATURES, PITCH, UNIT, Kokoro, Styles
from make_scores import CLIPS, keep, of_wave
from read import english_reader
from score import Score, score
from tqdm import tqdm
from voices import preset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("manifest", type=Path, help="lines of path, text, speaker (a preset)")
    parser.add_argument("out", type=Path)
    parser.add_argument("--shard", default="0/1")
    parser.add_argument("--cache", type=Path, default=Path(".work/teachers"))
    args = parser.parse_args()

    args.out.mkdir(parents=True, exist_ok=True)
    eight_bit = part(whole(), PLANNED, [DURATIONS, FEATURES, PITCH, ENERGY])
    kokoro, styles = Kokoro(args.cache, plan=eight_bit.SerializeToString()), Styles(args.cache)
    read, (shard, parts) = english_reader(kokoro.vocab), map(int, args.shard.split("/"))
    rows = [json.loads(line) for line in args.manifest.read_text("utf-8").splitlines()]
    for first in tqdm(range(shard * CLIPS, len(rows), parts * CLIPS), mininterval=20):
        path = args.out / f"spoken-en-{first // CLIPS:04d}.npz"
        made: list[tuple[Score, dict[str, np.ndarray]]] = []
        for row in [] if path.exists() else rows[first : first + CLIPS]:
            reading = read(row["text"])
            style = preset(row["speaker"], "English").style(styles, len(reading.phones))
            plan = kokoro.plan(reading.phones, style)
            wave, _ = soundfile.read(args.manifest.parent / row["path"], dtype="float32")
            if abs(len(wave) - plan.durations.sum() * UNIT) > UNIT // 4 or not reading.words:
                continue
            found = score(reading, plan, row["speaker"], "English", style)
            found.key = Path(row["path"]).stem
            made.append((found, of_wave(found, wave)))
        if made:
            keep(made, path)


if __name__ == "__main__":
    main()
