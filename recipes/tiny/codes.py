"""Codes of scores (what each codebook says: `score.py`), and what the codes stand for.

make it:   python codes.py OUT/codebooks.npz AUDIBLE.npz FOLDER …     of some scores, and of voices at random
"""

import argparse
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from audible import ear
from harmonics import hats
from kokoro import TIMBRE, Styles
from score import PHONES, POINTS, SILENCE, UNITS, Score, early, following, halves, load, shape, through
from synthesiser import BENDS, FASTEST, SLOWEST
from synthesiser import UNITS as SIXTHS
from torch import Tensor
from tqdm import tqdm
from voices import PRESETS, preset, somebody

from qwen_tts.train.data import perplexity
from qwen_tts.train.phone_codes import frequent_pairs, phone_codes
from qwen_tts.train.quantizer import k_means

SIZE, BOOKS = 1024, 8
SPEEDS = FASTEST - SLOWEST + 1
ROUGH = SIZE // len(BENDS)  # shapes that code 2 tells, beside a bend of the pitch
STRAIGHT = BENDS.index(0) * ROUGH  # where its codes without a bend begin; the others are not used
TIMBRES, VOICE_BOOKS = 40, 3  # directions that voices differ in, as far as that is heard
EARLY = np.array(  # how `early` a frame is, as code 7 tells it; others are 0.3 % of the frames
    [
        (0, 0, 0, 0), (0, 0, 0, 1), (0, 1, 0, 0), (-1, 0, 0, 0), (0, 0, -1, 0), (-1, 0, 0, 1), (0, 1, 0, 1), (0, 1, 1, 1),
        (1, 1, 0, 0), (1, 1, 1, 1), (1, 1, 0, 1), (1, 2, 1, 1), (0, 1, 1, 2), (1, 2, 1, 2), (-1, 0, -1, 0), (1, 2, 2, 2),
        (2, 2, 1, 2), (1, 1, 1, 2), (2, 2, 2, 2), (2, 2, 1, 1),
    ]
)  # fmt: skip
UNTOLD = SIZE - 1  # code 7 of whoever does not know
UNVOICED, STIFF = 0.02, 0.1  # how much pitch without voice counts, and that lines should not bend
LOUDER = 2.5  # of the teacher's energy: by so much speech is made louder or softer, at most


@dataclass(frozen=True, slots=True)
class Codebooks:
    """pairs of phones [1024, 2]; rough [204, 16] and fine [1024, 16] shapes; of voices mean, basis and books [3, 1024, 40]."""

    pairs: np.ndarray
    rough: np.ndarray
    fine: np.ndarray
    mean: np.ndarray
    basis: np.ndarray
    voices: np.ndarray

    def save(self, path: Path) -> None:
        np.savez(path, **{f.name: getattr(self, f.name) for f in fields(self)})

    @classmethod
    def from_file(cls, path: Path) -> "Codebooks":
        return cls(**np.load(path))

    def heard(self, timbre: np.ndarray) -> np.ndarray:
        """What is heard of a voice [TIMBRE]: [TIMBRES]; as far apart as two voices are here, they sound different."""
        return (timbre - self.mean) @ self.basis

    @property
    def spread(self) -> np.ndarray:
        """How far voices differ in each direction, [TIMBRES]."""
        return np.sqrt(np.square(self.voices[0]).mean(0))

    def voice(self, timbre: np.ndarray) -> list[int]:
        return self.told(self.heard(timbre[None]))[0].tolist()

    def told(self, heard: np.ndarray) -> np.ndarray:
        """The codes of what is heard of voices [N, TIMBRES]: [N, VOICE_BOOKS], each of what those before it leave."""
        left, found = heard, []
        for book in self.voices:
            found.append(nearest(left, book))
            left = left - book[found[-1]]
        return np.stack(found, 1)

    def codes(self, made: Score, start: int = 0) -> np.ndarray:
        """int64 [frames, BOOKS]; `start`: where in a turn the pitch begins, in sixths."""
        phones = halves(made)
        ahead = np.concatenate((phones[1:], np.zeros((1, 2), phones.dtype)))
        done, speed = turns(made, start)
        shapes = shape(made)
        rough = nearest(shapes, self.rough)
        fine = nearest(shapes - self.rough[rough], self.fine)
        voice = np.broadcast_to(self.voice(made.voice), (made.frames, len(self.voices)))
        when = nearest(early(made), EARLY)
        coming = np.append(following(made)[1:], SILENCE).astype(int) * len(EARLY) + when
        told = phone_codes(ahead, self.pairs), done * SPEEDS + speed - SLOWEST, STRAIGHT + rough, fine
        return np.concatenate((np.stack(told, 1), voice, coming[:, None]), 1).astype(np.int64)


def nearest(rows: np.ndarray, book: np.ndarray) -> np.ndarray:
    return torch.cdist(torch.from_numpy(rows.astype(np.float32)), torch.from_numpy(book.astype(np.float32))).argmin(1).numpy()


