"""Lets the teacher plan what to say, and say it: OUT/NAME-SHARD-NNNN.npz and .jsonl, scores of 40 clips each (`score.py`).

With --sound also NAME-SHARD-NNNN.sound.npz: the waves, and what they are made of (`harmonics.py`). Each clip is drawn from
(seed, number), files are whole or not there, and what is there is kept, so it can be killed and started again. Of one kind of
clips several processes make each their share: --shard I/N.
"""

import argparse
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from captions import heard, way_and_mood
from harmonics import FRAME, HOP, controls
from kokoro import UNIT, Kokoro, Plan, Styles
from make_text import PROSE, WRITING, word_list, word_sentence
from read import LONGEST, chinese_reader, english_reader
from score import Score, save, score, through
from tqdm import tqdm
from voices import PRESETS, SOMEBODY, anybody, preset, somebody
from ways import Way, order, way

CLIPS = 40  # of a file
LOUDNESS = 0.08  # root mean square of speech
ANYBODY = 0.6  # of the voices without a name and without a description are no mixtures of two
BOOKS = Path(__file__).parent / "books"
KINDS = ("preset", "told", "somebody", "described")  # a preset voice, one that is told how, any other voice, one described


@dataclass(frozen=True, slots=True)
class Texts:
    """Sentences of prose, and words with how often each is drawn."""

    language: str
    prose: list[str]
    words: list[str]
    weights: list[float]

    def some(self, rng: np.random.Generator, short: bool = False) -> str:
        """A sentence, a row of words, or a few words of a sentence, as somebody might type them; `short`: always these."""
        writing, kind = WRITING[self.language], 1.0 if short else rng.random()
        if kind < 0.45:
            return str(rng.choice(self.prose))
        if kind < 0.85:
            return word_sentence(rng, writing, self.words, self.weights)
        sentence = str(rng.choice(self.prose))
        parts = sentence.split(" ") if writing.space else list(sentence)
        count = int(rng.integers(1, min(len(parts), 6 if writing.space else 9) + 1))
        first = int(rng.integers(len(parts) - count + 1))
        text = writing.space.join(parts[first : first + count]).strip(" ,;:，、；：")
        return text if rng.random() < 0.5 else text.rstrip(".?!。？！").lower()


def texts(language: str) -> Texts:
    return Texts(language, (PROSE / f"{language}.txt").read_text("utf-8").splitlines(), *word_list(language, 20_000))


class Maker:
    def __init__(
        self, cache: Path, language: str, kind: str, sound: bool, seed: int, voices: list[str], bright: np.ndarray,
        short: bool = False,
    ) -> None:  # fmt: skip
        """`voices`: of the presets; `bright`: of brightness.py; `short`: of each clip's text."""
        self.short = short
        self.kokoro, self.styles, self.kind, self.sound, self.seed = Kokoro(cache), Styles(cache), kind, sound, seed
        self.voices, self.bright = voices, bright
        self.language = {"en": "English", "zh": "Chinese"}[language]
        self.texts = texts(language)
        self.read = (english_reader if language == "en" else chinese_reader)(self.kokoro.vocab)

    def clip(self, number: int) -> tuple[Score, Plan, np.ndarray]:
        """The score of a clip, what the teacher planned, and its style."""
        for attempt in range(20):
            rng = np.random.default_rng((self.seed, number, KINDS.index(self.kind), self.language == "Chinese", attempt))
            reading = self.read(self.texts.some(rng, self.short))
            if 0 < len(reading.phones) <= LONGEST and reading.words:
                break
        speaker, manner, mood, told = "", Way(), 0, ()
        if self.kind in ("preset", "told"):
            speaker = self.voices[number % len(self.voices)]
            who, woman = preset(speaker, self.language), False
        else:
            drawn = anybody if self.kind == "somebody" and rng.random() < ANYBODY else somebody
            who, woman = drawn(self.styles, self.language, rng)
            if self.kind == "described" or (not self.sound and rng.random() < 0.5):
                manner, mood = way_and_mood(rng)
        if self.kind == "told":
            told = order(rng)
            manner = way(told)
        style = who.style(self.styles, len(reading.phones))
        pace = manner.pace * float(rng.uniform(0.93, 1.07))
        plan = self.kokoro.plan(reading.phones, style, pace)
        made = score(reading, plan, speaker, self.language, style)
        made.told = told
        if self.kind == "described":
            made.heard = asdict(heard(woman, made, manner, self.bright, mood))
        if self.kind == "somebody":
            made.speaker = SOMEBODY
        made = manner.applied(made)
        made.key = f"{self.kind}-{self.language[:2].lower()}-{number}"
        return made, plan, style

    def file(self, path: Path, numbers: list[int]) -> None:
        made = [self.clip(number) for number in numbers]
        if self.sound:
            keep(((clip, of_wave(clip, self.kokoro.speak(plan, style))) for clip, plan, style in made), path)
        else:
            save((clip for clip, _, _ in made), path)


