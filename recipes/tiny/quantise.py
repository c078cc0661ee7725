"""The codes of every clip of a pack: DIR/codes.i16, and what they stand for: DIR/codebooks.npz.

code 0       a pair of phones, of align.py
code 1       how far the phase of the pitch has come, in sixths of a turn, and how fast it moves on
code 2 ...   what the phones leave open of the sound of 80 ms, each what those before it leave open
"""

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from sound import NODES, Sound, Sounds
from synthesiser import FASTEST, SLOWEST, UNITS
from torch import Tensor
from tqdm import tqdm

from qwen_tts.train.data import Pack, perplexity, write_codes
from qwen_tts.train.phone_codes import frequent_pairs, phone_codes
from qwen_tts.train.quantizer import k_means

SIZE, DIM = 1024, 92  # of a codebook that is learned
FLOOR, NOISE = -10.0, 2.5  # log power that is silence; how much the share of noise counts
SPEEDS = FASTEST - SLOWEST + 1
LEARN = 150_000  # frames that codebooks are learned from


def turns(sound: Sound, start: int) -> tuple[np.ndarray, np.ndarray]:
    """How far the phase has come, and its speed at the end of each frame, both in sixths of a turn: [T], [T]."""
    speed = np.clip(np.round(sound.pitch[NODES - 1 :: NODES] * 0.08 * UNITS), SLOWEST, FASTEST).astype(int)
    return (start + np.cumsum(np.concatenate(([0], speed[:-1])))) % UNITS, speed


def pitch_of(speed: np.ndarray) -> np.ndarray:
    """The pitch at the end of each 10 ms that a row of speeds [T] stands for, in Hz: [T * NODES]."""
    before = np.concatenate((speed[:1], speed[:-1]))
    x = (np.arange(NODES) + 1) / NODES
    return ((before[:, None] * (1 - x) + speed[:, None] * x) / UNITS / 0.08).ravel()


def heard(sound: Sound) -> np.ndarray:
    """What the learned codes are to say of each frame: [T, NODES * (places + shares)]."""
    rows = np.concatenate((np.maximum(sound.envelope, FLOOR), NOISE * sound.noise), 1)
    return rows.reshape(len(rows) // NODES, -1)


def loudness(sound: Sound) -> np.ndarray:
    """How often codebooks are to learn from each frame, [T]: more often from what is loud."""
    level = np.maximum(sound.envelope[:, : len(sound.envelope[0]) // 2], FLOOR).mean(1) - FLOOR
    return 0.3 + level.reshape(-1, NODES).mean(1)


def two_hot(pairs: np.ndarray) -> np.ndarray:
    """[N, 2] -> [N, 2 * classes]"""
    classes = int(pairs.max()) + 1
    made = np.zeros((len(pairs), 2 * classes), np.float32)
    made[np.arange(len(pairs)), pairs[:, 0]] = 1
    made[np.arange(len(pairs)), classes + pairs[:, 1]] = 1
    return made


def residual(x: Tensor, books: list[Tensor]) -> tuple[list[Tensor], Tensor]:
    codes = []
    for book in books:
        codes.append(torch.cat([torch.cdist(part, book).argmin(1) for part in x.split(20_000)]))
        x = x - book[codes[-1]]
    return codes, x


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument(
        "--pairs", type=Path, help="what codes 0 stand for; by default what is known, or the pack's most frequent pairs"
    )
    parser.add_argument("--books", type=int, default=4, help="codebooks that are learned")
    parser.add_argument("--known", type=Path, help="codebooks.npz to go by; by default they are learned")
    args = parser.parse_args()

    pack, sounds = Pack(args.pack), Sounds(args.pack)
    ends = sounds.start // NODES
    phones = np.fromfile(args.pack / "phones.u1", "u1").reshape(-1, 2)
    known = np.load(args.known) if args.known else None
    pairs = np.load(args.pairs) if args.pairs else frequent_pairs(phones, SIZE) if known is None else known["pairs"]
    spoken = phone_codes(phones, pairs)
    rng = np.random.default_rng(0)
    rows = [turns(sounds.get(i), int(rng.integers(UNITS))) for i in range(len(pack.clips))]
    sung = np.concatenate([done * SPEEDS + speed - SLOWEST for done, speed in rows])
    dots = two_hot(pairs)
    if known is not None:
        mean, basis, expected = known["mean"], known["basis"], known["expected"]
        books = list(torch.from_numpy(known["books"]))
    else:
        loud = np.concatenate([loudness(sounds.get(i)) for i in range(len(pack.clips))])
        picked = np.sort(rng.choice(ends[-1], LEARN, p=loud / loud.sum()))
        clip = np.searchsorted(ends, picked, "right") - 1
        sample = np.concatenate(
            [heard(sounds.get(c))[picked[clip == c] - ends[c]] for c in tqdm(np.unique(clip), mininterval=10)]
        )
        mean = sample.mean(0)
        values, vectors = np.linalg.eigh(np.cov((sample - mean).T))
        basis = vectors[:, ::-1][:, :DIM].astype(np.float32)
        print(f"{DIM} directions hold {values[::-1][:DIM].sum() / values.sum():.1%} of the variance")
        x = (sample - mean) @ basis
        shown = dots[spoken[picked]]
        expected = np.linalg.solve(shown.T @ shown + 10 * np.eye(shown.shape[1]), shown.T @ x).astype(np.float32)
        left, books = torch.from_numpy((x - shown @ expected).astype(np.float32)), []
        whole = float(np.square(sample - mean).sum(1).mean())
        print(f"phones leave {float(left.square().sum(1).mean()) / whole:.1%}")
        for _ in range(args.books):
            books.append(k_means(left, SIZE, torch.Generator().manual_seed(len(books)), 12)[0])
            left = residual(left, books[-1:])[1]
            print(f"codebook {len(books) + 1} leaves {float(left.square().sum(1).mean()) / whole:.1%}", flush=True)
        np.savez(
            args.pack / "codebooks.npz", pairs=pairs, mean=mean, basis=basis, expected=expected,
            books=np.stack([book.numpy() for book in books]),
        )  # fmt: skip
    rest = []
    for i in tqdm(range(len(pack.clips)), mininterval=10):
        x = (heard(sounds.get(i)) - mean) @ basis - dots[spoken[ends[i] : ends[i + 1]]] @ expected
        rest.append(torch.stack(residual(torch.from_numpy(x.astype(np.float32)), books)[0], 1).numpy())
    joined = np.concatenate((spoken[:, None], sung[:, None], np.concatenate(rest)), 1)
    for number, column in enumerate(joined.T):
        print(f"codebook {number}: {len(np.unique(column))} codes used, perplexity {perplexity(column):.0f}")
    write_codes([joined[a:b] for a, b in pairwise(ends)], args.pack)


if __name__ == "__main__":
    main()
