"""The reference engine: plain PyTorch, step by step as the model is defined."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..nn.kv_cache import KVCache
from ..prompt import Prompt
from ..sampling import SamplingOptions, SamplingRows, constrain, sample
from ..talker.talker import Talker
from . import EngineState

MIN_FRAMES = 2  # speech does not end before (the official min_new_tokens)


class EagerEngine:
    """See `Engine`."""

    def __init__(self, talker: Talker) -> None:
        self.talker = talker
        self._like = talker.codec_head.weight  # where and in what dtype rows are kept
        config = talker.config
        ids = torch.arange(config.vocab_size, device=talker.codec_head.weight.device)
        self._control = ids >= config.code_predictor_config.vocab_size  # what is no acoustic code

    @torch.inference_mode()
    def init_state(self, batch: int, capacity: int) -> EngineState:
        config, like = self.talker.config, self._like
        groups, greedy = config.num_code_groups, [SamplingOptions(do_sample=False)] * batch
        return EngineState(
            cache=self.talker.model.init_state(batch, capacity, like.device, like.dtype),
            predictor_cache=self.talker.code_predictor.model.init_state(batch, groups, like.device, like.dtype),
            pending=like.new_zeros(batch, config.hidden_size),
            text=like.new_zeros(batch, 2 + capacity, config.hidden_size),
            last=torch.zeros(batch, dtype=torch.int64, device=like.device),
            frame=torch.zeros(batch, dtype=torch.int64, device=like.device),
            seen=torch.zeros(batch, config.vocab_size, dtype=torch.bool, device=like.device),
            active=torch.zeros(batch, dtype=torch.bool, device=like.device),
            talker_sampling=SamplingRows(greedy, like.device),
            predictor_sampling=SamplingRows(greedy, like.device),
        )

    @torch.inference_mode()
    def prefill(
        self, state: EngineState, rows: Sequence[int], prompts: Sequence[Prompt],
        sampling: Sequence[tuple[SamplingOptions, SamplingOptions]],
    ) -> None:  # fmt: skip
        self._fill_cache(state.cache, rows, prompts)
        for row, prompt, (talker, predictor) in zip(rows, prompts, sampling, strict=True):
            state.pending[row] = prompt.embeddings[-1]
            last = min(prompt.trailing.shape[0] + 1, state.text.shape[1] - 1)
            state.text[row, 1:last], state.text[row, last] = prompt.trailing[: last - 1], prompt.pad
            state.last[row] = last
            state.frame[row], state.seen[row], state.active[row] = 0, False, True
            state.talker_sampling.set(row, talker)
            state.predictor_sampling.set(row, predictor)

    def _fill_cache(self, cache: KVCache, rows: Sequence[int], prompts: Sequence[Prompt]) -> None:
        """Runs the prompts side by side, left-aligned, in a cache of their own, then copies it into their rows."""
        starts = [prompt.embeddings[:-1] for prompt in prompts]
        x = torch.nn.utils.rnn.pad_sequence(starts, batch_first=True)  # [n, L - 1, D]
        assert x.shape[1] < cache.slots, "the prompt must fit the capacity that init_state was given"
        lengths = torch.tensor([start.shape[0] for start in starts], device=x.device)
        fresh = self.talker.init_state(len(prompts), x.shape[1])
        self.talker(x, fresh, lengths)
        index = torch.tensor(list(rows), device=x.device)
        cache.keys[:, index, :, : x.shape[1]] = fresh.keys
        cache.values[:, index, :, : x.shape[1]] = fresh.values
        cache.position[index] = lengths
        cache.high = int(cache.position.max())

    @torch.inference_mode()
    def feed(self, state: EngineState, row: int, text: Tensor) -> None:
        last = int(state.last[row])
        state.text[row, last + 1] = state.text[row, last]
        state.text[row, last] = text
        state.last[row] += 1

    @torch.inference_mode()
    def step(self, state: EngineState, uniforms: Tensor) -> Tensor:
        codes = torch.zeros(uniforms.shape, dtype=torch.int64, device=state.pending.device)
        moving = state.active.nonzero()
        if len(moving):
            rows = int(moving[-1]) + 1
            part = state if rows == len(codes) else state.first(rows)
            part.cache.high = int(part.cache.position.max())  # a single row looks at all keys below it
            codes[:rows] = self._step(part, uniforms[:rows].to(codes.device))
            state.cache.high = part.cache.high
        return codes

    def _step(self, state: EngineState, uniforms: Tensor) -> Tensor:
        talker = self.talker
        place = torch.minimum(state.frame, state.last)[:, None, None].expand(-1, 1, state.text.shape[2])
        x = state.pending[:, None] + state.text.gather(1, place)  # [B, 1, D]
        moving = state.active.long()
        hidden = talker(x, state.cache, moving)[:, 0]  # [B, D]
        forbidden = self._control.repeat(len(moving), 1)
        forbidden[:, talker.config.codec_eos_token_id] = state.frame < MIN_FRAMES
        logits = constrain(talker.logits(hidden), state.seen, forbidden, state.talker_sampling.penalty)
        code0 = sample(logits, uniforms[:, 0], state.talker_sampling)
        rest = talker.code_predictor.generate(
            hidden, talker.embed_code0(code0), uniforms[:, 1:], state.predictor_sampling, state.predictor_cache
        )
        codes = torch.cat((code0[:, None], rest), dim=1)  # [B, Q]
        state.pending.copy_(torch.where(state.active[:, None], talker.embed_codes(codes[:, None])[:, 0], state.pending))
        drawn = state.seen.gather(1, code0[:, None]) | state.active[:, None]
        state.seen.scatter_(1, code0[:, None], drawn)
        state.frame += moving
        return codes

    @torch.inference_mode()
    def pause(self, state: EngineState, rows: Sequence[int]) -> None:
        state.active[list(rows)] = False

    @torch.inference_mode()
    def resume(self, state: EngineState, rows: Sequence[int]) -> None:
        state.active[list(rows)] = True
        state.cache.high = int(state.cache.position.max())  # which grew with every step that others made

    @torch.inference_mode()
    def move(self, state: EngineState, row: int, target: EngineState, place: int) -> None:
        state.copy_row(row, target, place)
        self.release(state, [row])

    @torch.inference_mode()
    def release(self, state: EngineState, rows: Sequence[int]) -> None:
        index = torch.tensor(list(rows), device=state.active.device)
        state.active[index] = False
        state.frame[index] = 0
        state.cache.reset(index)
