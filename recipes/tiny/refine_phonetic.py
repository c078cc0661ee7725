"""Keeps of the phonetic targets what can be heard in and around the frame.

The largest components of Whisper's features say where in its window a frame lies and what the whole window is about; no frame
of audio can tell that, and a codec that is asked to wastes its first codebook. So: regress the components on the mel spectra of
neighbouring frames, take the directions that are predicted best (canonical correlation), and weigh each by how well.

    DIR/phonetic.f16 -> DIR/phonetic.f16 (fewer columns; their variances sum to one)
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from qwen_tts.mel import mel_spectrogram
from qwen_tts.train.codec import PhoneticTargets
from qwen_tts.train.data import Pack

CONTEXT = (-1, 0, 1)  # frames


def heard(pack: Pack, targets: PhoneticTargets, clips: np.ndarray, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """Mel spectra around frames [n, features] and the frames' targets [n, dim]."""
    spectra, wanted = [], []
    for clip in clips:
        wave = pack.wave(pack.clips[clip])
        mel = mel_spectrogram(torch.from_numpy(wave)[None], 40)[0].numpy()  # [T', 40], hop 256
        frames = len(wave) // frame
        centres = (np.arange(2, frames - 2)[:, None] * frame + (np.arange(4) * 2 + 1)[None] * frame // 8) // 256
        rows = [mel[centres + offset * frame // 256].reshape(len(centres), -1) for offset in CONTEXT]
        spectra.append(np.concatenate(rows, 1))
        wanted.append(targets.get(int(clip), 2, frames - 4))
    return np.concatenate(spectra).astype(np.float64), np.concatenate(wanted).astype(np.float64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--clips", type=int, default=700)
    parser.add_argument("--least", type=float, default=0.15, help="share of a direction's variance that must be heard")
    parser.add_argument("--frame", type=int, default=1920)
    args = parser.parse_args()

    torch.set_num_threads(1)
    pack, targets = Pack(args.pack), PhoneticTargets(args.pack)
    clips = np.random.default_rng(0).choice(len(pack.clips), min(args.clips, len(pack.clips)), replace=False)
    x, y = heard(pack, targets, clips, args.frame)
    x = np.column_stack(((x - x.mean(0)) / (x.std(0) + 1e-3), np.ones(len(x))))
    mean = y.mean(0)
    half = len(x) // 2
    weights = np.linalg.solve(x[:half].T @ x[:half] + 100 * np.eye(x.shape[1]), x[:half].T @ (y[:half] - mean))
    # on the other half: how much of each direction of y its prediction shares
    guess, true = x[half:] @ weights, y[half:] - mean
    whiten = np.linalg.inv(np.linalg.cholesky(np.cov(true.T) + 1e-6 * np.eye(y.shape[1])))
    shared = whiten @ (guess.T @ true + true.T @ guess) / (2 * len(true)) @ whiten.T
    values, vectors = np.linalg.eigh(shared)
    keep = values > args.least
    print(f"{keep.sum()} of {len(values)} directions; heard: {np.round(values[keep][::-1][:12], 2)} ..")
    basis = whiten.T @ vectors[:, keep] * np.sqrt(values[keep] / values[keep].sum())
    rows = np.asarray(targets.rows).astype(np.float64)
    refined = (rows - mean) @ basis
    del targets
    refined.astype("<f2").tofile(args.pack / "phonetic.f16")
    print(f"variance {refined.var(0).sum():.3f} in {refined.shape[1]} columns")


if __name__ == "__main__":
    main()
