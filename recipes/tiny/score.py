"""What is to be spoken and how: phones and how long each lasts, pitch, energy, voice.

The codec of the built-in model does not code sound but scores, since the teacher makes its sound of nothing else:

    code 0      the phones of the next frame's two halves (the decoder so knows what comes)
    code 1      how far the pitch's phase has come, in sixths of a turn, and how fast it moves at the frame's end
    code 2      by how much the pitch bends within the frame, and energy and voicing, roughly
    code 3      energy and voicing, finely
    codes 4-6   the voice
    code 7      which phone comes after those that code 0 tells, and when in this frame phones really begin
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from kokoro import TIMBRE, Plan
from tqdm import tqdm

UNITS = 3.2  # of 25 ms in a frame of 80 ms
LEAD, TAIL = 4, 6  # units of silence kept before and after speech: what is said in the first frame would never be told
AUDIBLE = -3.0  # of the teacher's energy: speech has more than 0, silence less than -5
SILENCE = 0
PHONES = "_abdefhijklmnopstuvwxyzæðŋɐɑɔəɛɜɡɤɪɹɻɾʂʃʊʌʒθɕɨɒ"  # classes, as letters
SPLIT = {  # what is two phones
    "A": "eɪ", "I": "aɪ", "O": "oʊ", "W": "aʊ", "Y": "ɔɪ", "Q": "əʊ", "ʤ": "dʒ", "ʧ": "tʃ", "ʨ": "tɕ", "ʦ": "ts", "ꭧ": "tʂ",
    "ɚ": "ɜɹ", "ʥ": "dʑ", "ʣ": "dz",
}  # fmt: skip
SAME = {"T": "ɾ", "ʔ": "t", "ᵊ": "ə", "ᵻ": "ɪ", "ʰ": "h", "ɥ": "y", "ʐ": "ɻ", "r": "ɹ", "ʑ": "ʒ"}
BEFORE, AFTER = "ˈˌ", "ː→↗↓↘ "  # these belong to the phone after or before them
LOWEST, HIGHEST = 62.0, 405.0  # Hz
QUIET = 50.0  # Hz; where the teacher says less, there is no voice
POINTS = 8  # of energy and voicing in a frame
VOICED = 4.0  # how much voicing counts beside energy


@dataclass(slots=True)
class Score:
    """phones: classes [P] and when each ends, in units [P]; pitch in Hz (0: none) and energy, twice a unit [2 U]; voice [128].

    spoken: when each byte of the text is spoken, in units.
    heard: what a description may say of it, a `captions.Voice`; told: how its speaker was told to speak, of `ways.WAYS`.
    """

    text: str
    speaker: str
    language: str
    phones: np.ndarray
    ends: np.ndarray
    pitch: np.ndarray
    energy: np.ndarray
    voice: np.ndarray
    spoken: np.ndarray
    begin: int = 0  # of the teacher's units were left out
    key: str = ""
    heard: dict[str, int] | None = None
    told: Sequence[str] = ()

    @property
    def units(self) -> int:
        return len(self.pitch) // 2

    @property
    def frames(self) -> int:
        return int(np.ceil(self.units / UNITS))


@dataclass(frozen=True, slots=True)
class Reading:
    """A text and its phones as the teacher reads it; of each of its words, which bytes and which phones it is."""

    text: str
    phones: str
    words: list[tuple[int, int, int, int]] = field(default_factory=list)


def classes(phones: str, durations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Symbols of the teacher and how long each lasts -> classes and when each ends."""
    kinds: list[int] = []
    lengths: list[float] = []
    waiting = 0.0
    for symbol, length in zip(phones, durations, strict=True):
        if symbol in BEFORE:
            waiting += length
        elif symbol in AFTER and kinds:
            lengths[-1] += length
        else:
            sounds = SPLIT.get(symbol, SAME.get(symbol, symbol))
            sounds = sounds if all(s in PHONES for s in sounds) else "_"
            for sound in sounds:
                kinds.append(PHONES.index(sound))
                lengths.append((length + waiting) / len(sounds))
            waiting = 0.0
    return np.array(kinds), np.cumsum(lengths)


def score(reading: Reading, plan: Plan, speaker: str, language: str, voice: np.ndarray) -> Score:
    """What the teacher planned, without most of the silence around it."""
    durations = plan.durations.astype(float)
    kinds, ends = classes(reading.phones, durations[1:-1])
    ends = ends + durations[0]
    audible = np.flatnonzero(plan.energy[0] > AUDIBLE) / 2  # begins up to 90 ms before the first phone is said to begin
    first, last = (audible[0], audible[-1]) if len(audible) else (0, ends[-1])
    begin = max(0, int(min(first, durations[0])) - LEAD)
    stop = min(int(durations.sum()), int(np.ceil(last)) + TAIL)
    heard = int(np.searchsorted(ends, stop)) + 1
    kinds, ends = kinds[:heard], ends[:heard]
    ends = np.minimum(ends, stop) - begin
    kinds, ends = np.concatenate(([SILENCE], kinds)), np.concatenate(([durations[0] - begin], ends))
    pitch, energy = plan.pitch[0, 2 * begin : 2 * stop], plan.energy[0, 2 * begin : 2 * stop]
    starts = np.concatenate(([0], np.cumsum(durations)[:-1])) - begin  # of each token, the first one of all included
    spoken = np.zeros(len(reading.text.encode()), np.float32)
    places, times = [0.0], [float(max(0, durations[0] - begin))]
    for byte, stop_byte, phone, stop_phone in reading.words:
        places += [byte + 1e-3, stop_byte - 1e-3]
        times += [starts[min(1 + end, len(starts) - 1)] for end in (phone, stop_phone)]
    if len(spoken):
        times = np.minimum(np.maximum.accumulate(times), stop - begin)
        spoken = np.interp(np.arange(len(spoken)) + 0.5, places, times).astype(np.float32)
    return Score(
        reading.text, speaker, language, kinds.astype(np.uint8), ends.astype(np.float32),
        np.where(pitch > QUIET, pitch, 0).astype(np.float32), energy.astype(np.float32), voice[:TIMBRE].astype(np.float32),
        spoken, begin,
    )  # fmt: skip


