"""Scores that were spoken, what their waves are made of, and how both change when sung higher, louder, or whispered."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from codes import LOUDER
from harmonics import BANDS, HARMONICS, NODES, hats, mel_places
from score import UNITS, Score, at_points, sounds, through
from voices import SOMEBODY
from ways import ENERGY_A_DECIBEL, Way

SILENT = -8.0  # of the teacher's energy
OTHERS = 0.2  # of the clips that are drawn are of voices that have no name
CHINESE = 0.6  # of them are Chinese: its sounds are fewer than English ones here, and harder to learn
DECIBELS = LOUDER / ENERGY_A_DECIBEL


class Sounds:
    """Scores that were spoken, and what their waves are made of."""

    def __init__(self, folder: Path) -> None:
        found = list(sounds(folder, "harmonics", "noise"))
        self.scores, self.parts = [made for made, _ in found], [parts for _, parts in found]
        frames = np.array([made.frames for made in self.scores], float)
        who = np.unique([made.speaker for made in self.scores], return_inverse=True)[1]
        self.chance = shared(frames / np.bincount(who, frames)[who] ** 0.5, self.scores, OTHERS)

    def strongest(self, path: Path) -> np.ndarray:
        """The strongest of each harmonic and of each band's noise, with room for louder speech; kept in a file."""
        if not path.exists():
            picked = np.random.default_rng(0).choice(len(self.parts), min(600, len(self.parts)), replace=False)
            rows = np.concatenate([np.concatenate(self.parts[i], 1)[::7] for i in picked]).astype(np.float32)
            np.save(path, np.quantile(rows, 0.9995, axis=0) * 1.5 + 1e-3)
        return np.load(path)


def shared(chance: np.ndarray, scores: Sequence[Score], others: float) -> np.ndarray:
    """Chances of clips, changed so that voices without a name have `others` of them together, and Chinese its share of
    those with a name and of those without; their sum is 1.
    """
    group = np.array([2 * (made.speaker != SOMEBODY) + (made.language == "Chinese") for made in scores])
    share = np.outer((others, 1 - others), (1 - CHINESE, CHINESE)).ravel()
    found = chance * (share / np.maximum(np.bincount(group, chance, len(share)), 1e-9))[group]
    return found / found.sum()


def part(made: Score, harmonics: np.ndarray, noise: np.ndarray, first: int, units: int) -> tuple[Score, np.ndarray, np.ndarray]:
    """At most `units` of a clip, from the first one on. Its frames begin at other times than the whole clip's."""
    stop = min(first + units, made.units)
    phones = slice(int(np.searchsorted(made.ends, first, side="right")), int(np.searchsorted(made.ends, stop)) + 1)
    half_units = slice(2 * first, 2 * stop)
    found = replace(
        made, phones=made.phones[phones], ends=np.minimum(made.ends[phones], stop) - first,
        pitch=made.pitch[half_units], energy=made.energy[half_units], spoken=np.clip(made.spoken, first, stop) - first,
    )  # fmt: skip
    begin, nodes = round(first * NODES / UNITS), found.frames * NODES
    rows = (row[begin : begin + nodes].astype(np.float32) for row in (harmonics, noise))
    voice, hiss = (np.pad(row, ((0, nodes - len(row)), (0, 0))) for row in rows)
    return found, voice, hiss


def after_silence(made: Score, units: int) -> Score:
    """A score with so much more silence before it."""
    return replace(
        made, ends=made.ends + np.float32(units), pitch=np.pad(made.pitch, (2 * units, 0)),
        energy=np.pad(made.energy, (2 * units, 0), constant_values=SILENT), spoken=made.spoken + np.float32(units),
    )  # fmt: skip


def pitch_at_nodes(made: Score) -> np.ndarray:
    """Hz at the end of each node."""
    return at_points(through(made.pitch), made.frames, NODES, end=True)


def whole(pitch: np.ndarray, harmonics: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """The root mean square of all that sounds in each band, [nodes, BANDS]."""
    at = np.interp(pitch[:, None] * np.arange(1, HARMONICS + 1), mel_places(BANDS), np.arange(BANDS))
    shares = hats(at, BANDS).astype(np.float32)  # [nodes, HARMONICS, BANDS]
    return np.sqrt(np.square(noise) + (np.square(harmonics)[:, None] @ shares)[:, 0] / 2)


def changed(made: Score, harmonics: np.ndarray, noise: np.ndarray, way: Way) -> tuple[Score, np.ndarray, np.ndarray]:
    """A clip's score and controls, sung higher, louder or whispered; the envelope stays where it is."""
    if way.pitch != 1:
        x = np.arange(1, HARMONICS + 1) * way.pitch - 1  # where in the row of old harmonics the new ones lie
        left = np.clip(np.floor(x).astype(int), 0, HARMONICS - 2)
        weight = np.clip(x - left, 0, 1).astype(np.float32)
        moved = harmonics[:, left] * (1 - weight) + harmonics[:, left + 1] * weight
        harmonics = moved * np.float32(way.pitch**0.5) * (x <= HARMONICS - 1)
    if way.whispered:
        harmonics, noise = np.zeros_like(harmonics), whole(pitch_at_nodes(made), harmonics, noise)
    gain = np.float32(10 ** (way.loud / 20))
    return way.applied(made), harmonics * gain, noise * gain


def some_way(rng: np.random.Generator) -> Way:
    return Way(
        pitch=float(np.exp(rng.uniform(-0.25, 0.25))) if rng.random() < 0.25 else 1.0,
        loud=float(rng.uniform(-DECIBELS * 1.2, DECIBELS)) if rng.random() < 0.3 else 0.0, whispered=rng.random() < 0.05,
    )  # fmt: skip
