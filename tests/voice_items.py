"""Voices for tests, and whether two are the same."""

from dataclasses import asdict, replace
from typing import Any

import torch

from qwen_tts import VoiceClonePromptItem

GROUPS, WIDTH = 4, 32


def item(**changes: Any) -> VoiceClonePromptItem:
    codes = torch.arange(12).reshape(3, GROUPS)
    return replace(VoiceClonePromptItem(codes, torch.linspace(-1, 1, WIDTH), False, True, "Hé, 家."), **changes)


def same(one: VoiceClonePromptItem, other: VoiceClonePromptItem) -> bool:
    for name, value in asdict(one).items():
        found = getattr(other, name)
        equal = torch.equal(value, found) if isinstance(value, torch.Tensor) else value == found
        if not equal:
            return False
    return True
