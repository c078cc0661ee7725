"""Scores as what a talker is taught from: PACK/clips.jsonl, codes, when each byte of the text is spoken, speaker vectors.

There is no sound in it. Frames begin anywhere in a clip, its pitch is a little off, it is spoken by any of the presets that
have its melody, and is described or told in other words each time, so what is packed with another --seed is new to a talker
that knows these clips. A speaker vector is what tells a voice from others, as `fit_speaker.py` has the speaker encoder
hear it: directions of its sound, and its pitch. Voices without a name are some thousand, and what tells one from those like it
would be learned by heart; with --made-up the same speech is packed in as many other voices as well.
"""

import argparse
import json
from dataclasses import asdict, replace
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
from voices import PRESETS, SOMEBODY, USUAL, of_one_melody, preset
from ways import Way, instruction

from qwen_tts.train.data import Clip, write_codes

WIDTH = 256  # of a speaker vector
AHEAD = 1  # frames that phones are told before they are spoken
OFF = 0.015  # of the pitch
APART = 0.8  # of how far voices differ: so far, at most, is a voice that is made up from one of the teacher's
VERSION = "~"  # in a clip's name, before the number of a voice that is made up


def spread(known: Codebooks) -> np.ndarray:
    """How far voices differ in each direction, [TIMBRES]."""
    return np.sqrt(np.square(known.voices[0]).mean(0))


def scale(known: Codebooks) -> np.ndarray:
    """What of a voice is 1 in a speaker vector, [TIMBRES]."""
    size = spread(known)
    return np.sqrt(size * size.max())


def vector(made: Score, known: Codebooks) -> np.ndarray:
    """float32 [WIDTH]: 1 in size or less, the more a direction is heard, the larger; 0 beyond."""
    found = np.zeros(WIDTH, np.float32)
    found[:TIMBRES] = known.heard(made.voice) / scale(known)
    voiced = made.pitch[made.pitch > 0]
    found[TIMBRES] = 2 * np.log2(np.median(voiced) / 160) if len(voiced) else 0.0
    return np.clip(found, -4, 4)


def in_other_voices(made: Score, known: Codebooks, count: int, rng: np.random.Generator) -> list[Score]:
    """The same speech in voices that are made up."""
    size = spread(known) * rng.uniform(0, APART, (count, 1))
    off = rng.normal(size=(count, TIMBRES)) * size @ np.linalg.pinv(known.basis)
    names = [f"{made.key}{VERSION}{number}" for number in range(1, count + 1)]
    return [replace(made, key=name, voice=(made.voice + o).astype(np.float32)) for name, o in zip(names, off, strict=True)]


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
    parser.add_argument("--made-up", type=int, default=0, help="voices beside each that has no name and no description")
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
            others = in_other_voices(made, known, args.made_up, rng) if made.speaker == SOMEBODY else []
            start = int(rng.integers(SIXTHS))
            for one in (made, *others):
                text = spelled(one.text) if one.language == "Chinese" else one.text
                clip = Clip(one.key, text, one.speaker, one.language, 0, one.frames * FRAME, spelled(words(one, rng)))
                assert len(text.encode()) == len(one.spoken), text
                clips.append(clip)
                codes.append(known.codes(one, start))
                times.append(np.maximum(one.spoken / UNITS - AHEAD, 0))
                vectors.append(vector(one, known))
    lines = [json.dumps(asdict(clip), ensure_ascii=False) + "\n" for clip in clips]
    (args.out / "clips.jsonl").write_text("".join(lines), "utf-8")
    write_codes(codes, args.out)
    np.concatenate(times).astype("<f4").tofile(args.out / "aligned.f4")
    np.save(args.out / "aligned_start.npy", np.cumsum([0, *map(len, times)]))
    np.save(args.out / "vectors.npy", np.stack(vectors))
    print(f"{len(clips)} clips, {sum(map(len, codes)) * 0.08 / 3600:.1f} h")


if __name__ == "__main__":
    main()
