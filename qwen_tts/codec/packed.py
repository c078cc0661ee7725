"""The decoder on a CPU: as `Decoder`, with weights in the order the processor reads them, and twice as fast or more.

In bfloat16 the products that cost time are rounded, and those that cost precision are not:

    context, upsampling, first block    bf16: few frames pass here, so their time is that of reading weights
    convolutions of 7 in later blocks   bf16: two thirds of the work
    all else in later blocks            fp32: its roundings would be more than half of the error, for a quarter of the work

Sums, norms, attention, snakes and what is passed from layer to layer are in fp32 either way.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ..errors import OptionError
from ..nn.kv_cache import KVCache
from ..nn.packed import computes_bf16, missing, with_packed_linears
from .codec import Codec
from .decoder import Decoder, DecoderState
from .layers import UpsampleBlock
from .packed_layers import Mix, Output, Unit, Upsample, idle, neighbours

PIECE = 8  # frames that are decoded at once: more would not be faster, and take memory
LARGE = 20e6  # parameters, from which on bfloat16 is worth its error


class PackedDecoder(Decoder):
    """A decoder over the weights of another, which it copies. Its states are its own: they fit no other decoder."""

    def __init__(self, decoder: Decoder, dtype: torch.dtype) -> None:
        """`dtype`: torch.float32 or torch.bfloat16.

        Raises:
            OptionError: this PyTorch cannot do it, or the decoder is not on the CPU.
        """
        if reason := missing():
            raise OptionError(f"the codec cannot be packed: {reason}; use it as it is")
        if (where := decoder.device).type != "cpu":
            raise OptionError(f"only a codec on the CPU can be packed, this one is on {where}; load it with device_map='cpu'")
        nn.Module.__init__(self)
        self._modules, self.training, self.dtype = decoder._modules, decoder.training, dtype
        first, *blocks, snake, last = decoder.decoder
        self._before = neighbours(decoder.pre_conv, dtype)
        self._transformer = (with_packed_linears(decoder.pre_transformer, dtype),)  # in a tuple: no part of this module
        self._low = [layer for up, mix in decoder.upsample for layer in (Upsample(up, dtype), Mix(mix, dtype))]  # type: ignore[misc]
        self._high = [neighbours(first, dtype)]  # type: ignore[arg-type]
        for number, block in enumerate(blocks):
            self._high += _block(block, dtype, torch.float32 if number else dtype)  # type: ignore[arg-type]
        self._output = Output(snake, last)  # type: ignore[arg-type]

    def init_state(self, batch: int) -> DecoderState:
        layers = (self._before, *self._low, *self._high, self._output)
        cache: KVCache = self.pre_transformer.init_state(batch, 0, "cpu", torch.float32)
        return DecoderState([state for layer in layers for state in layer.init_states(batch)], cache)

    @torch.no_grad()
    def forward(self, codes: Tensor, state: DecoderState | None = None) -> Tensor:
        state = self.init_state(len(codes)) if state is None else state
        return torch.cat([Decoder.forward(self, piece, state) for piece in codes.split(PIECE, dim=1)], dim=-1)

    @torch.no_grad()
    def prime(self, codes: Tensor, state: DecoderState, silent: int) -> None:
        super().prime(codes, state, silent)

    def context(self, z: Tensor, state: DecoderState | None = None, convs: Iterator[Tensor] | None = None) -> Tensor:
        assert state is not None and convs is not None
        x = self._before(z.transpose(1, 2), convs).float()
        return self._transformer[0](x, state.cache).transpose(1, 2)

    def upsampled(self, x: Tensor, convs: Iterator[Tensor] | None = None) -> Tensor:
        assert convs is not None
        x = x.transpose(1, 2)
        for layer in self._low:
            x = layer(x, convs)
        return x.transpose(1, 2)

    def waveform(self, x: Tensor, convs: Iterator[Tensor] | None = None) -> Tensor:
        assert convs is not None
        x = self.upsampled(x, convs).transpose(1, 2)
        for layer in self._high:
            x = layer(x, convs)
        return torch.clamp(self._output(x, convs), -1, 1)


def _block(block: UpsampleBlock, coarse: torch.dtype, fine: torch.dtype) -> list:
    snake, upsample, *units = block.block
    return [Upsample(upsample, fine, snake), *(Unit(unit, coarse, fine) for unit in units if not idle(unit))]  # type: ignore[arg-type]


def pack(codec: Codec, dtype: torch.dtype | None = None) -> Codec:
    """The same codec with a faster decoder, where there is one; its encoder and its config are shared.

    Args:
        codec: left as it is.
        dtype: what the decoder computes in. None is bfloat16 for a large one where the processor computes in it, else fp32.
    Raises:
        OptionError: as of `PackedDecoder`.
    """
    if dtype is None:
        large = sum(p.numel() for p in codec.decoder.parameters()) >= LARGE
        dtype = torch.bfloat16 if large and computes_bf16() else torch.float32
    made = Codec.__new__(Codec)
    nn.Module.__init__(made)
    made.config, made.encoder, made.decoder = codec.config, codec.encoder, PackedDecoder(codec.decoder, dtype)
    return made.train(codec.training)
