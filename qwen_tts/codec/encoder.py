"""Audio to codes: strided convolutions to 25 Hz, a causal transformer, a stride of 2 to 12.5 Hz, quantisation."""

import math

import torch
from torch import Tensor, nn

from ..config import EncoderConfig
from ..nn.causal_conv import CausalConv1d
from ..nn.transformer import Transformer, TransformerConfig
from .layers import EluUnit
from .quantizer import SplitEncoder

PIECE = 16 * 25  # outputs that the convolutions make at a time: 16 s, so that an hour of audio does not need its memory at once


class ConvStack(nn.Module):
    """[B, 1, N] -> [B, hidden, ceil(N / product of strides)], the strides growing with depth.

    Longer audio is taken in pieces, each after as much of its past as the convolutions see.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        channels = config.num_filters
        layers: list[nn.Module] = [CausalConv1d(1, channels, config.kernel_size)]
        for rate in reversed(config.upsampling_ratios):
            for i in range(config.num_residual_layers):
                dilation = config.dilation_growth_rate**i
                layers.append(EluUnit(channels, config.residual_kernel_size, dilation, config.compress))
            layers += [nn.ELU(), CausalConv1d(channels, 2 * channels, 2 * rate, stride=rate)]
            channels *= 2
        self.layers = nn.Sequential(*layers, nn.ELU(), CausalConv1d(channels, config.hidden_size, config.last_kernel_size))

        reach, self.stride = 0, 1
        for module in self.layers.modules():
            if isinstance(module, CausalConv1d):
                reach, self.stride = reach + module.past * self.stride, self.stride * module.conv.stride[0]
        self.past = math.ceil(reach / self.stride)  # outputs

    def forward(self, x: Tensor) -> Tensor:
        piece, past = PIECE * self.stride, self.past * self.stride
        if x.shape[-1] <= piece:
            return self.layers(x)
        made = []
        for start in range(0, x.shape[-1], piece):
            before = min(past, start)
            made.append(self.layers(x[..., start - before : start + piece])[..., before // self.stride :])
        return torch.cat(made, dim=-1)


class Encoder(nn.Module):
    """Attention is causal over the whole sequence: the `sliding_window` of the config acts in no released code path.

    Source: with the official package's default attention the window mask is not built (transformers 4.57.3).
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.encoder = ConvStack(config)
        self.encoder_transformer = Transformer(
            TransformerConfig(
                width=config.hidden_size,
                ffn=config.intermediate_size,
                layers=config.num_hidden_layers,
                heads=config.num_attention_heads,
                kv_heads=config.num_key_value_heads,
                head_dim=config.head_dim,
                norm_eps=config.norm_eps,
                rope_theta=config.rope_theta,
                layer_norm=True,
                layer_scale=config.layer_scale_initial_scale,
            )
        )
        width = config.hidden_size
        self.downsample = CausalConv1d(width, width, 4, stride=2, bias=False, replicate=True)
        self.quantizer = SplitEncoder(
            config.num_quantizers, config.num_semantic_quantizers, config.codebook_size, width, config.codebook_dim
        )

    def embed(self, wave: Tensor) -> Tensor:
        """[B, N] -> the vectors that are quantised, [B, hidden, T]; T = ceil(N / samples per frame)."""
        x = self.encoder(wave[:, None]).transpose(1, 2)  # [B, 2T, hidden]
        return self.downsample(self.encoder_transformer(x).transpose(1, 2))

    def forward(self, wave: Tensor, stages: int) -> Tensor:
        """[B, N] -> codes, int64 [B, T, stages]"""
        return self.quantizer(self.embed(wave), stages)
