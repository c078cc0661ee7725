"""One utterance's frames, as the host sees them: its random numbers, how many it may have, and why it ended."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ..errors import OptionError
from ..prompt import Prompt
from .options import GenerationOptions


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


class FrameRow:
    """What the host keeps of a row of an engine.

    Attributes:
        options: how it is generated.
        count: frames that it has so far.
        reason: why it ended, None before.
        most: frames that it may have at most, as known so far.
    """

    def __init__(self, options: GenerationOptions, seed: int, groups: int, context: int) -> None:
        """`groups`: codes of a frame; `context`: positions of the model. Raises OptionError for a seed that is none."""
        if not 0 <= seed < 2**63:
            raise OptionError(f"a seed must be a whole number from 0 to 2**63 - 1, not {seed}")
        self.options, self.count = options, 0
        self.reason: str | None = None
        self._groups, self._context = groups, context
        self._generator = torch.Generator().manual_seed(seed)
        self._loop = LoopDetector() if options.stop_loops else None
        self.most, self._limit_reason = 0, ""
        self._prompt: Prompt | None = None

    def begin(self, prompt: Prompt) -> None:
        """The row speaks this. Raises TextError if it fills the model's context."""
        self._prompt = prompt
        self.most, self._limit_reason = self.options.limit(prompt, self._context)

    def grow(self, text_tokens: int) -> None:
        """The text has this many tokens by now; the budget follows."""
        assert self._prompt is not None
        self.begin(replace(self._prompt, text_tokens=text_tokens))

    @property
    def room(self) -> int:
        """The most frames that it may have however long its text gets."""
        assert self._prompt is not None
        return self.options.room(self._prompt, self._context)

    @property
    def reads_on(self) -> bool:
        """Whether the next step reads a text id that did not come with the prompt. (That of step g + 1 goes with frame g.)"""
        assert self._prompt is not None
        return self.count > len(self._prompt.trailing)

    def numbers(self) -> Tensor:
        """Random numbers [Q] of the next frame. Exactly Q a frame, so that a row's draws do not depend on its neighbours."""
        return torch.rand(self._groups, generator=self._generator)

    def add(self, code0: int, eos: int) -> bool:
        """Takes code 0 of what was drawn: whether it is a frame. Afterwards `reason` tells if the row goes on."""
        if code0 == eos:
            self.reason = "eos"
            return False
        self.count += 1
        if self.count >= self.most:
            self.reason = self._limit_reason
        elif self._loop is not None and self._loop.add(code0):
            self.reason = "loop"
        return True
