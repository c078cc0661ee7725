"""A whole frame as one function of fixed memory: talker step, code 0, code predictor, all sampling, the next input.

It reads and writes `FrameMemory` only and looks at nothing on the host, so it can be recorded (`cuda_capture.py`). What Python
decides in it is given when it is recorded: how many rows, how many cached positions are read, which sampling filters run.
"""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from ..nn.kv_cache import KVCache
from ..sampling import SamplingPlan, constrain, sample
from ..talker.talker import Talker
from . import EngineState
from .cuda_capture import Buffers, Run
from .cuda_layers import Stack, attend_grouped, side_by_side
from .eager import MIN_FRAMES, EagerEngine

Plans = tuple[SamplingPlan, SamplingPlan]  # of code 0, of the other codes


@dataclass(slots=True, eq=False)
class FrameMemory:
    """What recordings are bound to: the state of all rows, a frame's random numbers [rows, Q] and its codes [rows, Q]."""

    state: EngineState
    uniforms: Tensor
    codes: Tensor
    recordings: dict[tuple[int, int, Plans], Run] = field(default_factory=dict)

    @classmethod
    def empty(cls, talker: Talker, rows: int, places: int) -> "FrameMemory":
        state = EagerEngine(talker).init_state(rows, places)
        uniforms = torch.zeros(rows, talker.config.num_code_groups, device=state.pending.device)
        return cls(state, uniforms, uniforms.long())

    @property
    def rows(self) -> int:
        return self.codes.shape[0]

    @property
    def places(self) -> int:
        return self.state.cache.slots

    def written(self) -> Buffers:
        """What a frame changes. Keys and values that a frame leaves are written again by the frame that counts."""
        s = self.state
        caches = (s.cache.keys, s.cache.values, s.predictor_cache.keys, s.predictor_cache.values)
        return Buffers((s.pending, s.frame, s.seen, s.cache.position), (*caches, self.codes))


