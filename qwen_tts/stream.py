"""The pipeline: frames are decoded while they are made, and leave as chunks of audio. There is no other way to speak: a whole
wave is the sum of its chunks, and a batch is many streams stepped together.

    frames    0 | 1 2 | 3 4 5 6 | 7 ..      chunks grow (1, 2, 4, 8 frames): the first sound comes soon, later ones cost less
"""

import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Protocol, Self

import numpy as np
import torch
from torch import Tensor

from .chunks import AudioChunk, ChunkStream, OutputRow
from .codec.codec import Codec
from .codec.decoder import DecoderState
from .engine import Engine
from .errors import OptionError
from .open_prompt import OpenPrompt
from .prompt import Prompt
from .talker.frames import FrameStream, GenerationOptions, generate_frames
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

    def again(self, utterances: Sequence[Utterance]) -> "UtteranceStream":
        """The same model and schedule with other utterances."""
        raise NotImplementedError


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
        state = _prime(codec, [u.reference for u in utterances])
        rows = [_output(row, utterance, codec) for row, utterance in enumerate(utterances)]
        for size in chain(schedule, repeat(schedule[-1])):
            made = _take(frames, size, closing)
            if closing.is_set():
                return
            wave, codes, active = _decode(codec, made, state)
            for row in rows:
                if row.ended:
                    continue
                own = int(active[row.number].sum())  # the first ones
                heard = wave[row.number, : own * row.samples].reshape(own, row.samples)
                chunk = row.add(heard, codes[row.number, :own], frames.finish_reasons[row.number])
                if row.ended:  # a row that fell silent is not waited for
                    frames.stop(row.number, "silence")
                if chunk is not None:
                    yield chunk
            if all(row.ended for row in rows):
                return
    finally:
        frames.close()


def _output(row: int, utterance: Utterance, codec: Codec) -> OutputRow:
    samples, rate = codec.config.decode_upsample_rate, codec.config.output_sample_rate
    tempo = None if utterance.speed == 1 else Tempo(utterance.speed, rate)
    return OutputRow(row, rate, samples, utterance.max_silence, tempo)


def _take(frames: FrameStream, size: int, closing: threading.Event) -> list[tuple[Tensor, Tensor]]:
    """Up to `size` frames; stops between two of them when told to."""
    made = []
    while len(made) < size and not closing.is_set() and (frame := next(frames, None)) is not None:
        made.append(frame)
    return made


@torch.inference_mode()
def _prime(codec: Codec, references: list[Tensor | None]) -> DecoderState:
    """The decoder's state after each row's reference.

        row 0   r r r r r | speech       all references end together; a row is set to silence when its own begins,
        row 1   . . r r r | speech       so what it was fed before leaves no trace
    """  # fmt: skip
    state = codec.decoder.init_state(len(references))
    device, groups = next(codec.parameters()).device, codec.config.decoder_config.num_quantizers
    lengths = [0 if reference is None else len(reference) for reference in references]
    longest = max(lengths)
    codes = torch.zeros(len(references), longest, groups, dtype=torch.int64, device=device)
    for row, reference in enumerate(references):
        if reference is not None:
            codes[row, longest - len(reference) :] = reference
    heard = longest - codec.decoder.reach  # before this frame no waveform is made: none of it would be left in the state
    starts = sorted({longest - length for length in lengths})
    for start, end in zip(starts, [*starts[1:], longest], strict=True):
        state.reset(torch.tensor([row for row, length in enumerate(lengths) if longest - length == start], device=device))
        if start < end:
            codec.decoder.prime(codes[:, start:end], state, min(end, max(start, heard)) - start)
    return state


@torch.inference_mode()
def _decode(codec: Codec, made: list[tuple[Tensor, Tensor]], state: DecoderState) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The next frames of all rows: audio [B, T * samples a frame], codes [B, T, Q], and which are a row's own, bool [B, T]."""
    batch, groups = len(state.cache.position), codec.config.decoder_config.num_quantizers
    if not made:
        return np.zeros((batch, 0), np.float32), np.zeros((batch, 0, groups), np.int64), np.zeros((batch, 0), np.bool_)
    active = torch.stack([active for _, active in made], dim=1)  # [B, T]
    codes = torch.stack([codes for codes, _ in made], dim=1)  # [B, T, Q]
    codes = torch.where(active[..., None], codes, 0)  # an ended row holds control codes
    wave = codec.decoder(codes.to(state.cache.position.device), state)
    return wave.float().cpu().numpy(), codes.numpy(), active.numpy()
