"""One causal transformer for the talker, the code predictor and both halves of the codec.

Module names are those of the released checkpoints, so that weights load without a table of names.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .kv_cache import KVCache
from .norm import LayerScale, RMSNorm
from .rope import rotary, rotate


@dataclass(frozen=True, slots=True)
class TransformerConfig:
    width: int
    ffn: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    norm_eps: float
    rope_theta: float
    bias: bool = False
    qk_norm: bool = False  # RMS norm of each head's query and key before the rotation (Qwen3)
    layer_norm: bool = False  # LayerNorm with bias and a plain GELU MLP (Mimi) in place of RMS norm and SwiGLU
    layer_scale: float | None = None
    window: int | None = None  # a token sees itself and the window - 1 tokens before it


class Attention(nn.Module):
    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.head_dim = config.heads, config.kv_heads, config.head_dim
        self.q_proj = nn.Linear(config.width, config.heads * config.head_dim, bias=config.bias)
        self.k_proj = nn.Linear(config.width, config.kv_heads * config.head_dim, bias=config.bias)
        self.v_proj = nn.Linear(config.width, config.kv_heads * config.head_dim, bias=config.bias)
        self.o_proj = nn.Linear(config.heads * config.head_dim, config.width, bias=config.bias)
        self.q_norm = RMSNorm(config.head_dim, config.norm_eps) if config.qk_norm else None
        self.k_norm = RMSNorm(config.head_dim, config.norm_eps) if config.qk_norm else None

    def project(self, x: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Rotated queries and keys, and values: [B, H, T, head_dim]."""
        B, T, _ = x.shape
        q = self.q_proj(x).view(B, T, self.heads, self.head_dim)
        k = self.k_proj(x).view(B, T, self.kv_heads, self.head_dim)
        v = self.v_proj(x).view(B, T, self.kv_heads, self.head_dim)
        if self.q_norm is not None and self.k_norm is not None:
            q, k = self.q_norm(q), self.k_norm(k)
        return rotate(q.transpose(1, 2), cos, sin), rotate(k.transpose(1, 2), cos, sin), v.transpose(1, 2)

    def forward(self, x: Tensor, rope: tuple[Tensor, Tensor], mask: Tensor | None, cache: KVCache | None, layer: int) -> Tensor:
        q, k, v = self.project(x, *rope)
        if cache is not None:
            k, v = cache.extend(layer, k, v)
        out = F.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, is_causal=cache is None and mask is None, enable_gqa=self.heads != self.kv_heads
        )  # [B, H, T, head_dim]
        return self.o_proj(out.transpose(1, 2).flatten(2))  # [B, T, D]


class SwiGLU(nn.Module):
    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.width, config.ffn, bias=False)
        self.up_proj = nn.Linear(config.width, config.ffn, bias=False)
        self.down_proj = nn.Linear(config.ffn, config.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class GeluMLP(nn.Module):
    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.fc1 = nn.Linear(config.width, config.ffn, bias=False)
        self.fc2 = nn.Linear(config.ffn, config.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class Layer(nn.Module):
    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        norm = nn.LayerNorm if config.layer_norm else RMSNorm
        self.input_layernorm = norm(config.width, eps=config.norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = norm(config.width, eps=config.norm_eps)
        self.mlp = GeluMLP(config) if config.layer_norm else SwiGLU(config)
        scale = config.layer_scale
        self.self_attn_layer_scale = nn.Identity() if scale is None else LayerScale(config.width, scale)
        self.mlp_layer_scale = nn.Identity() if scale is None else LayerScale(config.width, scale)

    def forward(self, x: Tensor, rope: tuple[Tensor, Tensor], mask: Tensor | None, cache: KVCache | None, layer: int) -> Tensor:
        x = x + self.self_attn_layer_scale(self.self_attn(self.input_layernorm(x), rope, mask, cache, layer))
        return x + self.mlp_layer_scale(self.mlp(self.post_attention_layernorm(x)))


class Transformer(nn.Module):
    """Layers only: callers own the embedding and the final norm."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))

    def init_state(self, batch: int, capacity: int, device: torch.device | str, dtype: torch.dtype) -> KVCache:
        """An empty cache for `batch` rows of at most `capacity` tokens (a window needs only its own length)."""
        c = self.config
        return KVCache.empty(c.layers, batch, c.kv_heads, c.head_dim, capacity, c.window, device, dtype)

    def forward(self, x: Tensor, cache: KVCache | None = None, lengths: Tensor | None = None) -> Tensor:
        """[B, T, D] -> [B, T, D].

        Without a cache: the whole sequence at once, from position 0. With one: the T tokens that come next; of row b the
        first lengths[b] are real and the rest is padding (its outputs mean nothing and leave no trace).
        """
        B, T, _ = x.shape
        if cache is None:
            positions = torch.arange(T, device=x.device)[None]  # [1, T]
            mask = self._window_mask(positions)
        else:
            positions, mask = cache.query_positions(T), cache.mask(T)
        cos, sin = rotary(positions, self.config.head_dim, self.config.rope_theta)
        rope = cos.to(x.dtype), sin.to(x.dtype)
        for index, layer in enumerate(self.layers):
            x = layer(x, rope, mask, cache, index)
        if cache is not None:
            cache.advance(T, lengths)
        return x

    def _window_mask(self, positions: Tensor) -> Tensor | None:
        window = self.config.window
        if window is None or positions.shape[1] <= window:
            return None
        distance = positions[0, :, None] - positions[0, None, :]
        return (distance >= 0) & (distance < window)
