"""The talker: a causal transformer over text and codec embeddings that predicts code 0 of the next frame.

One position holds the sum of a text embedding and a codec embedding (see `prompt.py`). The hidden state at the position of
frame t - 1 predicts code 0 of frame t, and the same hidden state is what the code predictor fills frame t from.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from ..config import TalkerConfig
from ..errors import ConfigError
from ..nn.kv_cache import KVCache
from ..nn.norm import RMSNorm
from ..nn.transformer import Transformer
from .code_predictor import CodePredictor, transformer_config


class TextProjection(nn.Module):
    """Brings text embeddings to the talker's width: Linear, SiLU, Linear."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear_fc1 = nn.Linear(inputs, inputs)
        self.linear_fc2 = nn.Linear(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_fc2(F.silu(self.linear_fc1(x)))


class TalkerBackbone(Transformer):
    """The layers with their embeddings and final norm."""

    def __init__(self, config: TalkerConfig) -> None:
        super().__init__(transformer_config(config))
        self.text_embedding = nn.Embedding(config.text_vocab_size, config.text_hidden_size)
        self.codec_embedding = nn.Embedding(config.vocab_size, config.hidden_size)
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)


class Talker(nn.Module):
    """Code 0 of each frame, and (by `code_predictor`) the rest. Parameter names are the checkpoint's below `talker.`."""

    def __init__(self, config: TalkerConfig) -> None:
        super().__init__()
        if config.code_predictor_config.num_code_groups != config.num_code_groups:
            raise ConfigError("talker_config.num_code_groups and its code_predictor_config.num_code_groups must be equal")
        self.config = config
        self.model = TalkerBackbone(config)
        self.text_projection = TextProjection(config.text_hidden_size, config.hidden_size)
        self.codec_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.code_predictor = CodePredictor(config.code_predictor_config, config.hidden_size)

    def embed_text(self, ids: Tensor) -> Tensor:
        """Text token ids, int [...] -> [..., D]. The control ids (tts_pad, tts_bos, tts_eos) go the same way."""
        rows = self.model.text_embedding(ids)
        return self.text_projection(rows.to(self.text_projection.linear_fc1.weight.dtype))  # the table may stay as stored

    def embed_code0(self, ids: Tensor) -> Tensor:
        """Code 0 or any control id of the codec's vocabulary, int [...] -> [..., D]."""
        return self.model.codec_embedding(ids)

    def embed_codes(self, codes: Tensor) -> Tensor:
        """Whole frames: the sum of the embeddings of their Q codes, added in fp32. int [B, T, Q] -> [B, T, D]."""
        total = self.embed_code0(codes[..., 0]).float()
        for group in range(1, codes.shape[-1]):
            total = total + self.code_predictor.embed(group, codes[..., group]).float()
        return total.to(self.model.codec_embedding.weight.dtype)

    def init_state(self, batch: int, capacity: int) -> KVCache:
        """An empty cache for `batch` rows of at most `capacity` positions, on this module's device and in its dtype."""
        weight = self.model.norm.weight
        return self.model.init_state(batch, capacity, weight.device, weight.dtype)

    def forward(self, x: Tensor, state: KVCache | None = None, lengths: Tensor | None = None) -> Tensor:
        """Hidden states after the final norm: embeddings [B, T, D] -> [B, T, D].

        Args:
            x: input embeddings.
            state: None for a whole sequence from position 0; else x is what comes next, and the state moves on.
            lengths: with a state, int64 [B]: how many of the T positions of each row are real (the first ones).
        """
        return self.model.norm(self.model(x, state, lengths))

    def logits(self, hidden: Tensor) -> Tensor:
        """Scores of code 0 and the control ids: [..., D] -> [..., V]."""
        return self.codec_head(hidden)

    def code_logits(self, hidden: Tensor, codes: Tensor) -> Tensor:
        """The code predictor, teacher-forced.

        Args:
            hidden: the hidden states that predict code 0 of each frame, [N, D].
            codes: the frames, int [N, Q].
        Returns:
            logits [N, Q - 1, V of the predictor]; [:, i - 1] is for code i.
        """
        return self.code_predictor(hidden, self.embed_code0(codes[:, 0]), codes)