def knots(made: Score) -> np.ndarray:
    """Pitch in Hz at the end of each frame [frames]: straight lines from one to the next follow it best where there is voice.

    (Lines through the pitch itself lie on one side of all that is bent.)
    """
    pitch = through(made.pitch)
    places = np.maximum((np.arange(len(pitch)) + 0.5) / (2 * UNITS) - 1, 0)  # in frames from the first end; flat before it
    heard = np.sqrt(np.where(made.pitch > 0, 1.0, UNVOICED))
    bent = STIFF * np.diff(np.eye(made.frames), 2, axis=0)
    rows = np.concatenate((hats(places, made.frames) * heard[:, None], bent))
    return np.linalg.lstsq(rows, np.concatenate((pitch * heard, np.zeros(len(bent)))))[0]


def turns(made: Score, start: int) -> tuple[np.ndarray, np.ndarray]:
    """Of each frame: how far the phase has come, and speed at its end; in sixths of a turn [frames] each.

    The phase at a frame's end is turns + speed / 2, so how far it has come follows from one code of the frame before. (With a
    bend in the middle of a frame it would follow from two, and their sum is more than a small talker learns.)
    """
    speed = np.clip(np.round(knots(made) * 0.08 * SIXTHS), SLOWEST, FASTEST).astype(int)
    done = start + np.cumsum(np.concatenate(([0], speed[:-1])))
    return done % SIXTHS, speed


def residual_books(rows: Tensor, sizes: Iterable[int]) -> list[np.ndarray]:
    """One k-means after the other, of what is left."""
    found, whole = [], float(rows.var(0).sum())
    for size in sizes:
        book = k_means(rows, size, torch.Generator().manual_seed(len(found)), 12)[0]
        rows = rows - book[torch.from_numpy(nearest(rows.numpy(), book.numpy()))]
        found.append(book.numpy())
        print(f"{size} leave {float(rows.square().sum(1).mean()) / whole:.2%}", flush=True)
    return found


def timbres(styles: Styles, count: int) -> np.ndarray:
    """What voices sound like, at random, the presets among them: [count, TIMBRE]."""
    rng, found = np.random.default_rng(0), []
    for number in range(count):
        if number % 4 == 0:
            who = preset(str(rng.choice(list(PRESETS))), "English")
        else:
            who, _ = somebody(styles, "English", rng)
        found.append(who.style(styles, int(rng.integers(5, 150)))[:TIMBRE])
    return np.stack(found)


def directions(sounds: np.ndarray, metric: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean of voices [N, TIMBRE], and the directions in which they are heard to differ most [TIMBRE, TIMBRES]."""
    mean = sounds.mean(0)
    audible = ear(metric)
    values, vectors = np.linalg.eigh(np.cov((sounds - mean) @ audible, rowvar=False))
    print(f"{TIMBRES} directions hold {values[::-1][:TIMBRES].sum() / values.sum():.1%} of how voices are heard to differ")
    return mean, audible @ vectors[:, ::-1][:, :TIMBRES]


def of_scores(scores: list[Score], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of phones, rough and fine shapes."""
    phones = np.concatenate([halves(made) for made in scores])
    pairs = frequent_pairs(phones, SIZE)
    told = len({tuple(pair) for pair in pairs} & {tuple(pair) for pair in phones}) / len(np.unique(phones, axis=0))
    covered = np.isin(phones.astype(int) @ [64, 1], pairs @ [64, 1]).mean()
    print(f"{len(PHONES)} phones; {len(pairs)} pairs, {told:.0%} of those there are, cover {covered:.2%} of the frames")
    shapes = []
    for made in scores:
        rows = shape(made)
        rows[:, :POINTS] += rng.uniform(-LOUDER, LOUDER) if rng.random() < 0.4 else 0
        rows[:, POINTS:] *= rng.random() > 0.05
        shapes.append(rows)
    joined = torch.from_numpy(np.concatenate(shapes))
    rough, fine = residual_books(
        joined[torch.randperm(len(joined), generator=torch.Generator().manual_seed(0))[:120_000]], (ROUGH, SIZE)
    )
    return pairs, rough, fine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("audible", type=Path, help="of audible.py")
    parser.add_argument("scores", type=Path, nargs="+")
    parser.add_argument("--start", type=Path, help="an earlier codebooks.npz, of which all is kept but the voices")
    parser.add_argument("--cache", type=Path, default=Path(".work/teachers"))
    args = parser.parse_args()

    rng = np.random.default_rng(0)
    files = sorted(path for folder in args.scores for path in folder.glob("*.jsonl"))
    scores = [made for path in tqdm(files) for made in load(path)]
    sounds = timbres(Styles(args.cache), 32_000)
    mean, basis = directions(sounds, np.load(args.audible)["metric"])
    voices = residual_books(torch.from_numpy(((sounds - mean) @ basis).astype(np.float32)), [SIZE] * VOICE_BOOKS)
    if args.start is not None:
        books = replace(Codebooks.from_file(args.start), mean=mean, basis=basis, voices=np.stack(voices))
    else:
        books = Codebooks(*of_scores(scores, rng), mean, basis, np.stack(voices))
    books.save(args.out)
    sample = np.concatenate([books.codes(scores[i], int(rng.integers(SIXTHS))) for i in rng.permutation(len(scores))[:300]])
    for number, column in enumerate(sample.T):
        print(f"codebook {number}: perplexity {perplexity(column):.0f}")
    assert sample.max() < SIZE


if __name__ == "__main__":
    main()