class FrameModel:
    """A talker with its predictor, arranged for `frame`. Scores are computed in fp32 from fp32 copies of the heads."""

    def __init__(self, talker: Talker, *, compiled: bool = False) -> None:
        predictor, config = talker.code_predictor, talker.config
        stacks = Stack.of(talker.model, talker.model.norm.weight), Stack.of(predictor.model, predictor.model.norm.weight)
        self.talker, self.predictor = (stack.compiled() if compiled else stack for stack in stacks)
        self.project = predictor.small_to_mtp_projection
        self.head = talker.codec_head.weight.float()
        self.heads: list[Tensor] = [head.weight.float() for head in predictor.lm_head]  # type: ignore[union-attr, misc]
        tables = [talker.model.codec_embedding.weight, *(table.weight for table in predictor.model.codec_embedding)]
        self.embedding = side_by_side(tables)  # type: ignore[arg-type]
        device, codes = self.embedding.device, config.code_predictor_config.vocab_size
        self.offsets = torch.arange(config.num_code_groups, device=device) * codes
        self.offsets[1:] += config.vocab_size - codes  # the first table is code 0's, with the control ids
        ids = torch.arange(config.vocab_size, device=device)
        self.end = ids == config.codec_eos_token_id
        self.control = (ids >= codes) & ~self.end
        self.steps = self.predictor.rotation(torch.arange(config.num_code_groups, device=device)[None])
        self.first_pass = torch.zeros(2, 2, dtype=self.embedding.dtype, device=device)
        self.first_pass[0, 1] = float("-inf")
        self.first_pass = self.first_pass.repeat_interleave(self.predictor.heads // self.predictor.kv_heads, 0)[None, None]

    def frame(self, s: EngineState, uniforms: Tensor, codes: Tensor, reach: int, plans: Plans) -> None:
        """The next frame of the rows of `s`, as `EagerEngine.step` would make it.

        Args:
            s: changed in place.
            uniforms: random numbers, fp32 [B, Q].
            codes: where the frame is put, int64 [B, Q].
            reach: attention reads so many places of the cache; every active row stands before the last of them, or at it.
            plans: what the rows' sampling needs, or more.
        """
        place = torch.minimum(s.frame, s.last)[:, None, None].expand(-1, 1, s.text.shape[2])
        hidden = self._hidden(s.pending[:, None] + s.text.gather(1, place), s.cache, reach)  # [B, D]
        forbidden = self.control | (self.end & (s.frame < MIN_FRAMES)[:, None])
        logits = constrain(F.linear(hidden.float(), self.head), s.seen, forbidden, s.talker_sampling.penalty)
        code0 = sample(logits, uniforms[:, 0], s.talker_sampling, plans[0])
        codes[:, 0].copy_(code0)
        self._rest(hidden, s, uniforms, codes, plans[1])
        spoken = F.embedding(codes + self.offsets, self.embedding).float().sum(1)
        s.pending.copy_(torch.where(s.active[:, None], spoken, s.pending.float()))  # rows that wait stay as they are
        s.seen.scatter_(1, code0[:, None], s.seen.gather(1, code0[:, None]) | s.active[:, None])
        s.frame += s.active
        s.cache.position += s.active

    def _hidden(self, x: Tensor, cache: KVCache, reach: int) -> Tensor:
        """One position of each row through the talker: [B, 1, D] -> [B, D]."""
        positions = cache.position[:, None]  # [B, 1]
        hidden = torch.arange(reach, device=x.device) > positions  # [B, reach]
        bias = torch.zeros_like(hidden, dtype=x.dtype).masked_fill(hidden, float("-inf"))[:, None, None]

        def attend(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            index = positions[:, None, :, None].expand(-1, k.shape[2], -1, k.shape[3])
            keys, values = cache.keys[layer], cache.values[layer]
            keys.scatter_(2, index, k.transpose(1, 2))
            values.scatter_(2, index, v.transpose(1, 2))
            return attend_grouped(q, keys[:, :, :reach], values[:, :, :reach], bias)

        return self.talker.final(self.talker.forward(x, self.talker.rotation(positions), attend))[:, 0]

    def _rest(self, hidden: Tensor, s: EngineState, uniforms: Tensor, codes: Tensor, plan: SamplingPlan) -> None:
        """Codes 1 .. Q - 1, one position a code but two for the first."""
        x, start = torch.stack((hidden, self._embed(codes, 0)), dim=1), 0  # [B, 2, D]
        for group, head in enumerate(self.heads, start=1):
            end = start + x.shape[1]
            out = self._predict(self.project(x), s.predictor_cache, start, end)
            codes[:, group].copy_(sample(F.linear(out.float(), head), uniforms[:, group], s.predictor_sampling, plan))
            x, start = self._embed(codes, group)[:, None], end

    def _embed(self, codes: Tensor, group: int) -> Tensor:
        return F.embedding(codes[:, group] + self.offsets[group], self.embedding)

    def _predict(self, x: Tensor, cache: KVCache, start: int, end: int) -> Tensor:
        """Positions start .. end - 1 of all rows through the predictor: the last one's output, [B, width]."""

        def attend(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            keys, values = cache.keys[layer, :, :, :end], cache.values[layer, :, :, :end]
            keys[:, :, start:].copy_(k.transpose(1, 2))
            values[:, :, start:].copy_(v.transpose(1, 2))
            return attend_grouped(q, keys, values, self.first_pass if start == 0 else None)

        cos, sin = self.steps
        out = self.predictor.forward(x, (cos[:, start:end], sin[:, start:end]), attend)
        return self.predictor.final(out[:, -1])

    def prefill(self, cache: KVCache, rows: Tensor, x: Tensor) -> None:
        """Puts keys and values of the first T positions of some rows into the cache; what is beyond a row's end is not read.

        Args:
            cache: of all rows.
            rows: int64 [n].
            x: inputs, left-aligned, [n, T, D].
        """
        T = x.shape[1]

        def attend(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            q, k, v = (part.transpose(1, 2) for part in (q, k, v))
            cache.keys[layer, :, :, :T][rows] = k
            cache.values[layer, :, :, :T][rows] = v
            return F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True).transpose(1, 2)

        if T:
            self.talker.forward(x, self.talker.rotation(torch.arange(T, device=x.device)[None]), attend)
