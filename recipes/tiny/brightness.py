"""How bright a voice is, as far as its own numbers tell: OUT.npy, float32 [TIMBRE]; a brighter voice has more of it, in dB.

It is fitted to what the teacher spoke. Voices that differ in what is not heard (`audible.py`) are as bright as each other, so a
few hundred voices will do for 128 numbers.
"""

import argparse
from pathlib import Path

import numpy as np
from audible import ear
from harmonics import HARMONICS
from score import Score, sounds
from sounded import pitch_at_nodes

PARTED = 1500.0  # Hz: the more of a voice lies above, the brighter it is
RIDGE = 0.05  # of how bright unheard voices are r² = 0.80 is told with 0.03 to 0.1, 0.66 with 0.003 and with 1


def brightness(made: Score, harmonics: np.ndarray) -> float:
    """dB of the harmonics above PARTED over those below, of amplitudes [nodes, HARMONICS]; nan if there is no voice."""
    pitch = pitch_at_nodes(made)[: len(harmonics)]
    power = np.square(harmonics.astype(np.float32))
    high = pitch[:, None] * np.arange(1, HARMONICS + 1) > PARTED
    above, below = power[high].sum(), power[~high].sum()
    return float(10 * np.log10(above / below)) if above > 0 and below > 0 else float("nan")


def fitted(voices: np.ndarray, others: np.ndarray, bright: np.ndarray, metric: np.ndarray) -> np.ndarray:
    """Weights [TIMBRE] for voices [N, TIMBRE], of which `others` [N, K] is not (pitch, language) but makes them bright, too."""
    audible = ear(metric / np.linalg.norm(metric, 2))
    x = np.concatenate(((voices - voices.mean(0)) @ audible, others - others.mean(0)), 1)
    ridge = np.diag(np.repeat([RIDGE, 1e-3], [voices.shape[1], others.shape[1]]))
    found = np.linalg.solve(x.T @ x + ridge, x.T @ (bright - bright.mean()))
    return (audible @ found[: voices.shape[1]]).astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("audible", type=Path, help="of audible.py")
    parser.add_argument("sounds", type=Path, nargs="+", help="folders of make_scores.py --sound")
    args = parser.parse_args()

    voices, others, bright = [], [], []
    for made, (harmonics,) in (clip for folder in args.sounds for clip in sounds(folder, "harmonics")):
        found = brightness(made, harmonics)
        if np.isfinite(found):
            bright.append(found)
            voices.append(made.voice)
            others.append((np.log2(np.median(made.pitch[made.pitch > 0])), made.language == "Chinese"))
    x, rest, wanted, metric = np.stack(voices), np.array(others, float), np.array(bright), np.load(args.audible)["metric"]
    test = np.arange(len(wanted)) % 4 == 0
    near = np.corrcoef(x[test] @ fitted(x[~test], rest[~test], wanted[~test], metric), wanted[test])[0, 1]
    print(f"of {len(wanted)} clips a fourth was left out; its brightness ({wanted.std():.1f} dB) is told with r = {near:.2f}")
    np.save(args.out, fitted(x, rest, wanted, metric))


if __name__ == "__main__":
    main()
