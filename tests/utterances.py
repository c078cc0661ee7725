"""A miniature talker with random weights, and prompts for it."""

from functools import cache

import torch

from qwen_tts.config import ModelConfig
from qwen_tts.prompt import Prompt, build_layout, embed
from qwen_tts.talker.talker import Talker
from tests import miniature

NEWLINE = 10  # any id will do


@cache
def config(kind: str = "custom_voice") -> ModelConfig:
    return ModelConfig.from_dict(miniature.model_config(kind))


def role_ids(config: ModelConfig) -> list[int]:
    return [config.im_start_token_id, config.assistant_token_id, NEWLINE]


@cache
def talker(kind: str = "custom_voice", seed: int = 0) -> Talker:
    """Do not change it: tests share it."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = Talker(config(kind).talker_config).eval().requires_grad_(False)
        # Default weights give nearly even scores, which would hide differences; these make a talker with preferences.
        for head in (made.codec_head, *made.code_predictor.lm_head):
            head.weight.mul_(3)
        return made


def prompt(tokens: int, *, streaming_text: bool = True, speaker: str = "ryan") -> Prompt:
    """A prompt with this many text tokens."""
    c = config()
    text_ids = [20 + i % 200 for i in range(tokens)]
    layout = build_layout(c, text_ids=text_ids, role_ids=role_ids(c), speaker=speaker, streaming_text=streaming_text)
    return embed(layout, talker())
