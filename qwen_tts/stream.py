"""The pipeline: frames are decoded while they are made, and leave as chunks of audio. There is no other way to speak: a whole
wave is the sum of its chunks, and a batch is many streams stepped together.

    frames    0 | 1 2 | 3 4 5 6 | 7 ..      chunks grow (1, 2, 4, 8 frames): the first sound comes soon, later ones cost less
"""

import threading
from abc import abstractmethod
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Protocol, Self

import torch
from torch import Tensor

from .chunks import AudioChunk, ChunkStream, OutputRow
from .codec.codec import Codec
from .engine import Engine
from .errors import OptionError
from .open_prompt import OpenPrompt
from .prompt import Prompt
from .sound import RowSound, sound
from .talker.frames import FrameStream, generate_frames
from .talker.options import GenerationOptions
from .tempo import Tempo

RAMP = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class Utterance:
    """What one row speaks.

    Attributes:
        prompt: from `prompt.embed`; or one whose text is still coming, which can be spoken once.
        options: how its codes are sampled, and when it is ended.
        seed: of its random numbers.
        reference: codes int64 [T, Q] that the speech goes on from (cloning in context); they are not heard.
        max_silence: seconds of unbroken silence that end it; None for no limit.
        speed: 2 is twice as fast, at the same pitch.
    """

    prompt: Prompt | OpenPrompt
    options: GenerationOptions
    seed: int
    reference: Tensor | None = None
    max_silence: float | None = 4.0
    speed: float = 1.0


class UtteranceStream(ChunkStream):
    """Chunks of a batch of utterances, which are its `utterances`, one a row; it can speak others in the same way."""

    def __init__(
        self, chunks: Generator[AudioChunk, None, None], closing: threading.Event, rate: int, utterances: Sequence[Utterance]
    ) -> None:
        self.utterances = tuple(utterances)
        super().__init__(chunks, closing, rate, [u.seed for u in utterances])

    @abstractmethod
    def again(self, utterances: Sequence[Utterance]) -> "UtteranceStream":
        """The same model and schedule with other utterances."""


class Pipeline(Protocol):
    """A way to speak a batch of utterances: alone (`stream` on some engine), or together with others' (`Scheduler.stream`)."""

    def __call__(
        self, utterances: Sequence[Utterance], schedule: Sequence[int] = ..., *, after: UtteranceStream | None = None
    ) -> UtteranceStream:
        """`schedule` as of `stream`. `after`: speech that the same listener has just heard, and that this goes on from."""
        ...


class AudioStream(UtteranceStream):
    """Work is done when a chunk is asked for, for all rows in step."""

    def __init__(self, engine: Engine, codec: Codec, utterances: Sequence[Utterance], schedule: Sequence[int]) -> None:
        """See `stream`."""
        self._engine, self._codec, self._schedule = engine, codec, check_schedule(schedule)
        frames = generate_frames(
            engine, [u.prompt for u in utterances], [u.options for u in utterances], [u.seed for u in utterances]
        )
        closing = threading.Event()
        chunks = _speak(frames, codec, utterances, self._schedule, closing)
        super().__init__(chunks, closing, codec.config.output_sample_rate, utterances)

    def again(self, utterances: Sequence[Utterance]) -> Self:
        return type(self)(self._engine, self._codec, utterances, self._schedule)


def check_schedule(schedule: Sequence[int]) -> tuple[int, ...]:
    """Frames in the first chunk, the second ...; the last number holds for all that follow.

    Raises:
        OptionError: it is empty, or not of positive whole numbers.
    """
    if not schedule or any(not isinstance(size, int) or size < 1 for size in schedule):
        raise OptionError(f"a chunk schedule is a list of positive numbers of frames, not {list(schedule)}")
    return tuple(schedule)


def stream(
    engine: Engine, codec: Codec, utterances: Sequence[Utterance], schedule: Sequence[int] = RAMP, *,
    after: UtteranceStream | None = None,
) -> AudioStream:  # fmt: skip
    """Speaks a batch of utterances.

    Args:
        engine: makes the frames.
        codec: makes the audio.
        utterances: one a row.
        schedule: frames in the first chunk, the second ...; the last number holds for all that follow.
        after: see `Pipeline`; it makes no difference here, where nobody else is waiting.
    Returns:
        An iterator that does the work as it is asked for chunks, of all rows in turn. Closing it ends the work.
    Raises:
        OptionError, TextError: at once, for what `generate_frames` refuses or a schedule that is not of positive numbers.
    """
    return AudioStream(engine, codec, utterances, schedule)


def _speak(
    frames: FrameStream, codec: Codec, utterances: Sequence[Utterance], schedule: Sequence[int], closing: threading.Event
) -> Generator[AudioChunk, None, None]:
    try:
        groups = codec.config.decoder_config.num_quantizers
        rows = [row_sound(codec, row, utterance) for row, utterance in enumerate(utterances)]
        for size in chain(schedule, repeat(schedule[-1])):
            made = _take(frames, size, closing)
            if closing.is_set():
                return
            heard = [row for row in rows if not row.output.ended]
            codes = [_own(made, row.output.number, groups) for row in heard]
            reasons = [frames.finish_reasons[row.output.number] for row in heard]
            chunks = sound(codec, list(zip(heard, codes, reasons, strict=True)))
            for row, chunk in zip(heard, chunks, strict=True):
                if row.output.ended:  # a row that fell silent is not waited for
                    frames.stop(row.output.number, "silence")
                if chunk is not None:
                    yield chunk
            if all(row.output.ended for row in rows):
                return
    finally:
        frames.close()


def row_sound(codec: Codec, row: int, utterance: Utterance) -> RowSound:
    """An utterance's way from frames to chunks, which have the number `row`."""
    samples, rate = codec.config.decode_upsample_rate, codec.config.output_sample_rate
    tempo = None if utterance.speed == 1 else Tempo(utterance.speed, rate)
    return RowSound(codec, OutputRow(row, rate, samples, utterance.max_silence, tempo), utterance.reference)


def _take(frames: FrameStream, size: int, closing: threading.Event) -> list[tuple[Tensor, Tensor]]:
    """Up to `size` frames; stops between two of them when told to."""
    made = []
    while len(made) < size and not closing.is_set() and (frame := next(frames, None)) is not None:
        made.append(frame)
    return made


def _own(made: list[tuple[Tensor, Tensor]], row: int, groups: int) -> Tensor:
    """A row's own among the frames of a batch: the first ones, until it ended. int64 [T, Q]"""
    own = [codes[row] for codes, active in made if active[row]]
    return torch.stack(own) if own else torch.zeros(0, groups, dtype=torch.int64)
