"""A pack with more voices and manners of speaking than its teachers have: OUT is PACK and changed copies of its clips.

    preset voices       of a teacher's clips, another size of speaker; each voice always the same
    told what to do     a preset voice's clips, slower, higher, whispered … with an instruction that asks for it
    designed            any voice, changed at random, with a description of what is heard

Alignment and codes that are given (given_codes.py) are carried over; pitch is measured anew.
"""

import argparse
import json
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from captions import WAYS, Voice, describe
from tqdm import tqdm
from vary import Way, vary

from qwen_tts.eval.pitch import track
from qwen_tts.train.data import Alignment, Clip, Codes, Pack, write_codes
from qwen_tts.train.phone_codes import phone_codes
from qwen_tts.train.pitch_codes import halves, pitch_codes

RATE, FRAME = 24000, 1920
VOICES = {  # preset voice: teacher's clips in the pack, and how they are changed
    "Ryan": ("Ryan", Way()), "Serena": ("Serena", Way()), "Vivian": ("Vivian", Way()), "Aiden": ("Aiden", Way()),
    "Dylan": ("Michael", Way()), "Eric": ("Ryan", Way(size=1.13, bright=0.5)),
    "Uncle_Fu": ("Michael", Way(size=0.86, pace=0.93)), "Ono_Anna": ("Vivian", Way(size=1.16, pace=1.06)),
    "Sohee": ("Serena", Way(size=0.91, bright=-0.7)),
}  # fmt: skip
WOMEN = {"Serena", "Vivian"}
SIZES = {True: (0.88, 1.22), False: (0.82, 1.2)}
LOW_AND_HIGH = {True: (175, 225), False: (95, 125)}  # Hz; between them is in the middle


@dataclass(frozen=True, slots=True)
class Variant:
    """A clip to be made: from which, how, whose it is then, and what is said about it ("design": what is heard)."""

    clip: int
    way: Way
    speaker: str
    instruct: str = ""
    designed: bool = False


def together(a: Way, b: Way) -> Way:
    return Way(a.size * b.size, a.pace * b.pace, a.bright + b.bright, a.loud + b.loud, a.whispered or b.whispered)


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
            float(np.exp(rng.uniform(*np.log(SIZES[teacher in WOMEN])))), float(np.exp(rng.uniform(*np.log((0.72, 1.35))))),
            float(rng.choice([-2, 0, 0, 2])), float(rng.choice([-7, 0, 0, 0, 4])),
        )  # fmt: skip
        made.append(Variant(int(rng.choice(of[teacher])), way, "", designed=True))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--voiced", type=int, default=600)
    parser.add_argument("--told", type=int, default=16)
    parser.add_argument("--designed", type=int, default=1800)
    args = parser.parse_args()

    pack, given, alignment = Pack(args.pack), Codes(args.pack / "given"), Alignment(args.pack)
    sung = (args.pack / "pitch.npy").exists()
    phones, pitches = np.load(args.pack / "pairs.npy"), np.load(args.pack / "pitch.npy") if sung else None
    rng = np.random.default_rng(0)
    variants = plan(pack, rng, args.voiced, args.told, args.designed)
    args.out.mkdir(parents=True)
    for name in ("audio.i16", "pairs.npy", *(["pitch.npy"] if sung else [])):
        shutil.copyfile(args.pack / name, args.out / name)
    renamed = {teacher: speaker for speaker, (teacher, way) in VOICES.items() if way == Way()}
    clips = [replace(clip, speaker=renamed.get(clip.speaker, clip.speaker)) for clip in pack.clips]
    codes = [given.get(i).numpy() for i in range(len(clips))]
    times = [alignment.times_of(i) for i in range(len(clips))]
    rates = [letters(clip.text) / clip.samples for clip in pack.clips]
    paces = np.quantile(rates, (0.2, 0.8))
    start = clips[-1].start + clips[-1].samples
    with (args.out / "audio.i16").open("ab") as audio:
        for number, variant in enumerate(tqdm(variants, mininterval=20)):
            clip = pack.clips[variant.clip]
            wave = vary(pack.wave(clip), RATE, variant.way, rng)
            frames, longer = -(-len(wave) // FRAME), len(wave) / clip.samples
            pitch = track(wave, RATE)
            pairs = phones[codes[variant.clip][:, 0]].reshape(-1)
            places = np.minimum(((np.arange(2 * frames) + 0.5) / longer).astype(int), len(pairs) - 1)
            spoken = phone_codes(pairs[places].reshape(-1, 2), phones)
            columns = [spoken, *([] if pitches is None else [pitch_codes(halves(pitch, frames), pitches)])]
            codes.append(np.stack(columns, 1))
            times.append(times[variant.clip] * longer)
            instruct = variant.instruct
            if variant.designed:
                pace = int(np.searchsorted(paces, letters(clip.text) / len(wave))) - 1
                instruct = describe(heard(clip.speaker in WOMEN, variant.way, pitch, pace), rng)
            name = f"v{number}-{clip.id}"
            clips.append(Clip(name, clip.text, variant.speaker, clip.language, start, len(wave), instruct))
            audio.write(np.round(wave * 32767).astype("<i2").tobytes())
            start += len(wave)
    lines = [json.dumps(asdict(clip), ensure_ascii=False) + "\n" for clip in clips]
    (args.out / "clips.jsonl").write_text("".join(lines), "utf-8")
    np.concatenate(times).astype("<f4").tofile(args.out / "aligned.f4")
    np.save(args.out / "aligned_start.npy", np.cumsum([0, *map(len, times)]))
    write_codes(codes, args.out / "given")
    print(f"{len(clips)} clips, {start / RATE / 3600:.1f} h")


def letters(text: str) -> int:
    return sum(c.isalnum() for c in text)


def heard(woman: bool, way: Way, pitch: np.ndarray, pace: int) -> Voice:
    """What is to be said of a voice: its pitch as measured, the rest as it was made."""
    low, high = LOW_AND_HIGH[woman]
    hertz = np.median(pitch[pitch > 0]) if pitch.any() else (low + high) / 2
    return Voice(
        woman, int(hertz > high) - int(hertz < low), pace, int(np.sign(way.bright)), int(np.sign(way.loud)),
        int(way.size < 0.92) - int(way.size > 1.1),
    )  # fmt: skip


if __name__ == "__main__":
    main()