def of_wave(made: Score, wave: np.ndarray) -> dict[str, np.ndarray]:
    """What is kept of all that the teacher said of a score: the wave, as whole frames, and what it is made of."""
    begin, samples = made.begin * UNIT, made.frames * FRAME
    wave = wave[begin : begin + made.units * UNIT]
    level = np.sqrt(np.square(wave[: len(wave) // 240 * 240].reshape(-1, 240)).mean(1))
    wave = wave * (LOUDNESS / np.sqrt(np.square(level[level > 0.02 * np.quantile(level, 0.95)]).mean()))
    wave = np.pad(wave, (0, samples - len(wave))).astype(np.float32)
    places = np.arange(len(made.pitch)) * (UNIT / 2) + UNIT / 4
    pitch = np.interp(np.arange(samples), places, through(made.pitch))
    voiced = np.interp(np.arange(HOP - 1, samples, HOP), places, (made.pitch > 0).astype(float), right=0) > 0.5
    harmonics, noise = controls(wave, pitch, voiced)
    return {
        "wave": np.clip(np.round(wave * 32767), -32768, 32767).astype(np.int16),
        "harmonics": harmonics.astype(np.float16),
        "noise": noise.astype(np.float16),
    }


def keep(made: Iterable[tuple[Score, dict[str, np.ndarray]]], path: Path) -> None:
    """Writes scores and what is kept of their sound."""
    scores, sounds = zip(*made, strict=True)
    part = path.with_suffix(".sound.part.npz")
    np.savez(part, **{name: np.concatenate([sound[name] for sound in sounds]) for name in sounds[0]})
    save(scores, path)
    part.rename(path.with_suffix(".sound.npz"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--language", choices=["en", "zh"], default="en")
    parser.add_argument("--clips", type=int, default=400)
    parser.add_argument("--sound", action="store_true")
    parser.add_argument("--short", action="store_true", help="a few words a clip: more voices in the same time")
    parser.add_argument("--shard", default="0/1")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--voices", default=",".join(PRESETS), help="which of the presets")
    parser.add_argument("--bright", type=Path, default=BOOKS / "bright.npy", help="of brightness.py")
    parser.add_argument("--cache", type=Path, default=Path(".work/teachers"))
    args = parser.parse_args()

    args.out.mkdir(parents=True, exist_ok=True)
    part, parts = map(int, args.shard.split("/"))
    voices, bright = args.voices.split(","), np.load(args.bright)
    maker = Maker(args.cache, args.language, args.kind, args.sound, args.seed, voices, bright, args.short)
    for first in tqdm(range(part * CLIPS, args.clips, parts * CLIPS), mininterval=20):
        path = args.out / f"{args.kind}-{args.language}-{first // CLIPS:04d}.npz"
        if not path.exists():
            maker.file(path, list(range(first, min(first + CLIPS, args.clips))))


if __name__ == "__main__":
    main()
