"""Frames out of an iterator: rows end at different times, each for a reason, and none runs for ever.

An utterance ends for one of these reasons:
    eos      the talker said so
    length   `max_new_tokens` or the model's context is used up
    budget   more frames than the text can need: the end was missed
    loop     the talker repeats itself
or for whatever reason `FrameStream.stop` is given.
"""

from collections.abc import Callable, Generator, Iterator, Sequence

import torch
from torch import Tensor

from ..engine import Engine, EngineState
from ..engine.ahead import AheadEngine
from ..errors import OptionError
from ..open_prompt import OpenPrompt
from ..prompt import Prompt
from .options import GenerationOptions
from .row import FrameRow


class FrameStream(Iterator[tuple[Tensor, Tensor]]):
    """Yields (codes, active) a frame: int64 [B, Q] and bool [B] on the CPU; codes of rows that are not active mean nothing.

    Work is done only when the next frame is asked for. `close` ends it and frees the memory. Rows whose text is still coming
    are waited for: with the first frame for the ids that it needs, with each later one for one id.

    Attributes:
        finish_reasons: why each row ended, None before. Set with the row's last frame, except "eos", which shows only when
            the frame after it is asked for.
        counts: frames that each row has so far.
    """

    def __init__(self, engine: Engine, prompts: Sequence[Prompt | OpenPrompt], rows: Sequence[FrameRow]) -> None:
        self._engine, self._rows = engine, rows
        self._ahead = engine if isinstance(engine, AheadEngine) else None
        for row, prompt in zip(rows, prompts, strict=True):
            if isinstance(prompt, Prompt):
                row.begin(prompt)
        self._state: EngineState | None = None
        self._frames = self._run(prompts)

    def __next__(self) -> tuple[Tensor, Tensor]:
        return next(self._frames)

    @property
    def finish_reasons(self) -> list[str | None]:
        return [row.reason for row in self._rows]

    @property
    def counts(self) -> list[int]:
        return [row.count for row in self._rows]

    def stop(self, row: int, reason: str) -> None:
        """Ends a row between two frames, and frees its place in the engine; a row that has ended stays as it is."""
        if self._rows[row].reason is None:
            self._rows[row].reason = reason
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
                    self._listen(row, texts[row])
                begun = self._launch(running) if ahead is None else ahead
                further = any(self._rows[row].count + 1 < self._rows[row].most for row in running)
                # A text that is still coming may be waited for: what is made already must not wait with it.
                ahead = self._launch(running) if self._ahead is not None and further and not texts else None
                codes = begun()
                active = torch.zeros(len(prompts), dtype=torch.bool)
                for row in running:
                    active[row] = self._rows[row].add(int(codes[row, 0]), eos)
                if ended := [row for row in running if self._rows[row].reason is not None]:
                    engine.release(self._state, ended)
                if active.any():
                    yield codes, active
        finally:
            self._state = None

    def _launch(self, running: Sequence[int]) -> Callable[[], Tensor]:
        """Begins a frame of the running rows; the call that it returns gives the codes, on the CPU."""
        assert self._state is not None
        uniforms = torch.zeros(len(self._rows), self._engine.talker.config.num_code_groups)
        for row in running:
            uniforms[row] = self._rows[row].numbers()
        if self._ahead is not None:
            return self._ahead.launch(self._state, uniforms)
        codes = self._engine.step(self._state, uniforms).cpu().clone()
        return lambda: codes

    def _begin(self, prompts: Sequence[Prompt | OpenPrompt]) -> tuple[EngineState, dict[int, OpenPrompt]]:
        """Fills the engine's rows. Also gives the rows whose text goes on."""
        begun, frames, texts = [], [], {}
        for place, (row, prompt) in enumerate(zip(self._rows, prompts, strict=True)):
            first = prompt.begin() if isinstance(prompt, OpenPrompt) else prompt
            if isinstance(prompt, OpenPrompt):
                texts[place] = prompt
                row.begin(first)
            begun.append(first)
            frames.append(row.room if place in texts else row.most)
        state = self._engine.init_state(len(begun), max(len(p.embeddings) + n for p, n in zip(begun, frames, strict=True)))
        sampling = [(row.options.talker, row.options.predictor) for row in self._rows]
        self._engine.prefill(state, range(len(begun)), begun, sampling)
        return state, texts

    def _listen(self, row: int, text: OpenPrompt) -> None:
        """Before step g + 1, whose input is frame g: waits for text number g, and lets the budget grow with it."""
        if self._rows[row].reads_on and (following := text.more()) is not None:
            assert self._state is not None
            self._engine.feed(self._state, row, following)
            self._rows[row].grow(text.text_tokens)


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
    config = engine.talker.config
    groups, context = config.num_code_groups, config.max_position_embeddings
    return FrameStream(engine, prompts, [FrameRow(o, seed, groups, context) for o, seed in zip(each, seeds, strict=True)])
