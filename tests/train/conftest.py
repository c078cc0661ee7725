"""A pack of three tone-like clips, with codes, phonetic targets and an alignment beside it; and clips that are not packed."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from miniature import CODES, GROUPS

from qwen_tts.train.data import Pack, write_pack

RATE = 24_000
TEXTS = ("the house", "out there", "about the other one")


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    rng = np.random.default_rng(3)
    rows = []
    for i, text in enumerate(TEXTS):
        t = np.arange(RATE * (i + 2) // 2) / RATE
        wave = 0.2 * np.sin(2 * np.pi * (200 + 100 * i) * t) * (1 + np.sin(9 * t)) + 0.01 * rng.standard_normal(len(t))
        path = tmp_path / f"{i}.wav"
        soundfile.write(path, wave, RATE)
        rows.append(({"id": str(i), "text": text, "speaker": "Ryan", "language": "English"}, path))
    folder = tmp_path / "pack"
    assert write_pack(rows, folder, RATE) == len(TEXTS)
    made = Pack(folder)
    frames = [-(-clip.samples // 1920) for clip in made.clips]
    starts = np.concatenate(([0], np.cumsum(frames)))
    np.save(folder / "codes_start.npy", starts)
    np.save(folder / "phonetic_start.npy", starts)
    rng.integers(0, CODES, (sum(frames), GROUPS)).astype("<i2").tofile(folder / "codes.i16")
    times = [np.linspace(0, n, len(text) + 1)[:-1] for n, text in zip(frames, TEXTS, strict=True)]
    np.concatenate(times).astype("<f4").tofile(folder / "aligned.f4")
    np.save(folder / "aligned_start.npy", np.concatenate(([0], np.cumsum([len(t) for t in times]))))
    rng.standard_normal((sum(frames), 5)).astype("<f2").tofile(folder / "phonetic.f16")
    return made


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Three clips of a second and a half, and a preset speaker's name."""
    rng = np.random.default_rng(0)
    lines = []
    for number in range(3):
        soundfile.write(tmp_path / f"{number}.wav", 0.1 * rng.standard_normal(RATE * 3 // 2), RATE)
        row = {
            "audio": f"{number}.wav",
            "text": f"The house {number}.",
            "speaker": "Ryan",
            "language": "English",
            "seconds": 1.5,
        }
        lines.append(json.dumps(row))
    path = tmp_path / "clips.jsonl"
    path.write_text("\n".join(lines), "utf-8")
    return path
