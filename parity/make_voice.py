"""Writes tests/golden/official_voice.pt with the official package, as its demo writes voices: make_voice.py CHECKPOINTS.

One voice in context and one by its speaker vector alone, of the smallest golden model.
"""

import argparse
from dataclasses import asdict
from pathlib import Path

import golden
import tasks
import torch

from qwen_tts import Qwen3TTSModel

SECONDS, TEXT = 0.8, "Twelve sober cats — 猫."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoints", type=Path)
    model = Qwen3TTSModel.from_pretrained(str(parser.parse_args().checkpoints / "golden-1.7B-Base"))
    sound = tasks.sound(int(SECONDS * tasks.RATE)), tasks.RATE
    voices = model.create_voice_clone_prompt(ref_audio=sound, ref_text=TEXT)
    voices += model.create_voice_clone_prompt(ref_audio=sound, x_vector_only_mode=True)
    path = golden.FILE.with_name("official_voice.pt")
    torch.save({"items": [asdict(voice) for voice in voices]}, path)
    print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
