"""One utterance's frames, as the host sees them: its random numbers, how many it may have, and why it ended."""

from dataclasses import replace

import torch
from torch import Tensor

from ..errors import OptionError
from ..prompt import Prompt
from .frames import GenerationOptions, LoopDetector


class FrameRow:
    """What the host keeps of a row of an engine.

    Attributes:
        options: how it is generated.
        count: frames that it has so far.
        reason: why it ended, None before.
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
        self._most, self._limit_reason = 0, ""
        self._prompt: Prompt | None = None

    def begin(self, prompt: Prompt) -> None:
        """The row speaks this. Raises TextError if it fills the model's context."""
        self._prompt = prompt
        self._most, self._limit_reason = self.options.limit(prompt, self._context)

    def grow(self, text_tokens: int) -> None:
        """The text has this many tokens by now; the budget follows."""
        assert self._prompt is not None
        self.begin(replace(self._prompt, text_tokens=text_tokens))

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
        if self.count >= self._most:
            self.reason = self._limit_reason
        elif self._loop is not None and self._loop.add(code0):
            self.reason = "loop"
        return True
