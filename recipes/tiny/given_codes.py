"""Codes that are known before there is a codec: DIR/given/, and DIR/pairs.npy, what each stands for.

Code 0 is a pair of phones, of align.py. With --pitch, code 1 is a pair of pitches, measured here (DIR/pitch.npy).
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
from tqdm import tqdm

from qwen_tts.eval.pitch import track
from qwen_tts.train.data import Pack, perplexity, write_codes
from qwen_tts.train.phone_codes import frequent_pairs, phone_codes
from qwen_tts.train.pitch_codes import halves, pitch_codes, pitch_pairs

RATE, FRAME = 24000, 1920


def tracked(folder: Path, clips: range) -> list[np.ndarray]:
    pack = Pack(folder)
    return [track(pack.wave(pack.clips[i]), RATE) for i in clips]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--pitch", action="store_true", help="give codebook 1, too")
    parser.add_argument("--size", type=int, default=1024, help="of a codebook")
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()

    pack = Pack(args.pack)
    frames = [-(-clip.samples // FRAME) for clip in pack.clips]
    phones = np.fromfile(args.pack / "phones.u1", "u1").reshape(-1, 2)
    spoken = frequent_pairs(phones, args.size)
    np.save(args.pack / "pairs.npy", spoken)
    columns = [phone_codes(phones, spoken)]
    if args.pitch:
        parts = [range(i, min(i + 100, len(pack.clips))) for i in range(0, len(pack.clips), 100)]
        with ProcessPoolExecutor(args.processes) as pool:
            work = pool.map(tracked, [args.pack] * len(parts), parts)
            heard = [pitch for part in tqdm(work, total=len(parts), mininterval=10) for pitch in part]
        rows = np.concatenate([halves(pitch, n) for pitch, n in zip(heard, frames, strict=True)])
        sung = pitch_pairs(rows, args.size)
        np.save(args.pack / "pitch.npy", sung)
        columns.append(pitch_codes(rows, sung))
        off = np.abs(rows - sung[columns[1]])[~np.isnan(rows).any(1)].mean() * 12
        print(f"a voice that goes on is off by {off:.2f} semitones")
    for number, column in enumerate(columns):
        print(f"codebook {number}: perplexity {perplexity(column):.0f}")
    joined, ends = np.stack(columns, 1), np.cumsum([0, *frames])
    write_codes([joined[a:b] for a, b in pairwise(ends)], args.pack / "given")


if __name__ == "__main__":
    main()
