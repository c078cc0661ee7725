"""A pack with more voices and manners of speaking than its teachers have: OUT is PACK and changed copies of its clips.

    preset voices       of a teacher's clips, another size of speaker; each voice always the same
    told what to do     a preset voice's clips, slower, higher, whispered … with an instruction that asks for it
    designed            any voice, changed at random, with a description of what is heard

Alignment and phones are carried over, Chinese is spelled as the talker learns it. Of the changed
copies there is no wave, only how they sound (sound.py).
"""

import argparse
import json
from dataclasses import asdict, dataclass, replace
from itertools import chain, pairwise
from pathlib import Path

import numpy as np
from captions import WAYS, Voice, describe
from mandarin import spelled
from sound import FRAME, NODES, Sound, Sounds, write_sounds
from tqdm import tqdm
from vary import Way, together, vary

from qwen_tts.train.data import Alignment, Pack

VOICES = {  # preset voice: teacher's clips in the pack, and how they are changed
    "Ryan": ("Ryan", Way()), "Serena": ("Serena", Way()), "Vivian": ("Vivian", Way()), "Aiden": ("Aiden", Way()),
    "Eric": ("Eric", Way()), "Dylan": ("Aiden", Way(size=1.09, pitch=1.14)),
    "Uncle_Fu": ("Ryan", Way(size=0.88, pitch=0.8, pace=0.93)), "Ono_Anna": ("Vivian", Way(size=1.14, pitch=1.16, pace=1.06)),
    "Sohee": ("Serena", Way(size=0.91, pitch=0.88, bright=-0.7)),
}  # fmt: skip
WOMEN = {"Serena", "Vivian"}
SIZES, PITCHES = (0.86, 1.16), (0.8, 1.25)
LOW_AND_HIGH = {True: (175, 225), False: (95, 125)}  # Hz; between them is in the middle


@dataclass(frozen=True, slots=True)
class Variant:
    """A clip to be made: from which, how, whose it is then, and what is said about it ("design": what is heard)."""

    clip: int
    way: Way
    speaker: str
    instruct: str = ""
    designed: bool = False


def plan(pack: Pack, rng: np.random.Generator, voiced: int, told: int, designed: int) -> list[Variant]:
    """`voiced` clips for each new voice, `told` for each way of each voice, `designed` in all."""
    of = {name: [i for i, clip in enumerate(pack.clips) if clip.speaker == name] for name, _ in VOICES.values()}
    made: list[Variant] = []
    for speaker, (teacher, way) in VOICES.items():
        if way != Way():
            made += [Variant(int(i), way, speaker) for i in rng.permutation(of[teacher])[:voiced]]
        for change, words in WAYS.values():
            clips = rng.permutation(of[teacher])[:told]
            made += [Variant(int(i), together(way, change), speaker, str(rng.choice(words.split("|")))) for i in clips]
    for _ in range(designed):
        teacher = str(rng.choice(sorted(of)))
        way = Way(
            *(float(np.exp(rng.uniform(*np.log(ends)))) for ends in (SIZES, PITCHES, (0.72, 1.35))),
            float(rng.choice([-2, 0, 0, 2])), float(rng.choice([-7, 0, 0, 0, 4])),
        )  # fmt: skip
        made.append(Variant(int(rng.choice(of[teacher])), way, "", designed=True))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--voiced", type=int, default=300)
    parser.add_argument("--told", type=int, default=14)
    parser.add_argument("--designed", type=int, default=1000)
    args = parser.parse_args()

    pack, sounds, alignment = Pack(args.pack), Sounds(args.pack), Alignment(args.pack)
    phones = np.fromfile(args.pack / "phones.u1", "u1").reshape(-1, 2)
    rng = np.random.default_rng(0)
    variants = plan(pack, rng, args.voiced, args.told, args.designed)
    args.out.mkdir(parents=True)
    (args.out / "audio.i16").symlink_to((args.pack / "audio.i16").resolve())
    clips = list(pack.clips)
    spoken = [phones[a:b] for a, b in pairwise(sounds.start // NODES)]
    times = [alignment.times_of(i) for i in range(len(clips))]
    paces = {
        language: np.quantile([letters(c.text) / c.samples for c in pack.clips if c.language == language], (0.2, 0.8))
        for language in {clip.language for clip in pack.clips}
    }
    made: list[Sound] = []
    for number, variant in enumerate(tqdm(variants, mininterval=20)):
        clip = pack.clips[variant.clip]
        sound = vary(sounds.get(variant.clip), variant.way)
        made.append(sound)
        frames = len(sound) // NODES
        longer = frames / len(spoken[variant.clip])
        halves = spoken[variant.clip].reshape(-1)
        places = np.minimum(((np.arange(2 * frames) + 0.5) / longer).astype(int), len(halves) - 1)
        spoken.append(halves[places].reshape(-1, 2))
        times.append(times[variant.clip] * longer)
        instruct, samples = variant.instruct, min(frames * FRAME, round(clip.samples * longer))
        if variant.designed:
            pace = int(np.searchsorted(paces[clip.language], letters(clip.text) / samples)) - 1
            instruct = describe(heard(clip.speaker in WOMEN, variant.way, sound, pace), rng)
        # there is no wave of it: where the clip lies that it was made of
        clips.append(replace(clip, id=f"v{number}-{clip.id}", speaker=variant.speaker, samples=samples, instruct=instruct))
    clips = [replace(clip, text=spelled(clip.text), instruct=spelled(clip.instruct)) for clip in clips]
    lines = [json.dumps(asdict(clip), ensure_ascii=False) + "\n" for clip in clips]
    (args.out / "clips.jsonl").write_text("".join(lines), "utf-8")
    np.concatenate(times).astype("<f4").tofile(args.out / "aligned.f4")
    np.save(args.out / "aligned_start.npy", np.cumsum([0, *map(len, times)]))
    np.concatenate(spoken).tofile(args.out / "phones.u1")
    write_sounds(chain((sounds.get(i) for i in range(len(pack.clips))), made), args.out)
    print(f"{len(clips)} clips, {sum(clip.samples for clip in clips) / 24000 / 3600:.1f} h")


def letters(text: str) -> int:
    return sum(c.isalnum() for c in text)


def heard(woman: bool, way: Way, sound: Sound, pace: int) -> Voice:
    """What is to be said of a voice: its pitch as measured, the rest as it was made."""
    low, high = LOW_AND_HIGH[woman]
    voiced = sound.noise[:, 0] < 0.9
    hertz = np.median(sound.pitch[voiced]) if voiced.any() else (low + high) / 2
    return Voice(
        woman, int(hertz > high) - int(hertz < low), pace, int(np.sign(way.bright)), int(np.sign(way.loud)),
        int(way.size < 0.92) - int(way.size > 1.1),
    )  # fmt: skip


if __name__ == "__main__":
    main()