def places(made: Score) -> np.ndarray:
    """Which of the phones each half of a frame tells, [2 * frames]; after the last one, how many there are.

    Each is told at least once, as soon as there is room for it.
    """
    slots = 2 * made.frames
    wanted = made.ends / UNITS * 2
    found, at = np.full(slots, len(made.phones)), 0
    for number, (kind, end) in enumerate(zip(made.phones, wanted, strict=True)):
        stop = max(round(float(end)), at + (kind != SILENCE))
        found[at:stop] = number
        at = stop
        if at >= slots:
            break
    return found


def halves(made: Score) -> np.ndarray:
    """The phone that each half of a frame tells, [frames, 2]."""
    return np.append(made.phones, np.uint8(SILENCE))[places(made)].reshape(-1, 2)


def following(made: Score) -> np.ndarray:
    """The phone that comes after those of each frame [frames]."""
    then = np.minimum(places(made)[1::2] + 1, len(made.phones))
    return np.append(made.phones, np.uint8(SILENCE))[then]


def early(made: Score) -> np.ndarray:
    """How many phones further speech is than what is told, in each quarter of a frame [frames, 4]; -1: one behind it."""
    spoken = np.searchsorted(made.ends, (np.arange(4 * made.frames) + 0.5) * UNITS / 4, side="right")
    return (spoken - places(made).repeat(2)).reshape(-1, 4)


def through(pitch: np.ndarray) -> np.ndarray:
    """Pitch with its gaps bridged; 120 Hz where there is none at all."""
    voiced = np.flatnonzero(pitch > 0)
    if not len(voiced):
        return np.full(len(pitch), 120.0)
    return np.clip(np.exp(np.interp(np.arange(len(pitch)), voiced, np.log(pitch[voiced]))), LOWEST, HIGHEST)


def at_points(values: np.ndarray, frames: int, points: int, *, end: bool) -> np.ndarray:
    """Values given twice a unit, at the middle or at the end of each of `points` parts of each frame: [frames * points]."""
    places = (np.arange(frames * points) + (1.0 if end else 0.5)) / points * UNITS * 2
    return np.interp(places, np.arange(len(values)) + 0.5, values)


def shape(made: Score) -> np.ndarray:
    """What codes 2 and 3 tell of each frame but the bend: energy, then voicing, at each point [frames, 2 * POINTS]."""
    energy = at_points(made.energy, made.frames, POINTS, end=False).reshape(-1, POINTS)
    voiced = at_points((made.pitch > 0).astype(float), made.frames, POINTS, end=False).reshape(-1, POINTS)
    return np.concatenate((energy, VOICED * voiced), 1).astype(np.float32)


def save(scores: Iterable[Score], path: Path) -> int:
    """One file of arrays, one after the other, and PATH with .jsonl for all else. Returns how many."""
    lines, arrays = [], {name: [] for name in ("phones", "ends", "pitch", "energy", "voice", "spoken")}
    for made in scores:
        row = {name: value for name, value in asdict(made).items() if name not in arrays}
        lines.append(json.dumps(row, ensure_ascii=False) + "\n")
        for name, values in arrays.items():
            values.append(getattr(made, name))
    packed = {name: np.concatenate(values) if values else np.zeros(0) for name, values in arrays.items()}
    packed |= {f"{name}_start": np.cumsum([0, *map(len, values)]) for name, values in arrays.items()}
    part = path.with_suffix(".part.npz")
    np.savez(part, **packed)
    path.with_suffix(".jsonl").write_text("".join(lines), "utf-8")
    part.rename(path.with_suffix(".npz"))
    return len(lines)


def load(path: Path) -> list[Score]:
    packed = dict(np.load(path.with_suffix(".npz")))
    names = [name for name in packed if not name.endswith("_start")]
    starts = {name: packed[f"{name}_start"] for name in names}
    found = []
    for number, line in enumerate(path.with_suffix(".jsonl").read_text("utf-8").splitlines()):
        parts = {name: packed[name][starts[name][number] : starts[name][number + 1]] for name in names}
        found.append(Score(**json.loads(line), **parts))
    return found


def sounds(folder: Path, *names: str) -> Iterator[tuple[Score, list[np.ndarray]]]:
    """Scores that were spoken, and what make_scores.py found of their sound under these names, each as many rows a frame."""
    for path in tqdm(sorted(folder.glob("*.sound.npz")), desc="reading", mininterval=10):
        scores = load(path.with_name(path.name.replace(".sound", "")))
        ends = np.cumsum([0, *(made.frames for made in scores)])
        with np.load(path) as packed:
            arrays = [packed[name] for name in names]
        rows = [len(array) // int(ends[-1]) for array in arrays]
        for made, (first, last) in zip(scores, pairwise(ends), strict=True):
            yield made, [array[first * each : last * each] for array, each in zip(arrays, rows, strict=True)]
