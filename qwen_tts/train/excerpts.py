"""What is shown of a clip: the whole, some of its words, two parts of it, or a recording of its speaker."""

import re
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .data import Alignment, Pack

FRAMES_A_SECOND = 12.5
LONGEST = 6  # words of an excerpt
REFERENCE = 12  # frames at least, and as many after it, for a voice to be cloned in context
LONG = 75  # frames at most (6 s) of another clip that speech goes on from: each batch is as long as its longest row
ANOTHER = 0.7  # of what goes on from something does so from another clip of its speaker, if there is one
RECORDING = (1.5, 6.0)  # seconds of a recording that a voice is taken from


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A clip or a part of it: its text, which byte of the clip's text that begins with, and its frames."""

    clip: int
    text: str
    byte: int
    frames: slice

    @property
    def count(self) -> int:
        """Of its frames."""
        return self.frames.stop - self.frames.start


@dataclass(frozen=True, slots=True)
class Recording:
    """Of a speaker, [N], or its speaker vector, [D]; and what is spoken in it, where speech is to go on from there."""

    heard: Tensor
    spoken: Excerpt | None = None


class Excerpts:
    def __init__(self, pack: Pack, frames: np.ndarray, alignment: Alignment | None, rate: int, heard: np.ndarray) -> None:
        """Without an alignment only whole clips are shown.

        Args:
            frames: how many each clip has.
            rate: of its samples, Hz.
            heard: which clips can be gone on from, bool [clips].
        """
        self.pack, self.frames, self.alignment, self.rate, self.heard = pack, frames, alignment, rate, heard
        self._of: dict[str, list[int]] = {}  # speaker -> clips that are spoken in no special way
        self._before: dict[str, list[int]] = {}  # speaker -> those of them that another clip can go on from
        for number, clip in enumerate(pack.clips):
            if clip.speaker and not clip.instruct:
                self._of.setdefault(clip.speaker, []).append(number)
                if heard[number] and REFERENCE <= frames[number] <= LONG:
                    self._before.setdefault(clip.speaker, []).append(number)

    def some(self, clip: int, rng: np.random.Generator, share: float) -> Excerpt:
        """The whole clip; or, with this probability, a run of some of its words, if it is known when they are spoken."""
        words = self._words(clip)
        if self.alignment is None or len(words) < 2 or rng.random() >= share:
            return self._whole(clip)
        count = int(rng.integers(1, min(len(words), LONGEST)))
        first = int(rng.integers(len(words) - count + 1))
        return self._run(clip, words, first, first + count)

    def before(self, clip: int, rng: np.random.Generator) -> tuple[Excerpt, Excerpt] | None:
        """A reference, and what goes on from it: another clip of the speaker and this one, or two parts of this one; None
        where there is neither. (Who only ever goes on in the middle of a sentence ends with a reference that is a whole one.)
        """
        others = self._before.get(self.pack.clips[clip].speaker, [])
        if others and rng.random() < ANOTHER and (other := others[int(rng.integers(len(others)))]) != clip:
            return self._whole(other), self._whole(clip)
        return self.halves(clip, rng) if self.heard[clip] else None

    def halves(self, clip: int, rng: np.random.Generator) -> tuple[Excerpt, Excerpt] | None:
        """A beginning, as a reference, and how the clip goes on; None where it is too short for that."""
        words = self._words(clip)
        if self.alignment is None or len(words) < 2:
            return None
        at = int(rng.integers(1, len(words)))
        begins, rest = self._run(clip, words, 0, at), self._run(clip, words, at, len(words))
        begins = Excerpt(clip, begins.text, 0, slice(0, rest.frames.start))
        return (begins, rest) if min(begins.count, rest.count) >= REFERENCE else None

    def wave(self, shown: Excerpt) -> Tensor:
        """The sound of an excerpt, [N]."""
        start, stop = (round(place * self.rate / FRAMES_A_SECOND) for place in (shown.frames.start, shown.frames.stop))
        return torch.from_numpy(self.pack.wave(self.pack.clips[shown.clip], start, stop - start))

    def clonable(self, clip: int) -> bool:
        """Whether a recording tells how the clip is spoken: not where a preset voice was told to speak in some way."""
        return not (self.pack.clips[clip].speaker and self.pack.clips[clip].instruct)

    def recording(self, clip: int, rng: np.random.Generator) -> Tensor:
        """Some seconds of another clip of the speaker, or of this one if the speaker has no other, [N]."""
        others = self._of.get(self.pack.clips[clip].speaker, [clip])
        other = self.pack.clips[others[int(rng.integers(len(others)))]]
        samples = min(other.samples, int(rng.uniform(*RECORDING) * self.rate))
        return torch.from_numpy(self.pack.wave(other, int(rng.integers(other.samples - samples + 1)), samples))

    def _whole(self, clip: int) -> Excerpt:
        return Excerpt(clip, self.pack.clips[clip].text, 0, slice(0, int(self.frames[clip])))

    def _words(self, clip: int) -> list[re.Match[str]]:
        return list(re.finditer(r"\S+", self.pack.clips[clip].text))

    def _run(self, clip: int, words: list[re.Match[str]], first: int, stop: int) -> Excerpt:
        """The words from `first` to before `stop`; what lies before the first and after the last word belongs to these."""
        assert self.alignment is not None
        text, frames = self.pack.clips[clip].text, int(self.frames[clip])
        start, end = words[first].start(), words[stop - 1].end()
        byte, last = (len(text[:place].encode()) for place in (start, end))
        spoken = self.alignment.times_of(clip)[byte:last]
        begin = max(0, min(int(spoken[0]), frames - 4)) if first else 0
        after = min(frames, int(np.ceil(spoken[-1])) + 1) if stop < len(words) else frames
        return Excerpt(clip, text[start:end], byte, slice(begin, max(after, begin + 4)))
