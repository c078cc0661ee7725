"""What of a voice can be heard: OUT.npz, `metric` [TIMBRE, TIMBRE]; x' metric x is how much a change x changes the sound.

Of the numbers that the teacher has of a voice, some are heard and some are not. So it speaks two plans in voices at random, and
a linear map is fitted from voices to spectra: it explains 0.8 of how spectra of voices that it was not fitted to differ.
"""

import argparse
from pathlib import Path

import numpy as np
from harmonics import RATE, triangles
from kokoro import TIMBRE, Kokoro, Styles
from read import english_reader
from tqdm import tqdm
from voices import USUAL, Who, everybody

TEXTS = (  # and whose melody
    ("She had your dark suit in greasy wash water.", "af_heart"),
    ("We judge fresh thumb oil by show and choice.", "am_michael"),
)
WINDOW, HOP, BANDS = 1024, 480, 40
OFF = 0.071  # each number of a voice, beside being a mixture of up to three
RIDGE = 0.5


def spectra(wave: np.ndarray) -> np.ndarray:
    """log power in mel bands, [frames * BANDS]"""
    padded = np.pad(wave, WINDOW // 2)
    rows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP] * np.hanning(WINDOW)
    shares = triangles(BANDS, np.fft.rfftfreq(WINDOW, 1 / RATE))
    power = np.square(np.abs(np.fft.rfft(rows))) @ shares.T / shares.sum(1)
    return np.log(power + 1e-5).ravel()


def heard(voices: np.ndarray, sounds: np.ndarray, test: int = 0) -> tuple[np.ndarray, float]:
    """Of voices [N, TIMBRE] and how one plan sounds in them [N, F]: the metric, and what is explained of the last `test`."""
    fit = slice(0, len(voices) - test)
    x, y = voices - voices[fit].mean(0), sounds - sounds[fit].mean(0)
    slope = np.linalg.solve(x[fit].T @ x[fit] + RIDGE * np.eye(TIMBRE), x[fit].T @ y[fit])
    explained = 1 - np.square(y - x @ slope)[-test:].sum() / np.square(y)[-test:].sum()
    return slope @ slope.T / sounds.shape[1], float(explained)


def ear(metric: np.ndarray) -> np.ndarray:
    """The root of `metric`: voices @ it are as far apart as they are heard, [TIMBRE, TIMBRE]."""
    sizes, turned = np.linalg.eigh(metric)
    return turned * np.sqrt(np.maximum(sizes, 0)) @ turned.T


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--voices", type=int, default=300, help="for each of the two plans")
    parser.add_argument("--cache", type=Path, default=Path(".work/teachers"))
    args = parser.parse_args()

    kokoro, styles = Kokoro(args.cache), Styles(args.cache)
    read, names = english_reader(kokoro.vocab), everybody(styles)
    metrics = []
    for number, (text, melody) in enumerate(TEXTS):
        phones = read(text).phones
        style = styles.get(melody, len(phones)).copy()
        plan = kokoro.plan(phones, style)
        voices, sounds = [], []
        for voice in tqdm(range(args.voices), mininterval=10):
            rng = np.random.default_rng((7, number, voice))
            picked = rng.choice(names, int(rng.integers(1, 4)), replace=False)
            shares = rng.dirichlet(np.ones(len(picked)))
            who = Who(tuple(zip(picked, shares, strict=True)), melody, OFF * rng.normal(size=TIMBRE))
            style[:TIMBRE] = who.style(styles, USUAL)[:TIMBRE]
            voices.append(style[:TIMBRE].copy())
            sounds.append(spectra(kokoro.speak(plan, style)))
        tested = heard(np.stack(voices), np.stack(sounds), args.voices // 5)[1]
        print(f"{tested:.0%} of how {args.voices // 5} other voices sound is explained", flush=True)
        metrics.append(heard(np.stack(voices), np.stack(sounds))[0])
    np.savez(args.out, metric=np.mean(metrics, 0))


if __name__ == "__main__":
    main()
