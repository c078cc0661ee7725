"""Scores as what a talker is taught from: PACK/clips.jsonl, codes, when each byte of the text is spoken, speaker vectors.

There is no sound in it. Frames begin anywhere in a clip, its pitch is a little off, it is spoken by any of the presets that
have its melody, and is described or told in other words each time, so what is packed with another --seed is new to a talker
that knows these clips. A speaker vector is what tells a voice from others, as `fit_speaker.py` has the speaker encoder
hear it: directions of its sound, and its pitch.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from captions import Voice, describe
from codes import TIMBRES, Codebooks
from harmonics import FRAME
from kokoro import TIMBRE, Styles
from mandarin import spelled
from score import UNITS, Score, load
from sounded import after_silence
from synthesiser import UNITS as SIXTHS
from tqdm import tqdm
from voices import PRESETS, USUAL, of_one_melody, preset
from ways import Way, instruction

from qwen_tts.train.data import Clip, write_codes

WIDTH = 256  # of a speaker vector
AHEAD = 1  # frames that phones are told before they are spoken
OFF = 0.015  # of the pitch


def scale(known: Codebooks) -> np.ndarray:
    """What of a voice is 1 in a speaker vector, [TIMBRES]."""
    size = np.sqrt(np.square(known.voices[0]).mean(0))
    return np.sqrt(size * size.max())


def vector(made: Score, known: Codebooks) -> np.ndarray:
    """float32 [WIDTH]: 1 in size or less, the more a direction is heard, the larger; 0 beyond."""
    found = np.zeros(WIDTH, np.float32)
    found[:TIMBRES] = known.heard(made.voice) / scale(known)
    voiced = made.pitch[made.pitch > 0]
    found[TIMBRES] = 2 * np.log2(np.median(voiced) / 160) if len(voiced) else 0.0
    return np.clip(found, -4, 4)


def words(made: Score, rng: np.random.Generator) -> str:
    """How its voice is described, or what its speaker was told; nothing, if nothing is to be said."""
    if made.heard:
        return describe(Voice(**made.heard), rng)
    return instruction(tuple(made.told), rng) if made.told else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scores", type=Path)
    parser.add_argument("codebooks", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache", type=Path, default=Path(".work/teachers"))
    args = parser.parse_args()

    torch.set_num_threads(1)
    known, rng, styles = Codebooks.from_file(args.codebooks), np.random.default_rng(args.seed), Styles(args.cache)
    presets = {name: preset(name, "English").style(styles, USUAL)[:TIMBRE] for name in PRESETS}  # the same in all they say
    args.out.mkdir(parents=True, exist_ok=True)
    clips, codes, times, vectors = [], [], [], []
    for path in tqdm(sorted(args.scores.glob("*.jsonl")), mininterval=10):
        for made in load(path):
            if made.frames < 4:
                continue
            made = after_silence(Way(pitch=rng.uniform(1 - OFF, 1 + OFF)).applied(made), int(rng.integers(int(UNITS) + 1)))
            if made.speaker in PRESETS:
                made.speaker = str(rng.choice(of_one_melody(made.speaker, made.language)))
                made.voice = presets[made.speaker]
            text = spelled(made.text) if made.language == "Chinese" else made.text
            clip = Clip(made.key, text, made.speaker, made.language, 0, made.frames * FRAME, spelled(words(made, rng)))
            assert len(text.encode()) == len(made.spoken), text
            clips.append(clip)
            codes.append(known.codes(made, int(rng.integers(SIXTHS))))
            times.append(np.maximum(made.spoken / UNITS - AHEAD, 0))
            vectors.append(vector(made, known))
    lines = [json.dumps(asdict(clip), ensure_ascii=False) + "\n" for clip in clips]
    (args.out / "clips.jsonl").write_text("".join(lines), "utf-8")
    write_codes(codes, args.out)
    np.concatenate(times).astype("<f4").tofile(args.out / "aligned.f4")
    np.save(args.out / "aligned_start.npy", np.cumsum([0, *map(len, times)]))
    np.save(args.out / "vectors.npy", np.stack(vectors))
    print(f"{len(clips)} clips, {sum(map(len, codes)) * 0.08 / 3600:.1f} h")


if __name__ == "__main__":
    main()
