"""Other voices and ways to speak, made of how clips sound: the speaker's size and pitch, pace, colour, whisper."""

from dataclasses import dataclass

import numpy as np
from sound import HIGHEST, LOWEST, NODES, PLACES, QUIET, Sound, mel_places


@dataclass(frozen=True, slots=True)
class Way:
    """How a clip is changed.

    Attributes:
        size: formants are multiplied by it, as those of a smaller (above 1) or larger speaker are.
        pitch: and the pitch by this.
        pace: so much faster it is spoken.
        bright: dB an octave above 1 kHz, and as many less below.
        loud: dB.
        whispered: without a voice.
    """

    size: float = 1.0
    pitch: float = 1.0
    pace: float = 1.0
    bright: float = 0.0
    loud: float = 0.0
    whispered: bool = False


def together(a: Way, b: Way) -> Way:
    """First the one, then the other."""
    return Way(
        a.size * b.size, a.pitch * b.pitch, a.pace * b.pace, a.bright + b.bright, a.loud + b.loud, a.whispered or b.whispered
    )  # fmt: skip


def vary(sound: Sound, way: Way) -> Sound:
    """As loud as it was, but for `way.loud`; of whole frames."""
    frames = max(1, round(len(sound) / way.pace / NODES))
    places = np.minimum((np.arange(frames * NODES) + 0.5) * len(sound) / (frames * NODES) - 0.5, len(sound) - 1)
    pitch = np.exp(at(places, np.log(sound.pitch[:, None])))[:, 0] * way.pitch
    envelope, noise = at(places, sound.envelope), at(places, sound.noise)
    hertz = mel_places(PLACES)
    if way.size != 1:
        envelope = np.stack([np.interp(hertz / way.size, hertz, row) for row in envelope])
    octaves = np.clip(np.log2(np.maximum(hertz, 1) / 1000), -2, 2)
    changed = envelope + np.log(10) / 10 * way.bright * octaves
    changed += level(envelope) - level(changed) + np.log(10) / 10 * way.loud
    if way.whispered:
        noise = np.ones_like(noise)
    return Sound(*(x.astype(np.float32) for x in (np.clip(pitch, LOWEST, HIGHEST), np.maximum(changed, QUIET), noise)))


def at(places: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Rows [N, D] between which is interpolated, at these places [M]: [M, D]."""
    left = np.clip(np.floor(places).astype(int), 0, max(0, len(rows) - 2))
    weight = np.clip(places - left, 0, 1)[:, None]
    return rows[left] * (1 - weight) + rows[np.minimum(left + 1, len(rows) - 1)] * weight


def level(envelope: np.ndarray) -> float:
    """The logarithm of the mean power of what is not silent; places that stand for more hertz count more."""
    width = np.gradient(mel_places(PLACES))
    power = np.exp(envelope) @ width / width.sum()
    return float(np.log(power[power > 0.02 * np.quantile(power, 0.95)].mean()))
