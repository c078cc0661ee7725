"""Clips as one flat file of samples and one line of JSON each, so that a random crop is a slice of mapped memory.

DIR/audio.i16     all clips, one after the other, mono int16 at the codec's rate
DIR/audio.json    {"rate"}: Hz
DIR/clips.jsonl   {"id", "text", "speaker", "language", "start", "samples"[, "instruct"]} per clip
"""

import json
import warnings
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch
from torch import Tensor

from ..errors import DataError
from ..files import whole_file

LOUDNESS = 0.08  # root mean square of the speech in a packed clip, of full scale
LEAD, TAIL = 0.04, 0.12  # seconds of silence kept before and after the speech


@dataclass(frozen=True, slots=True)
class Clip:
    id: str
    text: str
    speaker: str
    language: str
    start: int
    samples: int
    instruct: str = ""


def numbered_lines(path: Path) -> list[tuple[int, str]]:
    """The lines of a jsonl file that are not blank, with their numbers. A string may hold what else Unicode calls a line's end.

    Raises:
        DataError: it is not in UTF-8.
    """
    stored = path.read_bytes()
    try:
        lines = stored.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        number = stored.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}, line {number}: it is not UTF-8 ({error.reason}); save the file in UTF-8") from None
    return [(number, line) for number, line in enumerate(lines, 1) if line.strip()]


