"""The pipeline: frames are decoded while they are made, and leave as chunks of audio. There is no other way to speak: a whole
wave is the sum of its chunks, and a batch is many streams stepped together.

    frames    0 | 1 2 | 3 4 5 6 | 7 ..      chunks grow (1, 2, 4, 8 frames): the first sound comes soon, later ones cost less
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, repeat

import numpy as np
import torch
from torch import Tensor

from .codec.codec import Codec
from .codec.decoder import DecoderState
from .engine import Engine
from .errors import OptionError
from .prompt import Prompt
from .talker.frames import FrameStream, GenerationOptions, generate_frames

RAMP = (1, 2, 4, 8)
SILENCE = 10 ** (-50 / 20)  # a frame whose root mean square is below -50 dB of full scale is silent
GRACE_SECONDS = 1.0  # of a silence that is always passed on: pauses of speech are shorter


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """A piece of one utterance; its chunks come in order, without gaps.

    Attributes:
        samples: float32 [n], -1..1; empty only in a last chunk.
        rate: Hz.
        row: which utterance of the batch.
        first_frame, frames: the range of codec frames that it is.
        finish_reason: on the last chunk of the utterance, why it ended: "eos" (all is said), "length" (max_new_tokens or the
            model's context), "budget" (more audio than the text can need), "loop" (the same codes over and over), "silence".
    """

    samples: np.ndarray
    rate: int
    row: int
    first_frame: int
    frames: int
    finish_reason: str | None


@dataclass(frozen=True, slots=True)
class Utterance:
    """What one row speaks.

    Attributes:
        prompt: from `prompt.embed`.
        options: how its codes are sampled, and when it is ended.
        seed: of its random numbers.
        reference: codes int64 [T, Q] that the speech goes on from (cloning in context); they are not heard.
        max_silence: seconds of unbroken silence that end it; None for no limit.
    """

    prompt: Prompt
    options: GenerationOptions
    seed: int
    reference: Tensor | None = None
    max_silence: float | None = 4.0


def stream(
    engine: Engine, codec: Codec, utterances: Sequence[Utterance], schedule: Sequence[int] = RAMP
) -> Iterator[AudioChunk]:
    """Speaks a batch of utterances.

    Args:
        engine: makes the frames.
        codec: makes the audio.
        utterances: one a row.
        schedule: frames in the first chunk, the second ...; the last number holds for all that follow.
    Returns:
        An iterator that does the work as it is asked for chunks, of all rows in turn. Closing it ends the work.
    Raises:
        OptionError, TextError: at once, for what `generate_frames` refuses or a schedule that is not of positive numbers.
    """
    if not schedule or any(size < 1 for size in schedule):
        raise OptionError(f"a chunk schedule is a list of positive numbers of frames, not {list(schedule)}")
    frames = generate_frames(
        engine, [u.prompt for u in utterances], [u.options for u in utterances], [u.seed for u in utterances]
    )
    samples, rate = codec.config.decode_upsample_rate, codec.config.output_sample_rate
    rows = [_Row(row, rate, samples, u.max_silence) for row, u in enumerate(utterances)]
    return _speak(frames, codec, rows, [u.reference for u in utterances], schedule)


def _speak(
    frames: FrameStream, codec: Codec, rows: list["_Row"], references: list[Tensor | None], schedule: Sequence[int]
) -> Iterator[AudioChunk]:
    try:
        state = _prime(codec, references)
        for size in chain(schedule, repeat(schedule[-1])):
            made = list(islice(frames, size))
            wave, active = _decode(codec, made, state) if made else (None, None)
            for row in rows:
                if row.ended:
                    continue
                heard = np.zeros((0, row.samples), np.float32)
                if wave is not None and active is not None:
                    heard = wave[row.number, : int(active[row.number].sum()) * row.samples].reshape(-1, row.samples)
                if chunk := row.add(heard, frames.finish_reasons[row.number]):
                    yield chunk
            if all(row.ended for row in rows):  # a row that fell silent is not waited for
                return
    finally:
        frames.close()


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
def _decode(codec: Codec, made: list[tuple[Tensor, Tensor]], state: DecoderState) -> tuple[np.ndarray, Tensor]:
    """The next frames of all rows: audio [B, T * samples per frame], and which frames are a row's own, bool [B, T]."""
    active = torch.stack([active for _, active in made], dim=1)  # [B, T]
    codes = torch.stack([codes for codes, _ in made], dim=1)  # [B, T, Q]
    codes = torch.where(active[..., None], codes, 0).to(state.cache.position.device)  # an ended row holds control codes
    return codec.decoder(codes, state).float().cpu().numpy(), active


@dataclass(slots=True)
class _Row:
    """What leaves one row, frame by frame: listens for a silence that does not end.

    After the first second of a silence its frames are held back. They follow when the speech goes on; if the silence
    lasts too long, they are dropped and the row ends.
    """

    number: int
    rate: int
    samples: int
    max_silence: float | None
    ended: bool = False
    sent: int = 0  # frames
    quiet: int = 0  # silent frames in a row
    held: list[np.ndarray] = field(default_factory=list)

    def add(self, frames: np.ndarray, reason: str | None) -> AudioChunk | None:
        """Takes new frames [n, samples] and why the row ended, if it did; gives the chunk to pass on, if there is one."""
        out: list[np.ndarray] = []
        for frame in frames:
            if math.sqrt(np.square(frame).mean()) >= SILENCE:
                out += [*self.held, frame]
                self.held, self.quiet = [], 0
                continue
            self.quiet += 1
            seconds = self.quiet * self.samples / self.rate
            (self.held if self.max_silence is not None and seconds > GRACE_SECONDS else out).append(frame)
            if self.max_silence is not None and seconds >= self.max_silence:
                reason, self.held = "silence", []
                break
        if reason is not None:
            out, self.held, self.ended = out + self.held, [], True
        if not out and reason is None:
            return None
        first, self.sent = self.sent, self.sent + len(out)
        samples = np.concatenate(out) if out else np.zeros(0, np.float32)
        return AudioChunk(samples, self.rate, self.number, first, len(out), reason)
