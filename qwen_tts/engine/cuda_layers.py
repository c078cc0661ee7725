"""The Qwen3 block as few kernels: what a layer computes, not how its module is divided.

Where a row is one token, time goes into starting kernels, not into arithmetic. So weights that see the same input lie side by
side, norms are one call, and queries that share keys are taken as further queries of one head. Norms, rotation and softmax are
computed in fp32 whatever the weights are. `enter` and `leave` are functions of tensors alone, which torch.compile may fuse.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..nn.rope import rotary
from ..nn.transformer import Layer, Transformer

Rotation = tuple[Tensor, Tensor]  # cosines and signed sines, fp32 [B, T, 1, head_dim]


def side_by_side(parameters: Sequence[Tensor]) -> Tensor:
    """Parameters of equal width as one tensor, [sum of rows, ...]. They become views of it, so nothing is held twice."""
    first, rows = parameters[0].data, sum(len(p) for p in parameters)
    at, adjacent = first.data_ptr(), first.is_contiguous()
    for parameter in parameters:
        adjacent = adjacent and parameter.is_contiguous() and parameter.data_ptr() == at
        adjacent = adjacent and parameter.untyped_storage().data_ptr() == first.untyped_storage().data_ptr()
        at += parameter.numel() * parameter.element_size()
    if adjacent:  # an engine was here before
        return first.as_strided((rows, *first.shape[1:]), first.stride())
    joined = torch.cat([p.data for p in parameters])
    for parameter, part in zip(parameters, joined.split([len(p) for p in parameters]), strict=True):
        parameter.data = part
    return joined


@dataclass(frozen=True, slots=True)
class LayerWeights:
    """Of one layer: [q; k; v] and [gate; up] side by side; head_norm: the gains of query and key heads, [H + KV, head_dim]."""

    norm: Tensor
    qkv: Tensor
    qkv_bias: Tensor | None
    head_norm: Tensor
    out: Tensor
    out_bias: Tensor | None
    mlp_norm: Tensor
    gate_up: Tensor
    down: Tensor

    @classmethod
    def of(cls, layer: Layer) -> "LayerWeights":
        attention, mlp = layer.self_attn, layer.mlp
        assert attention.q_norm is not None and attention.k_norm is not None
        inputs = (attention.q_proj, attention.k_proj, attention.v_proj)
        gains = attention.q_norm.weight.expand(attention.heads, -1), attention.k_norm.weight.expand(attention.kv_heads, -1)
        biased = attention.q_proj.bias is not None
        return cls(
            norm=layer.input_layernorm.weight,
            qkv=side_by_side([p.weight for p in inputs]),
            qkv_bias=side_by_side([p.bias for p in inputs]) if biased else None,
            head_norm=torch.cat(gains).float(),
            out=attention.o_proj.weight,
            out_bias=attention.o_proj.bias,
            mlp_norm=layer.post_attention_layernorm.weight,
            gate_up=side_by_side([mlp.gate_proj.weight, mlp.up_proj.weight]),  # type: ignore[union-attr]
            down=mlp.down_proj.weight,  # type: ignore[union-attr]
        )


def enter(x: Tensor, rotation: Rotation, w: LayerWeights, values: int, eps: float) -> tuple[Tensor, Tensor]:
    """Up to attention: [B, T, D] -> rotated query and key heads [B, T, H + KV, head_dim], values [B, T, KV, head_dim]."""
    cos, sin = rotation
    y = F.rms_norm(x, x.shape[-1:], w.norm, eps)
    heads = F.linear(y, w.qkv, w.qkv_bias).unflatten(-1, (-1, w.head_norm.shape[-1]))
    turned, value = heads[:, :, :-values], heads[:, :, -values:]
    turned = F.rms_norm(turned, turned.shape[-1:], None, eps) * w.head_norm  # fp32 from here
    turned = torch.addcmul(turned * cos, turned.roll(turned.shape[-1] // 2, -1), sin)
    return turned.to(x.dtype), value


def leave(x: Tensor, attended: Tensor, w: LayerWeights, eps: float) -> Tensor:
    """After attention: the layer's input and the attended values, both [B, T, D] -> [B, T, D]."""
    x = x + F.linear(attended, w.out, w.out_bias)
    gate, up = F.linear(F.rms_norm(x, x.shape[-1:], w.mlp_norm, eps), w.gate_up).chunk(2, dim=-1)
    return x + F.linear(F.silu(gate) * up, w.down)


@dataclass(frozen=True, slots=True)
class Stack:
    """All layers and the final norm of a transformer."""

    layers: list[LayerWeights]
    norm: Tensor
    heads: int
    kv_heads: int
    head_dim: int
    eps: float
    theta: float
    enter: Callable[..., Any] = enter
    leave: Callable[..., Any] = leave

    @classmethod
    def of(cls, model: Transformer, norm: Tensor) -> "Stack":
        c = model.config
        assert c.qk_norm and not c.layer_norm and c.window is None and c.layer_scale is None, "a Qwen3 stack"
        layers = [LayerWeights.of(layer) for layer in model.layers]  # type: ignore[arg-type]
        return cls(layers, norm, c.heads, c.kv_heads, c.head_dim, c.norm_eps, c.rope_theta)

    def compiled(self) -> "Stack":
        """The same with `enter` and `leave` fused by torch.compile."""
        return replace(self, enter=torch.compile(enter, fullgraph=True), leave=torch.compile(leave, fullgraph=True))

    def rotation(self, positions: Tensor) -> Rotation:
        """For int positions [B, T]. The sine's first half is negative: it meets the heads' second half, rolled to the front."""
        cos, sin = (table.transpose(1, 2) for table in rotary(positions, self.head_dim, self.theta))  # [B, T, 1, head_dim]
        left, right = sin.chunk(2, dim=-1)
        return cos, torch.cat((-left, right), dim=-1)

    def forward(self, x: Tensor, rotation: Rotation, attend: Callable[[int, Tensor, Tensor, Tensor], Tensor]) -> Tensor:
        """[B, T, D] -> [B, T, D] before the final norm.

        `attend(layer, q, k, v)` keeps keys and values, [B, T, KV, head_dim] each; q and what it gives are [B, T, H, head_dim].
        """
        for index, weights in enumerate(self.layers):
            turned, value = self.enter(x, rotation, weights, self.kv_heads, self.eps)
            attended = attend(index, turned[:, :, : self.heads], turned[:, :, self.heads :], value)
            x = self.leave(x, attended.flatten(2), weights, self.eps)
        return x

    def final(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, x.shape[-1:], self.norm, self.eps)


def attend_grouped(q: Tensor, keys: Tensor, values: Tensor, bias: Tensor | None) -> Tensor:
    """Attention in which the G query heads of a key head are further queries of it: no key is copied.

    Args:
        q: [B, T, H, head_dim].
        keys, values: [B, KV, S, head_dim], H = KV * G.
        bias: added to the scores, [B or 1, 1, T * G or 1, S] in q's dtype, queries in the order t, g; None: nothing.
    Returns:
        [B, T, H, head_dim]
    """
    B, T, H, _ = q.shape
    kv = keys.shape[1]
    grouped = q.unflatten(2, (kv, H // kv)).permute(0, 2, 1, 3, 4).flatten(2, 3)  # [B, KV, T * G, head_dim]
    if bias is not None:
        bias = bias.expand(B, kv, grouped.shape[2], -1)
    out = F.scaled_dot_product_attention(grouped, keys, values, attn_mask=bias)
    return out.unflatten(2, (T, -1)).permute(0, 2, 1, 3, 4).flatten(2, 3)  # [B, T, H, head_dim]
