"""Weights as the native kernel wants them: tiles of 16 outputs, groups of 32 inputs that share a scale (native/model.h).

The scale is rounded to bfloat16 before the weights are divided by it, so that costs nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor

from ..nn.transformer import Layer
from ..talker.talker import Talker

LANES, GROUP, ALIGN = 16, 32, 64
SEARCH = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75)  # of a group's greatest number: what few bits may cut off to be finer below


@dataclass(frozen=True, slots=True)
class Piece:
    """A matrix on its way: where its weights come from, and in how many bits they go."""

    name: str
    bits: int
    outputs: int
    inputs: int
    sources: tuple[Tensor, ...]  # stacked; the two of `gate_up` are interleaved tile by tile

    @property
    def tiles(self) -> int:
        each = self.outputs // len(self.sources) if self.name.endswith("gate_up") else self.outputs
        return -(-each // LANES) * (self.outputs // each)

    @property
    def groups(self) -> int:
        return -(-self.inputs // GROUP)

    @property
    def weight_bytes(self) -> int:
        return _aligned(self.tiles * LANES * self.groups * GROUP * self.bits // 8)

    @property
    def scale_bytes(self) -> int:
        return 0 if self.bits == 32 else _aligned(self.tiles * LANES * self.groups * 2)


def pieces(talker: Talker, bits: int) -> Iterator[Piece]:
    """All matrices in the order they are stored in. What turns hidden states into scores keeps 8 bits at least."""
    fine = max(bits, 8)
    for prefix, layers in (("talker", talker.model.layers), ("predictor", talker.code_predictor.model.layers)):
        for number, layer in enumerate(layers):
            assert isinstance(layer, Layer)
            yield from _layer(f"{prefix}.{number}", layer, bits)
    yield _piece("head", fine, talker.codec_head.weight)
    for number, head in enumerate(talker.code_predictor.lm_head):
        yield _piece(f"heads.{number}", fine, head.weight)  # type: ignore[arg-type]
    projection = talker.code_predictor.small_to_mtp_projection
    if isinstance(projection, torch.nn.Linear):
        yield _piece("projection", fine, projection.weight)


def pack(talker: Talker, bits: int, out: Tensor) -> None:
    """Fills uint8 `out`, of `size(...)` bytes."""
    place = 0
    for piece in pieces(talker, bits):
        weights, scales = pack_matrix(_rows(piece), piece.bits)
        for data, room in ((weights, piece.weight_bytes), (scales, piece.scale_bytes)):
            flat = data.contiguous().view(-1).view(torch.uint8)
            out[place : place + len(flat)] = flat
            place += room


def size(talker: Talker, bits: int) -> int:
    """Bytes of all pieces."""
    return sum(piece.weight_bytes + piece.scale_bytes for piece in pieces(talker, bits))


@torch.inference_mode()
def pack_matrix(weight: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    """One matrix [outputs, inputs].

    Returns:
        weights: float32 [tiles, inputs, 16] for 32 bits, else uint8 [tiles, groups, bits, 16, 4].
        scales: bfloat16 [tiles, groups, 16]; empty for 32 bits.
    """
    outputs, inputs = weight.shape
    filled = F.pad(weight.float(), (0, -inputs % GROUP, 0, -outputs % LANES))
    tiles = filled.view(len(filled) // LANES, LANES, -1)  # [tiles, 16, inputs]
    if bits == 32:
        return tiles.transpose(1, 2), torch.empty(0, dtype=torch.bfloat16)
    grouped = tiles.unflatten(2, (-1, GROUP))  # [tiles, 16, groups, 32]
    scales = _scales_8(grouped) if bits == 8 else _scales_fewer(grouped, bits)  # [tiles, 16, groups]
    whole = _divide(grouped, scales, bits) + 2 ** (bits - 1)
    quads = whole.to(torch.uint8).unflatten(3, (8, 4)).permute(0, 2, 3, 1, 4)  # [tiles, groups, 8, 16, 4]
    if bits < 8:
        low = quads & 15
        parts = [low[:, :, 0::2] | low[:, :, 1::2] << 4]
        if bits == 6:
            high = quads >> 4
            parts.append(high[:, :, 0::4] | high[:, :, 1::4] << 2 | high[:, :, 2::4] << 4 | high[:, :, 3::4] << 6)
        quads = torch.cat(parts, dim=2)
    return quads, scales.transpose(1, 2).bfloat16()


def _divide(grouped: Tensor, scales: Tensor, bits: int) -> Tensor:
    """The nearest whole numbers that fit the bits; a group of zeros has scale 0."""
    most = 2 ** (bits - 1) - 1
    least = -most if bits == 8 else -most - 1
    inverse = torch.where(scales == 0, 0.0, 1 / scales)
    return (grouped * inverse[..., None]).round_().clamp_(least, most)


def _scales_8(grouped: Tensor) -> Tensor:
    return (grouped.abs().amax(dim=-1) / 127).bfloat16().float()


def _scales_fewer(grouped: Tensor, bits: int) -> Tensor:
    """The greatest number of a group becomes the least one there is (-8 in 4 bits), whatever its sign, or is cut off if that
    makes the square error smaller."""
    greatest = grouped.gather(-1, grouped.abs().argmax(dim=-1, keepdim=True))[..., 0]
    best, least = torch.zeros_like(greatest), torch.full_like(greatest, torch.inf)
    for share in SEARCH:
        scales = (greatest * (share / -(2 ** (bits - 1)))).bfloat16().float()
        error = (_divide(grouped, scales, bits) * scales[..., None] - grouped).square_().sum(dim=-1)
        best, least = torch.where(error < least, scales, best), torch.minimum(error, least)
    return best


def _layer(prefix: str, layer: Layer, bits: int) -> Iterator[Piece]:
    attention, mlp = layer.self_attn, layer.mlp
    yield _piece(f"{prefix}.qkv", bits, attention.q_proj.weight, attention.k_proj.weight, attention.v_proj.weight)
    yield _piece(f"{prefix}.o", bits, attention.o_proj.weight)
    yield _piece(f"{prefix}.gate_up", bits, mlp.gate_proj.weight, mlp.up_proj.weight)  # type: ignore[arg-type, union-attr]
    yield _piece(f"{prefix}.down", bits, mlp.down_proj.weight)  # type: ignore[arg-type, union-attr]


def _piece(name: str, bits: int, *sources: Tensor) -> Piece:
    return Piece(name, bits, sum(len(source) for source in sources), sources[0].shape[1], sources)


def _rows(piece: Piece) -> Tensor:
    if not piece.name.endswith("gate_up"):
        return torch.cat([source.float() for source in piece.sources])
    filled = [F.pad(source.float(), (0, 0, 0, -len(source) % LANES)) for source in piece.sources]
    tiles = torch.stack([source.view(-1, LANES, piece.inputs) for source in filled], dim=1)  # [tiles, 2, 16, inputs]
    return tiles.view(prod(tiles.shape[:3]), piece.inputs)


def _aligned(count: int) -> int:
    return -(-count // ALIGN) * ALIGN
