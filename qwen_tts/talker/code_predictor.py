"""Fills a frame: from the talker's hidden state and code 0 to codes 1..Q-1, one small causal pass a frame.

    position   0         1        2        ...  Q-1
    input      hidden    E0[c0]   E1[c1]        E(Q-2)[c(Q-2)]
    output     -         c1       c2            c(Q-1)          by lm_head[position - 1]

E0 is the talker's codec embedding and E1.. are this module's, all as wide as the talker; `small_to_mtp_projection` brings
them to the predictor's width where the two differ. Nothing is carried from one frame to the next.
"""

import torch
from torch import Tensor, nn

from ..config import CodePredictorConfig, TalkerConfig
from ..errors import ConfigError
from ..nn.kv_cache import KVCache
from ..nn.norm import RMSNorm
from ..nn.transformer import Transformer, TransformerConfig
from ..sampling import SamplingRows, sample


class PredictorBackbone(Transformer):
    """The layers with their embeddings and final norm. codec_embedding[i - 1] embeds code i, as wide as the talker."""

    def __init__(self, config: CodePredictorConfig, talker_width: int) -> None:
        super().__init__(transformer_config(config))
        tables = (nn.Embedding(config.vocab_size, talker_width) for _ in range(config.num_code_groups - 1))
        self.codec_embedding = nn.ModuleList(tables)
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)


class CodePredictor(nn.Module):
    """Codes 1..Q-1 of a frame. Parameter names are the checkpoint's below `talker.code_predictor.`."""

    def __init__(self, config: CodePredictorConfig, talker_width: int) -> None:
        super().__init__()
        self.groups = config.num_code_groups
        self.model = PredictorBackbone(config, talker_width)
        heads = (nn.Linear(config.hidden_size, config.vocab_size, bias=False) for _ in range(self.groups - 1))
        self.lm_head = nn.ModuleList(heads)
        same = config.hidden_size == talker_width  # such checkpoints hold no projection
        self.small_to_mtp_projection = nn.Identity() if same else nn.Linear(talker_width, config.hidden_size)

    def init_state(self, batch: int) -> KVCache:
        """The cache of one frame, for `generate` to use again for every frame."""
        weight = self.model.norm.weight
        return self.model.init_state(batch, self.groups, weight.device, weight.dtype)

    def embed(self, group: int, codes: Tensor) -> Tensor:
        """Embeds code number `group` (1..Q-1): ints [...] -> [..., D of the talker]."""
        return self.model.codec_embedding[group - 1](codes)

    def forward(self, hidden: Tensor, first: Tensor, codes: Tensor) -> Tensor:
        """Teacher-forced: every step of N frames at once.

        Args:
            hidden: the talker's hidden state that predicted code 0, [N, D].
            first: the talker's embedding of code 0, [N, D].
            codes: the whole frame, int [N, Q]; column 0 and the last column are not looked at.
        Returns:
            logits [N, Q - 1, V]; [:, i - 1] is for code i.
        """
        assert codes.shape[-1] == self.groups
        inputs = [hidden, first, *(self.embed(i, codes[:, i]) for i in range(1, self.groups - 1))]
        x = self.small_to_mtp_projection(torch.stack(inputs, dim=1))  # [N, Q, D]
        x = self.model.norm(self.model(x))
        return torch.stack([head(x[:, i + 1]) for i, head in enumerate(self.lm_head)], dim=1)

    def generate(
        self, hidden: Tensor, first: Tensor, uniforms: Tensor, options: SamplingRows, state: KVCache | None = None
    ) -> Tensor:
        """Samples codes 1..Q-1 of one frame a row.

        Args:
            hidden, first: as in `forward`, [B, D].
            uniforms: random numbers in [0, 1), [B, Q - 1].
            options: how each row is sampled.
            state: from `init_state(B)`; emptied here first.
        Returns:
            codes, int64 [B, Q - 1].
        """
        state = self.init_state(hidden.shape[0]) if state is None else state
        state.reset()
        x = torch.stack((hidden, first), dim=1)  # [B, 2, D]
        codes: list[Tensor] = []
        for i, head in enumerate(self.lm_head):
            out = self.model(self.small_to_mtp_projection(x), state)[:, -1]
            codes.append(sample(head(self.model.norm(out)), uniforms[:, i], options))
            x = self.embed(i + 1, codes[-1])[:, None]
        return torch.stack(codes, dim=1)


def transformer_config(config: CodePredictorConfig | TalkerConfig) -> TransformerConfig:
    """Both stacks are Qwen3 blocks. Their rotary positions are plain: the three axes of `mrope_section` always agree.

    Raises:
        ConfigError: the config asks for a variant that no released model has.
    """
    if config.hidden_act != "silu" or config.sliding_window is not None:
        found = f"hidden_act {config.hidden_act!r}, sliding_window {config.sliding_window}"
        raise ConfigError(f"only hidden_act 'silu' and sliding_window null are supported, found {found}")
    if config.rope_scaling is not None and config.rope_scaling.get("rope_type", "default") != "default":
        raise ConfigError(f"only rope_type 'default' is supported, found {config.rope_scaling['rope_type']!r}")
    return TransformerConfig(
        width=config.hidden_size, ffn=config.intermediate_size, layers=config.num_hidden_layers,
        heads=config.num_attention_heads, kv_heads=config.num_key_value_heads, head_dim=config.head_dim,
        norm_eps=config.rms_norm_eps, rope_theta=config.rope_theta, bias=config.attention_bias, qk_norm=True,
    )  # fmt: skip
