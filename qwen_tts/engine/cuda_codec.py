"""The codec's decoder on a GPU: chunks of 1, 2, 4, 8 or 16 frames are one replay each; a longer or odd one is several.

    7 frames    4 | 2 | 1        the decoder is a stream, so any division gives the same samples

It runs beside the language model's graphs, on a stream of its own. It computes in the codec's fp32.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ..codec.codec import Codec
from ..codec.decoder import Decoder, DecoderState
from ..nn.causal_conv import CausalConvTranspose1d
from .cuda_buckets import ROWS, Pool, bucket
from .cuda_capture import Buffers, Capture, CudaCapture, Run

CHUNKS = (16, 8, 4, 2, 1)


@dataclass(slots=True, eq=False)
class CodecMemory:
    """What recordings are bound to: the state of all rows, codes [rows, T, Q] and waves [rows, N] of each recorded length."""

    state: DecoderState
    codes: dict[int, Tensor] = field(default_factory=dict)
    waves: dict[int, Tensor] = field(default_factory=dict)
    recordings: dict[int, Run] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return self.state.cache.position.shape[0]

    @property
    def places(self) -> int:
        return self.state.cache.slots


class GraphDecoderState(DecoderState):
    """The first rows of a memory. `reset` and all else that changes it in place hold for later replays."""

    def __init__(self, memory: CodecMemory, batch: int, decoder: "GraphDecoder") -> None:
        super().__init__([conv[:batch] for conv in memory.state.convs], memory.state.cache.first(batch))
        self.memory, self._decoder = memory, decoder

    def tensors(self) -> list[Tensor]:
        return [*self.convs, self.cache.keys, self.cache.values, self.cache.position]

    @torch.inference_mode()
    def reset(self, rows: Tensor | None = None) -> None:
        with self._decoder.capture.working():
            DecoderState.reset(self, rows)

    @torch.inference_mode()
    def gather(self, states: Sequence[DecoderState]) -> None:
        with self._decoder.capture.working():
            DecoderState.gather(self, states)

    @torch.inference_mode()
    def scatter(self, states: Sequence[DecoderState]) -> None:
        with self._decoder.capture.working():
            DecoderState.scatter(self, states)

    @torch.inference_mode()
    def clone(self) -> "GraphDecoderState":
        made = self._decoder.init_state(self.cache.position.shape[0])
        with self._decoder.capture.working():
            for target, source in zip(made.tensors(), self.tensors(), strict=True):
                target.copy_(source)
        return made


class GraphDecoder(Decoder):
    """A decoder over the layers of another. With a state of its own it replays; without one it computes as the other does."""

    def __init__(self, decoder: Decoder, capture: Capture) -> None:
        nn.Module.__init__(self)
        self._modules, self.training, self.capture = decoder._modules, decoder.training, capture
        self.frame_samples = math.prod(m.conv.stride[0] for m in self.modules() if isinstance(m, CausalConvTranspose1d))
        self._pool: Pool[CodecMemory] = Pool(lambda rows, _: CodecMemory(Decoder.init_state(self, rows)))

    @torch.inference_mode()
    def init_state(self, batch: int) -> GraphDecoderState:
        with self.capture.working():
            memory = self._pool.take(bucket(batch, ROWS), 0)
            memory.state.reset()
        state = GraphDecoderState(memory, batch, self)
        self._pool.lend(memory, state)
        return state

    @torch.inference_mode()
    def prime(self, codes: Tensor, state: DecoderState, silent: int) -> None:
        with self.capture.working():
            super().prime(codes, state, silent)

    @torch.inference_mode()
    def forward(self, codes: Tensor, state: DecoderState | None = None) -> Tensor:
        """As `Decoder.forward`; with a state that `init_state` made, the samples are on the CPU, where they are going."""
        if not isinstance(state, GraphDecoderState):
            return super().forward(codes, state)
        waves, start = [], 0
        for size in divide(codes.shape[1]):
            waves.append(self._replay(codes[:, start : start + size], state.memory))
            start += size
        return torch.cat([wave() for wave in waves], dim=-1)

    def _replay(self, codes: Tensor, memory: CodecMemory) -> Callable[[], Tensor]:
        batch, frames, groups = codes.shape
        if frames not in memory.recordings:
            self._record(memory, frames, groups)
        self.capture.send(codes, memory.codes[frames][:batch])
        memory.recordings[frames]()
        return self.capture.fetch(memory.waves[frames][:batch])

    def _record(self, memory: CodecMemory, frames: int, groups: int) -> None:
        device = memory.state.cache.position.device
        with self.capture.working():
            codes = torch.zeros(memory.rows, frames, groups, dtype=torch.int64, device=device)
            wave = torch.zeros(memory.rows, frames * self.frame_samples, device=device)
        cache = memory.state.cache
        kept = (*memory.state.convs, cache.keys, cache.values, cache.position)
        memory.codes[frames], memory.waves[frames] = codes, wave

        def decode() -> None:
            wave.copy_(Decoder.forward(self, codes, memory.state))

        memory.recordings[frames] = self.capture.record(decode, Buffers(kept, (wave,)))


def divide(frames: int) -> list[int]:
    """Frames as lengths that are recorded, longest first."""
    sizes = []
    for size in CHUNKS:
        count, frames = divmod(frames, size)
        sizes += [size] * count
    return sizes


def graph_codec(codec: Codec, capture: Capture | None = None) -> Codec:
    """The same codec, whose decoder replays CUDA graphs (or what `capture` makes in their place)."""
    device = next(codec.parameters()).device
    made = Codec.__new__(Codec)
    nn.Module.__init__(made)
    made.config, made.encoder = codec.config, codec.encoder
    made.decoder = GraphDecoder(codec.decoder, CudaCapture(device) if capture is None else capture)
    return made.train(codec.training)
