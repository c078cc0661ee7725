"""Codes to audio, as a stream: every chunking of the frames gives the same samples.

codes ── dequantise ── pre_conv ── transformer (window of 72 frames) ── x2 ── x2 ── conv ── x8 x5 x4 x3 ── conv ── samples
       └────────────── context ─────────────────────────────────┘     └────────────── waveform ──────────────────┘
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..config import DecoderConfig
from ..nn.causal_conv import CausalConv1d, CausalConvTranspose1d, init_states, run
from ..nn.kv_cache import KVCache
from ..nn.norm import RMSNorm
from ..nn.transformer import Transformer, TransformerConfig
from .layers import ConvNeXt, SnakeBeta, UpsampleBlock
from .quantizer import SplitDecoder


@dataclass(slots=True)
class DecoderState:
    """What a stream of frames leaves behind. convs: [B, C, past] each, in the order of use; cache: the transformer's window."""

    convs: list[Tensor]
    cache: KVCache

    def reset(self, rows: Tensor | None = None) -> None:
        """Starts the given rows (int64 indices), or all, from silence."""
        for conv in self.convs:
            conv[slice(None) if rows is None else rows] = 0
        self.cache.reset(rows)

    def gather(self, states: Sequence["DecoderState"]) -> None:
        """Becomes a copy of the rows of `states`, one row each."""
        for conv, same in zip(self.convs, zip(*(state.convs for state in states), strict=True), strict=True):
            conv.copy_(torch.cat(same))
        for row, state in enumerate(states):
            state.cache.copy_row(0, self.cache, row)

    def scatter(self, states: Sequence["DecoderState"]) -> None:
        """Writes each row into the state that `gather` had it from."""
        for row, state in enumerate(states):
            for whole, one in zip(self.convs, state.convs, strict=True):
                one[0] = whole[row]
            self.cache.copy_row(row, state.cache, 0)

    def clone(self) -> "DecoderState":
        return DecoderState([conv.clone() for conv in self.convs], self.cache.clone())


class PreTransformer(Transformer):
    """[B, T, latent] -> [B, T, latent]"""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__(
            TransformerConfig(
                width=config.hidden_size,
                ffn=config.intermediate_size,
                layers=config.num_hidden_layers,
                heads=config.num_attention_heads,
                kv_heads=config.num_key_value_heads,
                head_dim=config.head_dim,
                norm_eps=config.rms_norm_eps,
                rope_theta=config.rope_theta,
                layer_scale=config.layer_scale_initial_scale,
                window=config.sliding_window,
            )
        )
        self.input_proj = nn.Linear(config.latent_dim, config.hidden_size)
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.output_proj = nn.Linear(config.hidden_size, config.latent_dim)

    def forward(self, x: Tensor, cache: KVCache | None = None, lengths: Tensor | None = None) -> Tensor:
        return self.output_proj(self.norm(super().forward(self.input_proj(x), cache, lengths)))


class Decoder(nn.Module):
    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        latent, width = config.latent_dim, config.decoder_dim
        self.quantizer = SplitDecoder(
            config.num_quantizers,
            config.num_semantic_quantizers,
            config.codebook_size,
            config.codebook_dim,
            config.codebook_dim // 2,
        )
        self.pre_conv = CausalConv1d(config.codebook_dim, latent, 3)
        self.pre_transformer = PreTransformer(config)
        self.upsample = nn.ModuleList(
            nn.ModuleList([CausalConvTranspose1d(latent, latent, rate, stride=rate), ConvNeXt(latent)])
            for rate in config.upsampling_ratios
        )
        blocks = [
            UpsampleBlock(width >> i, width >> (i + 1), rate) for i, rate in enumerate(config.upsample_rates)
        ]  # each halves the channels
        last = width >> len(blocks)
        self.decoder = nn.ModuleList([CausalConv1d(latent, width, 7), *blocks, SnakeBeta(last), CausalConv1d(last, 1, 7)])

    @property
    def device(self) -> torch.device:
        return self.pre_conv.conv.weight.device

    def init_state(self, batch: int) -> DecoderState:
        weight = self.pre_conv.conv.weight
        cache = self.pre_transformer.init_state(batch, 0, weight.device, weight.dtype)
        return DecoderState(init_states(self, batch), cache)

    def forward(self, codes: Tensor, state: DecoderState | None = None) -> Tensor:
        """Frames to samples in [-1, 1]: int64 [B, T, Q] -> [B, T * samples per frame].

        With a state: the frames that come next in each row.
        """
        convs = None if state is None else iter(state.convs)
        return self.waveform(self.context(self.quantizer(codes), state, convs), convs)

    def prime(self, codes: Tensor, state: DecoderState, silent: int) -> None:
        """Takes in frames whose audio nobody hears: as `forward` with a state, without most of its work.

        Args:
            codes: int64 [B, T, Q], the next frames of each row.
            state: afterwards as `forward` would leave it, as soon as `reach` frames of the waveform were made.
            silent: of so many of these frames the waveform is not made; 0 <= silent <= T.
        """
        convs = iter(state.convs)
        x = self.context(self.quantizer(codes), state, convs)[..., silent:]
        if x.shape[-1]:
            self.waveform(x, convs)

    @property
    def reach(self) -> int:
        """How many frames back the waveform's convolutions see; what lies further back only the transformer knows."""
        frames, rate = 0.0, 1
        for module in [*self.upsample.modules(), *self.decoder.modules()]:
            if isinstance(module, CausalConvTranspose1d):
                stride = module.conv.stride[0]
                frames, rate = frames + math.ceil(module.past / stride) / rate, rate * stride
            elif isinstance(module, CausalConv1d):
                frames += module.past / rate
        return math.ceil(frames) + 1

    def context(self, z: Tensor, state: DecoderState | None = None, convs: Iterator[Tensor] | None = None) -> Tensor:
        """Dequantised vectors [B, codebook_dim, T] -> [B, latent, T], each frame knowing those before it."""
        x = run(self.pre_conv, z, convs).transpose(1, 2)  # [B, T, latent]
        return self.pre_transformer(x, None if state is None else state.cache).transpose(1, 2)

    def upsampled(self, x: Tensor, convs: Iterator[Tensor] | None = None) -> Tensor:
        """[B, latent, T] -> [B, latent, T * upsampling ratios], still far below audio rates"""
        for up, mix in self.upsample:  # type: ignore[misc]
            x = mix(run(up, x, convs), convs)
        return x

    def waveform(self, x: Tensor, convs: Iterator[Tensor] | None = None) -> Tensor:
        """[B, latent, T] -> [B, T * samples per frame]"""
        x = self.upsampled(x, convs)
        first, *blocks, snake, last = self.decoder
        x = run(first, x, convs)  # type: ignore[arg-type]
        for block in blocks:
            x = block(x, convs)
        return torch.clamp(run(last, snake(x), convs)[:, 0], -1, 1)  # type: ignore[arg-type]
