"""Frames out of an iterator: rows end at different times, each for a reason, and none runs for ever.

An utterance ends for one of FINISH_REASONS:
    eos      the talker said so
    length   `max_new_tokens` or the model's context is used up
    budget   more frames than the text can need: the end was missed
    loop     the talker repeats itself
or for whatever reason `FrameStream.stop` is given.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from ..config import GenerationConfig
from ..engine import Engine, EngineState
from ..engine.ahead import AheadEngine
from ..errors import ConfigError, OptionError, TextError
from ..open_prompt import OpenPrompt
from ..prompt import Prompt
from ..sampling import SamplingOptions

FINISH_REASONS = ("eos", "length", "budget", "loop")
BASE_FRAMES = 50  # 4 s for silence around the speech and for one symbol that is read as a long phrase


@dataclass(frozen=True, slots=True)
class GenerationOptions:
    """How one utterance is generated.

    Attributes:
        talker, predictor: how code 0 and the other codes are sampled.
        max_new_tokens: as officially, one more than the most frames that can come out.
        frames_per_token: the frame budget is 50 plus this many frames for each token of the text; None: no budget. At 12.5
            frames a second the default gives a token a second. Read calmly, a token of the released vocabulary (most of an
            English word, one or two Chinese characters, one digit) takes a third of that, and one of a small vocabulary
            less, so speech that is merely slow stays within it.
        stop_loops: end an utterance that repeats itself for some five seconds.
    Raises:
        OptionError: a value is out of range.
    """

    talker: SamplingOptions = field(default_factory=lambda: SamplingOptions(repetition_penalty=1.05))
    predictor: SamplingOptions = field(default_factory=SamplingOptions)
    max_new_tokens: int = 2048
    frames_per_token: float | None = 12.0
    stop_loops: bool = True

    def __post_init__(self) -> None:
        if self.max_new_tokens < 2:
            raise OptionError(f"max_new_tokens must be at least 2, not {self.max_new_tokens}")
        if self.frames_per_token is not None and not self.frames_per_token > 0:
            raise OptionError(f"frames_per_token must be above 0, or None for no budget, not {self.frames_per_token}")

    @classmethod
    def from_config(cls, config: GenerationConfig, **overrides: Any) -> Self:
        """The model's own options, with the caller's keywords before them.

        Args:
            config: the model's `generation_config.json`.
            overrides: the fields of `GenerationConfig`, for which None means "as the model says"; and `frames_per_token`,
                `stop_loops`, which are ours.
        Raises:
            OptionError: an unknown keyword (the message lists the known ones), or a value of the wrong type or range.
        """
        ours = {name: overrides.pop(name) for name in ("frames_per_token", "stop_loops") if name in overrides}
        known = [f.name for f in fields(GenerationConfig)]
        if unknown := sorted(set(overrides) - set(known)):
            raise OptionError(f"unknown option {unknown[0]!r}; known are {', '.join(known)}, frames_per_token, stop_loops")
        given = {name: value for name, value in overrides.items() if value is not None}
        try:
            c = GenerationConfig.from_dict(asdict(config) | given, "options")
        except ConfigError as error:
            raise OptionError(str(error)) from None
        talker = SamplingOptions(c.do_sample, c.temperature, c.top_k, c.top_p, c.repetition_penalty)
        predictor = SamplingOptions(c.subtalker_dosample, c.subtalker_temperature, c.subtalker_top_k, c.subtalker_top_p)
        return cls(talker, predictor, c.max_new_tokens, **ours)

    def room(self, prompt: Prompt, context: int) -> int:
        """The most frames that a text of any length may have in a model of `context` positions.

        Raises:
            TextError: none, the prompt fills the context.
        """
        frames = min(self.max_new_tokens - 1, context - prompt.embeddings.shape[0])
        if frames < 1:
            raise TextError(f"the prompt fills all {context} positions of the model; speak the text in parts")
        return frames

    def limit(self, prompt: Prompt, context: int) -> tuple[int, str]:
        """The most frames that this text may have, and the reason if it gets there. Raises as `room` does."""
        room = self.room(prompt, context)
        budget = room if self.frames_per_token is None else BASE_FRAMES + int(self.frames_per_token * prompt.text_tokens)
        return (budget, "budget") if budget < room else (room, "length")


class LoopDetector:
    """Tells when code 0 (the semantic one) follows itself at a fixed distance.

    Over the last 64 frames (5 s) at least 9 of 10 codes equal the code that came `lag` frames before, for some lag up to 24.
    Speech does not do that, even when it stretches a vowel; a talker that is stuck, or silent for that long, does.
    """

    WINDOW, LAGS, SHARE, EVERY = 64, 24, 0.9, 8

    def __init__(self) -> None:
        self.codes: list[int] = []

    def add(self, code: int) -> bool:
        """Takes the next code 0; True when it completes a loop."""
        self.codes.append(code)
        needed = self.WINDOW + self.LAGS
        if len(self.codes) < needed or len(self.codes) % self.EVERY:
            return False
        windows = np.lib.stride_tricks.sliding_window_view(np.array(self.codes[-needed:]), self.WINDOW)
        return bool(((windows[:-1] == windows[-1]).mean(axis=1) >= self.SHARE).any())


class FrameStream(Iterator[tuple[Tensor, Tensor]]):
    """Yields (codes, active) a frame: int64 [B, Q] and bool [B] on the CPU; codes of rows that are not active mean nothing.

    Work is done only when the next frame is asked for. `close` ends it and frees the memory. Rows whose text is still coming
    are waited for: with the first frame for the ids that it needs, with each later one for one id.

    Attributes:
        finish_reasons: why each row ended, None before. Set with the row's last frame, except "eos", which shows only when
            the frame after it is asked for.
        counts: frames that each row has so far.
    """

    def __init__(
        self, engine: Engine, prompts: Sequence[Prompt | OpenPrompt], options: Sequence[GenerationOptions], seeds: Sequence[int]
    ) -> None:
        self.finish_reasons: list[str | None] = [None] * len(prompts)
        self.counts = [0] * len(prompts)
        self._engine, self._options = engine, options
        self._ahead = engine if isinstance(engine, AheadEngine) else None
        self._context = engine.talker.config.max_position_embeddings
        self._limits = [(0, "")] * len(prompts)
        for row, prompt in enumerate(prompts):
            if isinstance(prompt, Prompt):
                self._limits[row] = options[row].limit(prompt, self._context)
        self._loops = [LoopDetector() if o.stop_loops else None for o in options]
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self._state: EngineState | None = None
        self._frames = self._run(prompts)

    def __next__(self) -> tuple[Tensor, Tensor]:
        return next(self._frames)

    def stop(self, row: int, reason: str) -> None:
        """Ends a row between two frames, and frees its place in the engine; a row that has ended stays as it is."""
        if self.finish_reasons[row] is None:
            self.finish_reasons[row] = reason
            if self._state is not None:
                self._engine.release(self._state, [row])

    def close(self) -> None:
        """Stops; there are no further frames."""
        self._frames.close()

    def _run(self, prompts: Sequence[Prompt | OpenPrompt]) -> Generator[tuple[Tensor, Tensor], None, None]:
        engine = self._engine
        try:
            self._state, texts = self._begin(prompts)
            eos, ahead = engine.talker.config.codec_eos_token_id, None
            while running := [row for row, reason in enumerate(self.finish_reasons) if reason is None]:
                for row in texts.keys() & running:
                    self._listen(row, *texts[row])
                begun = self._launch(running) if ahead is None else ahead
                further = any(self.counts[row] + 1 < self._limits[row][0] for row in running)
                # A text that is still coming may be waited for: what is made already must not wait with it.
                ahead = self._launch(running) if self._ahead is not None and further and not texts else None
                codes = begun()
                active = torch.zeros(len(prompts), dtype=torch.bool)
                for row in running:
                    code0 = int(codes[row, 0])
                    active[row] = code0 != eos
                    self.finish_reasons[row] = self._advance(row, code0) if code0 != eos else "eos"
                if ended := [row for row in running if self.finish_reasons[row] is not None]:
                    engine.release(self._state, ended)
                if active.any():
                    yield codes, active
        finally:
            self._state = None

    def _launch(self, running: Sequence[int]) -> Callable[[], Tensor]:
        """Begins a frame of the running rows; the call that it returns gives the codes, on the CPU."""
        assert self._state is not None
        uniforms = torch.zeros(len(self.counts), self._engine.talker.config.num_code_groups)
        for row in running:  # exactly Q numbers a frame, so that a row's draws do not depend on its neighbours
            uniforms[row] = torch.rand(uniforms.shape[1], generator=self._generators[row])
        if self._ahead is not None:
            return self._ahead.launch(self._state, uniforms)
        codes = self._engine.step(self._state, uniforms).cpu().clone()
        return lambda: codes

    def _begin(self, prompts: Sequence[Prompt | OpenPrompt]) -> tuple[EngineState, dict[int, tuple[OpenPrompt, Prompt]]]:
        """Fills the engine's rows. Also gives the rows whose text goes on, with what began them."""
        begun, frames, texts = [], [], {}
        for row, prompt in enumerate(prompts):
            first = prompt.begin() if isinstance(prompt, OpenPrompt) else prompt
            begun.append(first)
            frames.append(self._limits[row][0])
            if isinstance(prompt, OpenPrompt):
                texts[row] = prompt, first
                self._limits[row] = self._options[row].limit(first, self._context)
                frames[row] = self._options[row].room(first, self._context)
        state = self._engine.init_state(len(begun), max(len(p.embeddings) + n for p, n in zip(begun, frames, strict=True)))
        self._engine.prefill(state, range(len(begun)), begun, [(o.talker, o.predictor) for o in self._options])
        return state, texts

    def _listen(self, row: int, text: OpenPrompt, begun: Prompt) -> None:
        """Before step g + 1, whose input is frame g: waits for text number g, and lets the budget grow with it."""
        frame = self.counts[row]
        if frame and frame > len(begun.trailing) and (following := text.more()) is not None:
            assert self._state is not None
            self._engine.feed(self._state, row, following)
            self._limits[row] = self._options[row].limit(text.grown(begun), self._context)

    def _advance(self, row: int, code0: int) -> str | None:
        """Counts a frame of a row; says why it was the last, if it was."""
        self.counts[row] += 1
        most, reason = self._limits[row]
        if self.counts[row] >= most:
            return reason
        loop = self._loops[row]
        return "loop" if loop is not None and loop.add(code0) else None


def generate_frames(
    engine: Engine, prompts: Sequence[Prompt | OpenPrompt], options: GenerationOptions | Sequence[GenerationOptions],
    seeds: Sequence[int],
) -> FrameStream:  # fmt: skip
    """Speaks a batch of prompts.

    Args:
        engine: computes the frames.
        prompts: one a row, at least one.
        options: for all rows, or one a row.
        seeds: one a row. A row's codes depend on its own seed, prompt and options only.
    Raises:
        OptionError: the numbers of prompts, options and seeds differ, or a seed is not in 0 .. 2**63 - 1.
        TextError: a prompt leaves no room in the model's context.
    """
    each = [options] * len(prompts) if isinstance(options, GenerationOptions) else list(options)
    if not prompts or not len(prompts) == len(each) == len(seeds):
        raise OptionError(f"{len(prompts)} prompts, {len(each)} options and {len(seeds)} seeds: give one of each a row")
    if bad := [seed for seed in seeds if not 0 <= seed < 2**63]:
        raise OptionError(f"a seed must be a whole number from 0 to 2**63 - 1, not {bad[0]}")
    return FrameStream(engine, prompts, each, seeds)