def tidy(wave: np.ndarray, rate: int) -> np.ndarray:
    """Cuts silence at both ends and sets the loudness. float32 [N] -> float32 [N']; empty when nothing is heard."""
    hop = rate // 100
    frames = wave[: len(wave) // hop * hop].reshape(-1, hop)
    level = np.sqrt((frames**2).mean(1))
    heard = np.flatnonzero(level > 0.02 * np.quantile(level, 0.95)) if len(level) else level
    if not len(heard):
        return wave[:0]
    first = max(0, heard[0] * hop - int(LEAD * rate))
    wave = wave[first : (heard[-1] + 1) * hop + int(TAIL * rate)]
    speech = level[heard]
    gain = LOUDNESS / np.sqrt((speech**2).mean())
    return wave * min(gain, 0.99 / np.abs(wave).max())


def write_pack(rows: Iterable[tuple[dict, Path]], folder: Path, rate: int) -> int:
    """Packs (manifest row, audio file) pairs; returns the number of clips. An existing pack is replaced, if all went well.

    Raises:
        DataError: a file is no audio, or nothing is left to pack.
    """
    folder.mkdir(parents=True, exist_ok=True)
    start = count = 0
    with (
        whole_file(folder / "audio.i16") as samples, whole_file(folder / "clips.jsonl") as lines,
        samples.open("wb") as audio, lines.open("w", encoding="utf-8") as index,
    ):  # fmt: skip
        for row, path in rows:
            try:
                wave, found = soundfile.read(path, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                raise DataError(f"{path} cannot be read: {error.error_string}") from None
            mono = wave.mean(1)
            mono = tidy(soxr.resample(mono, found, rate) if found != rate else mono, rate)
            if not len(mono):
                warnings.warn(f"{path} is left out: nothing is heard in it", stacklevel=2)
                continue
            audio.write(np.round(mono * 32767).astype("<i2").tobytes())
            clip = Clip(row["id"], row["text"], row["speaker"], row["language"], start, len(mono), row.get("instruct", ""))
            index.write(json.dumps(asdict(clip), ensure_ascii=False) + "\n")
            start += len(mono)
            count += 1
        if not count:
            raise DataError("there are no clips to put into a training set")
        with whole_file(folder / "audio.json") as about:
            about.write_text(json.dumps({"rate": rate}) + "\n", "utf-8")
        for codes in ("codes.i16", "codes_start.npy"):  # of the clips that were here before
            (folder / codes).unlink(missing_ok=True)
    return count


class Pack:
    """Reads what `write_pack` wrote."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clips = [Clip(**json.loads(line)) for _, line in numbered_lines(folder / "clips.jsonl")]

    def check_rate(self, rate: int) -> None:
        """Raises DataError where samples are of another rate; of a pack that does not tell, nothing is known."""
        about = self.folder / "audio.json"
        if about.is_file() and (found := json.loads(about.read_text("utf-8"))["rate"]) != rate:
            raise DataError(
                f"{self.folder} has samples at {found} Hz, {rate} are needed: pack the clips again with --rate {rate}"
            )

    @cached_property
    def audio(self) -> np.ndarray:
        """All samples. A talker is taught without them."""
        return np.memmap(self.folder / "audio.i16", "<i2", "r")

    def chance(
        self, some: np.ndarray | None = None, share: float | None = None, names: Collection[str] | None = None
    ) -> np.ndarray:
        """How often a trainer should draw each clip, [clips], of sum 1: by its length, and by the root of its speaker's share.

        So a speaker with twenty times as much speech is heard but four or five times as often. Clips without a speaker, and of
        speakers who are not among the `names` (in lower case, if given), count as one speaker's, which is little if each has a
        voice of its own; so of `some` clips, bool [clips], the sum can be given.
        """
        samples = np.array([clip.samples for clip in self.clips], np.float64)
        who = [clip.speaker if names is None or clip.speaker.lower() in names else "" for clip in self.clips]
        speakers, number = np.unique(who, return_inverse=True)
        weight = samples / np.bincount(number, samples, len(speakers))[number] ** 0.5
        weight /= weight.sum()
        if some is None or share is None or some.all() or not some.any():
            return weight
        return weight * np.where(some, share / weight[some].sum(), (1 - share) / weight[~some].sum())

    def wave(self, clip: Clip, start: int = 0, samples: int | None = None) -> np.ndarray:
        """float32 samples of a clip from `start` on; zeros fill up to `samples`."""
        samples = clip.samples - start if samples is None else samples
        end = min(start + samples, clip.samples)
        piece = self.audio[clip.start + start : clip.start + end].astype(np.float32) / 32767
        return np.pad(piece, (0, samples - len(piece)))


def write_codes(clips: list[np.ndarray], folder: Path) -> np.ndarray:
    """Writes the codes [T, Q] of every clip of a pack, one after the other, and where each begins; returns all rows."""
    folder.mkdir(parents=True, exist_ok=True)
    joined = np.concatenate(clips).astype("<i2")
    with whole_file(folder / "codes.i16") as rows, whole_file(folder / "codes_start.npy") as starts:
        joined.tofile(rows)
        with starts.open("wb") as file:  # by a name, numpy would add its ending
            np.save(file, np.cumsum([0, *(len(each) for each in clips)]))
    return joined


class Codes:
    """What `write_codes` wrote: a row of Q codes per frame."""

    def __init__(self, folder: Path) -> None:
        """Raises DataError where nothing was written."""
        if not (folder / "codes_start.npy").is_file():
            raise DataError(f"{folder} holds no codes: qwen-tts train codes puts them into a training set")
        self.folder, self.start = folder, np.load(folder / "codes_start.npy")
        flat = np.fromfile(folder / "codes.i16", "<i2")
        self.rows = flat.reshape(int(self.start[-1]), -1)

    def get(self, clip: int) -> Tensor:
        """int64 [T, Q]"""
        return torch.from_numpy(self.rows[self.start[clip] : self.start[clip + 1]].astype(np.int64))


def perplexity(codes: np.ndarray) -> float:
    """How many equally frequent codes would be as hard to guess as these [N]."""
    share = np.bincount(codes) / len(codes)
    share = share[share > 0]
    return float(np.exp(-(share * np.log(share)).sum()))


class Alignment:
    """What lies beside a pack as aligned.f4 and aligned_start.npy: when each byte of a text is spoken, in codec frames."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.start = folder, np.load(folder / "aligned_start.npy")
        self.times = np.fromfile(folder / "aligned.f4", "<f4")

    def times_of(self, clip: int) -> np.ndarray:
        """When each byte of the text is spoken, in frames."""
        return self.times[self.start[clip] : self.start[clip + 1]]

    def places(self, clip: int, frames: int) -> Tensor:
        """Which byte of the text, with fractions, is spoken in the middle of each frame: float32 [frames]."""
        times = self.times_of(clip)
        return torch.from_numpy(np.interp(np.arange(frames) + 0.5, times, np.arange(len(times)))).float()
