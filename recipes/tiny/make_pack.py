"""Scores as what a talker is taught from: PACK/clips.jsonl, codes, when each byte of the text is spoken, speaker vectors.

There is no sound in it. Frames begin anywhere in a clip, its pitch is a little off, it is spoken by any of the presets that
have its melody, and is described or told in other words each time, so what is packed with another --seed is new to a talker
that knows these clips. A speaker vector is what tells a voice from others, as `fit_speaker.py` has the speaker encoder
hear it: directions of its sound, and its pitch. Voices without a name are some thousand, and what tells one from those like it
would be learned by heart; with --made-up the same speech is packed in as many other voices as well, two clips in each, so
that one goes on from the other.
"""

import argparse
import json
from collections.abc import Sequence
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
PITCH = 3  # as many times as all else in a vector it counts in who is alike: voices are made up, pitch is what they have
VERSION = "~"  # in a clip's name, before the number of a voice that is made up


def scale(known: Codebooks) -> np.ndarray:
    """What of a voice is 1 in a speaker vector, [TIMBRES]."""
    size = known.spread
    return np.sqrt(size * size.max())


def vector(made: Score, known: Codebooks) -> np.ndarray:
    """float32 [WIDTH]: 1 in size or less, the more a direction is heard, the larger; 0 beyond."""
    found = np.zeros(WIDTH, np.float32)
    found[:TIMBRES] = known.heard(made.voice) / scale(known)
    voiced = made.pitch[made.pitch > 0]
    found[TIMBRES] = 2 * np.log2(np.median(voiced) / 160) if len(voiced) else 0.0
    return np.clip(found, -4, 4)


def alike(vectors: np.ndarray) -> list[tuple[int, ...]]:
    """Rows [N, D] in pairs, of which each is as like as the rows that were left allowed; an odd one is alone."""
    left, pairs = list(range(len(vectors))), []
    while len(left) > 1:
        first = left.pop()
        near = int(np.square(vectors[left] - vectors[first]).sum(1).argmin())
        pairs.append((first, left.pop(near)))
    return [*pairs, *((one,) for one in left)]


def in_other_voices(speech: Sequence[Score], known: Codebooks, count: int, rng: np.random.Generator) -> list[list[Score]]:
    """The same speech in voices that are made up, each of which speaks all of it: of each speech, [count].

    A voice is its speaker's name. Of two that are alike these voices are about what lies between them.
    """
    size = known.spread * rng.uniform(0, APART, (count, 1))
    off = rng.normal(size=(count, TIMBRES)) * size @ np.linalg.pinv(known.basis)
    voices = (np.mean([made.voice for made in speech], 0) + off).astype(np.float32)
    return [
        [
            replace(made, key=f"{made.key}{VERSION}{number}", speaker=f"{speech[0].key}{VERSION}{number}", voice=voice)
            for number, voice in enumerate(voices, 1)
        ]
        for made in speech
    ]


def in_pairs(nameless: list[Score], known: Codebooks, count: int, rng: np.random.Generator) -> dict[str, list[Score]]:
    """Of each speech, by its key, what it is in so many other voices, of which each speaks another's, too."""
    others: dict[str, list[Score]] = {}
    for language in sorted({made.language for made in nameless}):
        some = [made for made in nameless if made.language == language]
        told = np.stack([vector(made, known) for made in some])
        told[:, TIMBRES] *= PITCH
        for pair in alike(told):
            speech = [some[number] for number in pair]
            found = in_other_voices(speech, known, count, rng)
            others |= {made.key: versions for made, versions in zip(speech, found, strict=True)}
    return others


def new(made: Score, presets: dict[str, np.ndarray], rng: np.random.Generator) -> Score:
    """The score from a place anywhere in its silence on, of another pitch, and spoken by another preset if it is a preset's."""
    made = after_silence(Way(pitch=rng.uniform(1 - OFF, 1 + OFF)).applied(made), int(rng.integers(int(UNITS) + 1)))
    if made.speaker in PRESETS:
        made.speaker = str(rng.choice(of_one_melody(made.speaker, made.language)))
        made.voice = presets[made.speaker]
    elif made.speaker == SOMEBODY:
        made.speaker = made.key  # each is somebody else
    return made


def words(made: Score, rng: np.random.Generator) -> str:
    """How its voice is described, or what its speaker was told; nothing, if nothing is to be said."""
    if made.heard:
        return describe(Voice(**made.heard), rng)
    return instruction(tuple(made.told), rng) if made.told else ""


def save(out: Path, clips: list[Clip], codes: list[np.ndarray], times: list[np.ndarray], vectors: np.ndarray) -> None:
    """Writes a pack: of each clip its codes [T, Q], when each byte of its text is spoken, and its speaker vector."""
    out.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(asdict(clip), ensure_ascii=False) + "\n" for clip in clips]
    (out / "clips.jsonl").write_text("".join(lines), "utf-8")
    write_codes(codes, out)
    np.concatenate(times).astype("<f4").tofile(out / "aligned.f4")
    np.save(out / "aligned_start.npy", np.cumsum([0, *map(len, times)]))
    np.save(out / "vectors.npy", vectors)


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
    scores = [
        new(made, presets, rng) for path in tqdm(sorted(args.scores.glob("*.jsonl")), mininterval=10) for made in load(path)
    ]
    scores = [made for made in scores if made.frames >= 4]
    others = in_pairs([made for made in scores if made.speaker == made.key], known, args.made_up, rng) if args.made_up else {}
    clips, codes, times, vectors = [], [], [], []
    for made in tqdm(scores, mininterval=10):
        start = int(rng.integers(SIXTHS))
        for one in (made, *others.get(made.key, ())):
            text = spelled(one.text) if one.language == "Chinese" else one.text
            clip = Clip(one.key, text, one.speaker, one.language, 0, one.frames * FRAME, spelled(words(one, rng)))
            assert len(text.encode()) == len(one.spoken), text
            clips.append(clip)
            codes.append(known.codes(one, start))
            times.append(np.maximum(one.spoken / UNITS - AHEAD, 0))
            vectors.append(vector(one, known))
    save(args.out, clips, codes, times, np.stack(vectors))
    print(f"{len(clips)} clips, {sum(map(len, codes)) * 0.08 / 3600:.1f} h")


if __name__ == "__main__":
    main()
