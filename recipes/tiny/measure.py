"""The sound of every clip of a pack, as sound.py measures it: DIR/sound.f2, DIR/sound_start.npy."""

import argparse
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from sound import Sound, measure, write_sounds
from tqdm import tqdm

from qwen_tts.train.data import Pack


def measured(folder: Path, clips: range) -> list[Sound]:
    pack = Pack(folder)
    return [measure(pack.wave(pack.clips[i])) for i in clips]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()

    count = len(Pack(args.pack).clips)
    parts = [range(i, min(i + 20, count)) for i in range(0, count, 20)]
    with ProcessPoolExecutor(args.processes) as pool:
        found = tqdm(pool.map(measured, [args.pack] * len(parts), parts), total=len(parts), mininterval=10)
        write_sounds((sound for part in found for sound in part), args.pack)


if __name__ == "__main__":
    main()
