"""Texts of any length: read into pieces, spoken one piece after the other, joined without seams.

    text ── reading/plan ──> piece 0 | pause | piece 1 | ..      the pieces of all rows are stepped together, k-th with k-th
                               │ anchor
                               └──────> heard by every later piece of the row, where the voice is not fixed otherwise

The anchor is the row's first piece with its codes. A later piece is asked for as if it were the same utterance going on after
it, which is what the model does anyway within one text; so a designed voice stays the same voice, and nothing drifts, since
every piece goes on from the same one. Memory holds one piece a row.
"""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .arguments import GenerationKeywords, languages_for, seeds_for, utterances
from .checkpoint import LoadedModel
from .chunks import AudioChunk, ChunkStream
from .errors import OptionError
from .reading.join import Joiner
from .reading.options import Reading, check_reading
from .reading.segments import Pause, Segment, Speak
from .result import next_seed, whole
from .stream import Pipeline, UtteranceStream
from .voice import VoiceClonePromptItem

SHORT = Reading(budget=120)  # pieces as long as the sentences that the built-in model has learned from


@dataclass(frozen=True, slots=True)
class Piece:
    """What one row speaks next: its number in the batch, the text, the seed, and the anchor (text, codes) if there is one."""

    row: int
    text: str
    seed: int
    anchor: tuple[str, np.ndarray] | None


PIECES = 1000  # the seed of piece k follows from the row's as that of try 1000 + k would
Begin = Callable[[list[Piece], UtteranceStream | None], UtteranceStream]


@dataclass(slots=True)
class _Row:
    """How far a row has come."""

    number: int
    left: list[Segment]
    joiner: Joiner
    seed: int
    anchored: bool
    index: int = 0
    frames: int = 0
    reason: str = "eos"
    anchor: tuple[str, np.ndarray] | None = None
    codes: list[np.ndarray] = field(default_factory=list)
    unheard: list[np.ndarray] = field(default_factory=list)  # codes of frames of which no sample was passed on yet

    def pauses(self) -> np.ndarray:
        """The silence that comes next, as the plan has it."""
        silence = [np.zeros(0, np.float32)]
        while self.left and isinstance(self.left[0], Pause):
            silence.append(self.joiner.pause(self.left.pop(0).seconds))  # type: ignore[union-attr]
        return np.concatenate(silence)

    def is_only_piece(self) -> bool:
        return not self.index and sum(isinstance(segment, Speak) for segment in self.left) == 1

    def piece(self) -> Piece:
        segment = self.left[0]
        assert isinstance(segment, Speak)
        seed = next_seed(self.seed, PIECES + self.index) if self.index else self.seed
        return Piece(self.number, segment.text, seed, self.anchor)


