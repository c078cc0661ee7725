"""The pipeline: frames are decoded while they are made, and leave as chunks of audio. There is no other way to speak: a whole
wave is the sum of its chunks, and a batch is many streams stepped together.

    frames    0 | 1 2 | 3 4 5 6 | 7 ..      chunks grow (1, 2, 4, 8 frames): the first sound comes soon, later ones cost less
    sound       0     |   1 2   | 3 4 5 6   on a CPU, one core decodes while the others make the frames that follow
"""

import threading
from abc import abstractmethod
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain, repeat
from typing import Protocol, Self

import torch
from torch import Tensor

from .chunks import AudioChunk, ChunkStream, OutputRow
from .codec.codec import Codec
from .cores import one_core_worker
from .engine import Engine
from .engine.sharing import SharingEngine
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
        waits = any(isinstance(utterance.prompt, OpenPrompt) for utterance in utterances)  # what is made must not wait with it
        on_cpu = codec.decoder.device.type == "cpu"
        beside = isinstance(engine, SharingEngine) and on_cpu and torch.get_num_threads() > 1 and not waits
        chunks = _speak(frames, codec, utterances, self._schedule, closing, beside)
        super().__init__(chunks, closing, codec.config.output_sample_rate, utterances)

    def again(self, utterances: Sequence[Utterance]) -> Self:
        return type(self)(self._engine, self._codec, utterances, self._schedule)


def check_schedule(schedule: Sequence[int]) -> tuple[int, ...]:
    """Frames in the first chunk, the second ...; the last number holds for all that follow.

    Raises:
        OptionError: it is empty, or not of positive whole numbers.
    """
    if not isinstance(schedule, Sequence) or not schedule or any(not isinstance(size, int) or size < 1 for size in schedule):
        raise OptionError(f"a chunk schedule is a list of positive numbers of frames, not {schedule!r}")
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
    frames: FrameStream, codec: Codec, utterances: Sequence[Utterance], schedule: Sequence[int], closing: threading.Event,
    beside: bool,
) -> Generator[AudioChunk, None, None]:  # fmt: skip
    """`beside`: whether frames are made while earlier ones are decoded. The first chunk is waited for with all cores."""
    rows = [row_sound(codec, row, utterance) for row, utterance in enumerate(utterances)]
    worker: ThreadPoolExecutor | None = None
    decoding: _Decoding | None = None
    try:
        for number, size in enumerate(chain(schedule, repeat(schedule[-1]))):
            made: list[tuple[Tensor, Tensor]] = []
            while len(made) < size and not closing.is_set():
                if decoding is not None and decoding.done:
                    yield from decoding.chunks(frames)
                    decoding = None
                if (frame := next(frames, None)) is None:
                    break
                made.append(frame)
            if closing.is_set():
                return
            if decoding is not None:
                yield from decoding.chunks(frames)
            if all(row.output.ended for row in rows):
                return
            if beside and number and worker is None:
                worker = one_core_worker()
            decoding = _Decoding(codec, rows, made, frames.finish_reasons, worker)
    finally:
        frames.close()
        if worker is not None:
            worker.shutdown()


class _Decoding:
    """Frames on their way to chunks: at once, or in a worker."""

    def __init__(
        self, codec: Codec, rows: Sequence[RowSound], made: list[tuple[Tensor, Tensor]], reasons: Sequence[str | None],
        worker: ThreadPoolExecutor | None,
    ) -> None:  # fmt: skip
        """`reasons`: of all rows, why the frames are their last."""
        groups = codec.config.decoder_config.num_quantizers
        self._heard = [row for row in rows if not row.output.ended]
        numbers = [row.output.number for row in self._heard]
        parts = [(row, _own(made, n, groups), reasons[n]) for row, n in zip(self._heard, numbers, strict=True)]
        work = partial(sound, codec, parts)
        if worker is None or all(reason is not None for _, _, reason in parts):  # nothing is left to be made beside it
            self._made: Future[list[AudioChunk | None]] = Future()
            self._made.set_result(work())
        else:
            self._made = worker.submit(work)

    @property
    def done(self) -> bool:
        return self._made.done()

    def chunks(self, frames: FrameStream) -> Iterator[AudioChunk]:
        """Waits for them. A row that fell silent is not waited for any longer."""
        for row, chunk in zip(self._heard, self._made.result(), strict=True):
            if row.output.ended:
                frames.stop(row.output.number, "silence")
            if chunk is not None:
                yield chunk


def row_sound(codec: Codec, row: int, utterance: Utterance) -> RowSound:
    """An utterance's way from frames to chunks, which have the number `row`."""
    samples, rate = codec.config.decode_upsample_rate, codec.config.output_sample_rate
    tempo = None if utterance.speed == 1 else Tempo(utterance.speed, rate)
    return RowSound(codec, OutputRow(row, rate, samples, utterance.max_silence, tempo), utterance.reference)


def _own(made: list[tuple[Tensor, Tensor]], row: int, groups: int) -> Tensor:
    """A row's own among the frames of a batch: the first ones, until it ended. int64 [T, Q]"""
    own = [codes[row] for codes, active in made if active[row]]
    return torch.stack(own) if own else torch.zeros(0, groups, dtype=torch.int64)
