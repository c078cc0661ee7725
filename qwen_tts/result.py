"""Whole waves: the sum of a stream, and another try for speech that ran away."""

import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from .chunks import ChunkStream
from .errors import OptionError
from .prompt import Prompt
from .stream import Utterance, UtteranceStream

RUNAWAY = ("budget", "loop", "silence")  # ends that the model missed


@dataclass(frozen=True, slots=True)
class Details:
    """How the wave of one text came about.

    Attributes:
        finish_reason: as of `AudioChunk`; "eos" for speech that ended by itself.
        frames: codec frames in the wave.
        codes: of these frames, int64 [frames, Q].
        seed: that the wave was made with. It gives the same wave again, also where another try changed it; but a long text of
            several pieces, which are tried anew one by one, keeps the seed of the call, and wants its `retries` again.
        tries: 1, or more where speech ran away; of several pieces the most.
        first_seconds: computing time until the first audio of this text was there (in its last try).
        seconds: computing time until all of it was, all tries included.
    """

    finish_reason: str
    frames: int
    codes: np.ndarray
    seed: int
    tries: int
    first_seconds: float
    seconds: float


class Result(tuple[list[np.ndarray], int]):
    """What a `generate_*` call returns: officially `(waves, rate)`, and that it is; the rest is in `details`.

    Attributes:
        waves: float32 [N], -1..1, one for each text.
        rate: Hz.
        details: one for each text.
    """

    details: tuple[Details, ...]

    def __new__(cls, waves: list[np.ndarray], rate: int, details: tuple[Details, ...]) -> "Result":
        made = super().__new__(cls, (waves, rate))
        made.details = details
        return made

    def __getnewargs__(self) -> tuple[list[np.ndarray], int, tuple[Details, ...]]:  # what copies and pickles are made with
        return self.waves, self.rate, self.details

    @property
    def waves(self) -> list[np.ndarray]:
        return self[0]

    @property
    def rate(self) -> int:
        return self[1]


def collect(speech: ChunkStream, retries: int) -> Result:
    """As `whole`; a warning tells of each wave that did not end by itself. To be called by what the user calls."""
    result = whole(speech, retries)
    for row, details in enumerate(result.details):
        if details.finish_reason != "eos":
            warnings.warn(f"the speech of text {row} was ended by {details.finish_reason!r}", stacklevel=3)
    return result


def whole(speech: ChunkStream, retries: int) -> Result:
    """Listens to a stream to its end.

    Args:
        speech: of which no chunk was taken yet.
        retries: how often a text whose speech ran away (RUNAWAY) is spoken anew, with a seed that follows from its own. The
            first try that ends well is kept; if none does, the first. Greedy speech, which would be the same again, and text
            that came from an iterator are not spoken anew.
    """
    if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
        raise OptionError(f"retries must be a whole number from 0, not {retries!r}")
    started = time.perf_counter()
    speech.retries = retries
    spoken = _listen(speech, started)
    if isinstance(speech, UtteranceStream):
        _try_again(speech, spoken, retries, started)
    return Result([wave for wave, _ in spoken.values()], speech.rate, tuple(details for _, details in spoken.values()))


def _try_again(speech: UtteranceStream, spoken: dict[int, "Spoken"], retries: int, started: float) -> None:
    for number in range(1, retries + 1):
        anew = {
            row: replace(utterance, seed=next_seed(utterance.seed, number))
            for row, utterance in enumerate(speech.utterances)
            if spoken[row][1].finish_reason in RUNAWAY and _can_differ(utterance)
        }
        if not anew:
            return
        tried = _listen(speech.again(list(anew.values())), time.perf_counter())
        _keep_better(spoken, dict(zip(anew, tried.values(), strict=True)), time.perf_counter() - started)


def next_seed(seed: int, number: int) -> int:
    """The seed of try number 1, 2 ... after the first, which has `seed`."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0] >> np.uint64(1))


Spoken = tuple[np.ndarray, Details]


def _listen(speech: ChunkStream, started: float) -> dict[int, Spoken]:
    """The whole wave of each row, and how it came about."""
    chunks = {row: [] for row in range(len(speech.seeds))}
    first: dict[int, float] = {}
    made: dict[int, Spoken] = {}
    for chunk in speech:
        spent = time.perf_counter() - started
        first.setdefault(chunk.row, spent)
        chunks[chunk.row].append(chunk)
        if chunk.finish_reason is not None:
            parts, seed, tries = chunks.pop(chunk.row), speech.seeds[chunk.row], speech.tries[chunk.row]
            codes = np.concatenate([part.codes for part in parts])
            details = Details(chunk.finish_reason, len(codes), codes, seed, tries, first[chunk.row], spent)
            made[chunk.row] = np.concatenate([part.samples for part in parts]), details
    return dict(sorted(made.items()))


def _keep_better(spoken: dict[int, Spoken], tried: Mapping[int, Spoken], seconds: float) -> None:
    for row, (wave, details) in tried.items():
        before, old = spoken[row]
        if details.finish_reason in RUNAWAY:
            wave, details = before, old
        spoken[row] = wave, replace(details, tries=old.tries + 1, seconds=seconds)


def _can_differ(utterance: Utterance) -> bool:
    options = utterance.options
    return isinstance(utterance.prompt, Prompt) and (options.talker.do_sample or options.predictor.do_sample)