class LongSpeech(ChunkStream):
    """The chunks of long texts; of each text they come in order, without gaps, as those of an `AudioStream`.

    `frames`, `first_frame` and `codes` of a chunk count what the codec decoded; silence between pieces and what was trimmed
    there makes `samples` longer or shorter than that. The finish reason is that of the first piece that did not end by itself.
    """

    def __init__(
        self, begin: Begin, texts: Sequence[str], languages: Sequence[str | None], seeds: Sequence[int], reading: Reading,
        rate: int, anchored: Sequence[bool],
    ) -> None:  # fmt: skip
        """Plans all texts at once, so that what is wrong with one is said before anything is spoken.

        Args:
            begin: starts the speech of some pieces, at most one a text, in that order; also told what was heard just before.
            texts, languages, seeds: one of each a row.
            reading: how they are read.
            rate: of the audio, Hz.
            anchored: of each row, whether later pieces go on from the first.
        """
        plans = [reading.plan(text, language) for text, language in zip(texts, languages, strict=True)]
        joiners = [Joiner(rate, reading.lead, reading.trail) for _ in plans]
        self._rows = [_Row(i, *row) for i, row in enumerate(zip(plans, joiners, seeds, anchored, strict=True))]
        self._begin = begin
        self._silence = {row.number: row.pauses() for row in self._rows}
        self._piece = begin([row.piece() for row in self._rows], None)  # does no work yet, but says what is wrong
        super().__init__(self._run(), threading.Event(), rate, seeds)

    def close(self) -> None:
        super().close()
        self._piece.close()

    def _run(self) -> Generator[AudioChunk, None, None]:
        while not self._closing.is_set() and (speaking := [row for row in self._rows if row.left]):
            if any(row.index for row in speaking):
                self._piece = self._begin([row.piece() for row in speaking], self._piece)
            with self._piece:
                for chunk in self._spoken(self._piece, speaking):
                    row = speaking[chunk.row]
                    samples = np.concatenate((self._silence.pop(row.number, chunk.samples[:0]), self._joined(row, chunk)))
                    row.unheard.append(chunk.codes)
                    reason = row.reason if chunk.finish_reason is not None and not row.left else None
                    if len(samples) or reason is not None:
                        codes, row.unheard = np.concatenate(row.unheard), []
                        first, row.frames = row.frames, row.frames + len(codes)
                        yield AudioChunk(samples, self.rate, row.number, first, len(codes), reason, codes)
                    if self._closing.is_set():
                        return

    def _spoken(self, piece: UtteranceStream, rows: Sequence[_Row]) -> Iterable[AudioChunk]:
        """The chunks of one piece a row: as they are made, or whole ones that ended well."""
        if not self.retries:
            return piece
        result = whole(piece, self.retries)
        for row, details in zip(rows, result.details, strict=True):
            self.tries[row.number] = max(self.tries[row.number], details.tries)
            if row.is_only_piece():
                self.seeds[row.number] = details.seed
        return [
            AudioChunk(wave, result.rate, row, 0, d.frames, d.finish_reason, d.codes)
            for row, (wave, d) in enumerate(zip(result.waves, result.details, strict=True))
        ]

    def _joined(self, row: _Row, chunk: AudioChunk) -> np.ndarray:
        """A chunk's samples, trimmed; after a piece's last chunk also the pause that follows."""
        samples = row.joiner.speech(chunk.samples)
        if row.anchored and row.index == 0:
            row.codes.append(chunk.codes)
        if chunk.finish_reason is None:
            return samples
        segment = row.left.pop(0)
        if row.reason == "eos":
            row.reason = chunk.finish_reason
        if row.codes and isinstance(segment, Speak):
            codes, row.codes = np.concatenate(row.codes), []
            row.anchor = (segment.text, codes) if len(codes) and chunk.finish_reason == "eos" else None
        row.index += 1
        return np.concatenate((samples, row.joiner.end(), row.pauses()))


def speech(
    model: LoadedModel, speak: Pipeline, spoken: list[str | Iterator[str]], language: Any, layouts: list[dict[str, Any]],
    non_streaming_mode: bool, keywords: GenerationKeywords, schedule: Sequence[int],
    voices: list[VoiceClonePromptItem] | None = None,
) -> ChunkStream:  # fmt: skip
    """Speaks texts as they are, or (`reading` of the keywords) reads them first; arguments as for `utterances`.

    Raises:
        OptionError, TextError: what is not legal, at once.
    """
    keywords = keywords.copy()
    wish = keywords.pop("reading", None)
    reading = check_reading(wish, habit=SHORT if model.config.tts_model_size == "tiny" else None)
    texts = [text for text in spoken if isinstance(text, str)]
    if wish and len(texts) < len(spoken):
        raise OptionError("text that is still coming cannot be read as a whole: leave reading out, or give a string")
    if reading is None or len(texts) < len(spoken):
        batch = utterances(model, spoken, language, layouts, non_streaming_mode, keywords, voices)
        return speak(batch, schedule)
    languages = languages_for(model, language, len(texts))
    seeds = seeds_for(keywords.get("seed"), len(texts))
    kind = model.config.tts_model_type
    anchored = [kind == "voice_design" or (voices is not None and not voices[i].icl_mode) for i in range(len(texts))]

    def begin(pieces: list[Piece], after: UtteranceStream | None) -> UtteranceStream:
        rows = [piece.row for piece in pieces]
        options = keywords | GenerationKeywords(seed=[piece.seed for piece in pieces])
        batch = utterances(
            model, [piece.text for piece in pieces], [languages[row] for row in rows], [layouts[row] for row in rows],
            non_streaming_mode, options, None if voices is None else [voices[row] for row in rows],
            anchors=[piece.anchor for piece in pieces],
        )  # fmt: skip
        return speak(batch, schedule, after=after)

    return LongSpeech(begin, texts, languages, seeds, reading, model.codec.config.output_sample_rate, anchored)
