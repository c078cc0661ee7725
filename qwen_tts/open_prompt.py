"""A prompt whose text is still coming. The layout is that of `prompt.build_layout` with `streaming_text`, laid as ids arrive.

role .. | bos r0 r1 ..  | g0   g1   g2   ..      r: reference frames, g: generated ones
        | t0  t1  t2 .. | t3   t4   eos  pad     the body must be there before the first frame; then one id a frame
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from .config import ModelConfig
from .prompt import Prompt, build_layout, embed, ids_before_speech
from .talker.talker import Talker


class OpenPrompt:
    """Takes ids from an iterator when they are needed: some to begin, then one for each frame. Used once.

    Attributes:
        text_tokens: how many ids of the text came so far.
    """

    def __init__(
        self, config: ModelConfig, talker: Talker, ids: Iterator[int], speaker_vector: Tensor | None = None,
        reference_codes: Tensor | None = None, **arrangement: Any,
    ) -> None:  # fmt: skip
        """Takes nothing yet from `ids`.

        Args:
            config, talker: the model's.
            ids: of the text to speak; may block, and may raise TextError.
            speaker_vector, reference_codes: see `embed`.
            arrangement: what else `build_layout` is told, but for `text_ids`, `streaming_text` and `more_text`.
        Raises:
            OptionError, TextError, ConfigError: as `build_layout` and `embed`, for anything that does not depend on the text.
        """
        self._config, self._talker, self._ids = config, talker, ids
        self._given, self._arrangement = (speaker_vector, reference_codes), arrangement
        self._needed = ids_before_speech(arrangement.get("reference_ids"), arrangement.get("reference_frames", 0))
        self._ended = False
        self.text_tokens = 0
        self._lay([config.tts_pad_token_id])  # any id will do: only to refuse now what will not do later

    def begin(self) -> Prompt:
        """The prompt up to the first frame; waits for the ids that stand in it (the first one, unless a reference is long).

        A text that ends before is laid out whole.
        """
        first = list(islice(self._ids, self._needed))
        self.text_tokens, self._ended = len(first), len(first) < self._needed
        return self._lay(first, more=not self._ended)

    def more(self) -> Tensor | None:
        """What follows the text so far, [D]: waits for the next id. tts_eos after the last one, then None for ever."""
        if self._ended:
            return None
        following = next(self._ids, None)
        if following is None:
            self._ended, following = True, self._config.tts_eos_token_id
        else:
            self.text_tokens += 1
        table = self._talker.model.codec_embedding.weight
        return self._talker.embed_text(torch.tensor(following, device=table.device))

    def _lay(self, text_ids: list[int], more: bool = False) -> Prompt:
        layout = build_layout(self._config, text_ids=text_ids, streaming_text=True, more_text=more, **self._arrangement)
        return embed(layout, self._talker, *self._given)
