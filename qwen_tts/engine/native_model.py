"""A talker as the native kernel sees it: structures that point into packed weights and into small tensors kept here."""

import ctypes
from typing import Any

import torch
from torch import Tensor, nn

from ..nn.transformer import Layer, Transformer
from ..talker.talker import Talker
from . import bindings
from .bindings import address
from .eager import MIN_FRAMES
from .pack import LANES, pieces


class NativeModel:
    """Keeps alive what `structure` points to."""

    def __init__(self, talker: Talker, bits: int, weights: Tensor) -> None:
        config, predictor = talker.config, talker.code_predictor
        self._kept: list[object] = [weights]
        self._matrices = self._find(talker, bits, weights)
        heads = [self._matrices[f"heads.{n}"] for n in range(predictor.groups - 1)]
        tables = [talker.model.codec_embedding, *predictor.model.codec_embedding]
        bias = getattr(predictor.small_to_mtp_projection, "bias", None)
        self.structure = bindings.Model(
            talker=self._stack("talker", talker.model, talker.model.norm.weight),
            predictor=self._stack("predictor", predictor.model, predictor.model.norm.weight),
            head=self._matrices["head"],
            heads=self._array(bindings.Matrix, heads),
            projection=self._matrices.get("projection", bindings.Matrix()),
            projection_bias=None if bias is None else self._floats(bias),
            tables=self._array(bindings.Table, [self._table(table) for table in tables]),  # type: ignore[arg-type]
            groups=config.num_code_groups, acoustic=config.code_predictor_config.vocab_size,
            eos=config.codec_eos_token_id, quiet_frames=MIN_FRAMES,
        )  # fmt: skip

    def matrix(self, name: str) -> bindings.Matrix:
        """One of the packed matrices, by the name that `pack.pieces` gives it."""
        return self._matrices[name]

    def _find(self, talker: Talker, bits: int, weights: Tensor) -> dict[str, bindings.Matrix]:
        found, place = {}, weights.data_ptr()
        for piece in pieces(talker, bits):
            outputs = piece.tiles * LANES if piece.name.endswith("gate_up") else piece.outputs
            where = place, place + piece.weight_bytes
            found[piece.name] = bindings.Matrix(piece.bits, piece.tiles, piece.groups, outputs, *where)
            place = where[1] + piece.scale_bytes
        return found

    def _stack(self, prefix: str, stack: Transformer, norm: Tensor) -> bindings.Stack:
        c = stack.config
        exponents = torch.arange(0, c.head_dim, 2, dtype=torch.float32) / c.head_dim
        layers = [self._layer(f"{prefix}.{n}", layer) for n, layer in enumerate(stack.layers)]  # type: ignore[arg-type]
        return bindings.Stack(
            c.width, c.ffn, c.layers, c.heads, c.kv_heads, c.head_dim, c.norm_eps,
            self._floats(1.0 / c.rope_theta**exponents), self._floats(norm), self._array(bindings.Layer, layers),
        )  # fmt: skip

    def _layer(self, prefix: str, layer: Layer) -> bindings.Layer:
        attention = layer.self_attn
        assert attention.q_norm is not None and attention.k_norm is not None
        norms = layer.input_layernorm, layer.post_attention_layernorm, attention.q_norm, attention.k_norm
        matrices = (self._matrices[f"{prefix}.{part}"] for part in ("qkv", "o", "gate_up", "down"))
        return bindings.Layer(*(self._floats(norm.weight) for norm in norms), *matrices)  # type: ignore[arg-type]

    def _table(self, table: nn.Embedding) -> bindings.Table:
        """Points to the checkpoint's own numbers where their type is one that the kernel reads."""
        rows = table.weight.detach()
        if rows.dtype == torch.bfloat16:
            self._kept.append(rows)
            return bindings.Table(address(rows), 1)
        return bindings.Table(self._floats(rows), 0)

    def _floats(self, tensor: Tensor) -> int | None:
        kept = tensor.detach().float().contiguous()
        self._kept.append(kept)
        return address(kept)

    def _array(self, kind: Any, items: list) -> ctypes.Array:
        made = (kind * len(items))(*items)
        self._kept.append(made)
        return made
