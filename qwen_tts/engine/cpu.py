"""The language model on a CPU with weights of 8, 6 or 4 bits: one native call a frame, sampling included (native/).

Weights have a scale for every 32 numbers; what they are multiplied with is brought to 8 bits in the same groups. Attention,
norms, rotary positions and the residual stream are in fp32. With 32 bits it is the reference's arithmetic, faster.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from ctypes import addressof, byref, c_void_p

import torch
from torch import Tensor

from ..cores import TAKEN
from ..errors import OptionError
from ..native.compile import library
from ..nn.kv_cache import KVCache
from ..prompt import Prompt
from ..sampling import SamplingRows
from ..talker.talker import Talker
from . import EngineState, bindings
from .bindings import address
from .eager import EagerEngine
from .native_model import NativeModel
from .weight_cache import packed_weights

CHUNK = 64  # positions of prompts that go through the layers at once
SMALL = 64 << 20  # bytes of weights below which threads would wait for each other longer than they work


class CpuEngine(EagerEngine):
    """See `Engine`. Steps of one engine run one after the other, whoever asks for them.

    Args:
        talker: on the CPU, in any dtype; nothing of it is changed, and its matrices are not looked at again.
        bits: of the weights: 4, 6, 8, or 32.
        threads: at most, fewer while other cores are busy; by default as many as PyTorch uses, or one for a small model.
    Raises:
        OptionError: the talker cannot be run by this engine, or there is no compiler for the kernel.
    """

    def __init__(self, talker: Talker, bits: int, threads: int | None = None) -> None:
        if obstacle := unfit(talker):
            raise OptionError(f"the quantised CPU engines cannot run this model ({obstacle}); use engine='eager'")
        super().__init__(talker)
        self._like = torch.empty(0)  # fp32, whatever the talker has
        self._kernel = bindings.load(library())
        weights = packed_weights(talker, bits)
        self._model = NativeModel(talker, bits, weights)
        self.threads = threads or (1 if len(weights) < SMALL else torch.get_num_threads())
        self._helpers = ThreadPoolExecutor(max(1, self.threads - 1), "qwen_tts-engine")
        self._lock = threading.Lock()
        self._team: c_void_p | None = None
        self._room = 0, 0

    def __del__(self) -> None:
        if getattr(self, "_team", None) is not None:
            self._kernel.free_team(self._team)

    def _fill_cache(self, cache: KVCache, rows: Sequence[int], prompts: Sequence[Prompt]) -> None:
        lengths = [prompt.embeddings.shape[0] - 1 for prompt in prompts]
        assert max(lengths) < cache.slots, "the prompt must fit the capacity that init_state was given"
        x = torch.cat([prompt.embeddings[:-1] for prompt in prompts]).float().contiguous()  # [sum of lengths, D]
        of = torch.cat([torch.full((n,), row, dtype=torch.int32) for row, n in zip(rows, lengths, strict=True)])
        positions = torch.cat([torch.arange(n, dtype=torch.int32) for n in lengths])
        with self._lock:
            for start in range(0, len(x), CHUNK):
                part = slice(start, start + CHUNK)
                self.run("talker", cache, x[part], of[part], positions[part])
        cache.position[list(rows)] = torch.tensor(lengths)
        cache.high = int(cache.position.max())

    def _step(self, state: EngineState, uniforms: Tensor) -> Tensor:
        rows = state.active.nonzero()[:, 0].int()
        codes = torch.zeros(uniforms.shape, dtype=torch.int64)
        numbers = uniforms.float().contiguous()
        frame = bindings.Frame(
            count=len(rows), rows=address(rows), cache=_cache(state.cache), predictor_cache=_cache(state.predictor_cache),
            pending=address(state.pending), text=address(state.text), text_stride=state.text.stride(0),
            last=address(state.last), frame=address(state.frame), position=address(state.cache.position),
            seen=address(state.seen), uniforms=address(numbers), codes=address(codes),
            talker=_sampling(state.talker_sampling), predictor=_sampling(state.predictor_sampling),
        )  # fmt: skip
        with self._lock:
            self._gather(2 * len(rows), state.cache.slots)
            self._together(
                lambda thread: self._kernel.run_frame(self._team, byref(self._model.structure), byref(frame), thread)
            )
        state.cache.high = min(state.cache.high + 1, state.cache.slots)
        return codes

    def run(self, stack: str, cache: KVCache, x: Tensor, rows: Tensor, positions: Tensor, hidden: Tensor | None = None) -> None:
        """Tokens go through the layers into the cache. One thread at a time.

        Args:
            stack: "talker" or "predictor".
            x: fp32 [tokens, width of the stack]; tokens of a row in order, and see each other.
            rows, positions: int32 [tokens].
            hidden: fp32 as x, gets the states after the final norm.
        """
        self._gather(len(x), cache.slots)
        where, team, layers = _cache(cache), self._team, getattr(self._model.structure, stack)
        tokens = len(x), address(rows), address(positions), address(x), address(hidden)
        self._together(lambda thread: self._kernel.run_stack(team, byref(layers), byref(where), *tokens, thread))

    def multiply(self, name: str, x: Tensor) -> Tensor:
        """One of the packed matrices (named as in `pack.pieces`) times fp32 vectors [tokens, inputs]. One thread at a time."""
        matrix = self._model.matrix(name)
        out = torch.empty(len(x), matrix.outputs)
        self._gather(len(x), 1)
        numbers, team = x.contiguous(), self._team
        what = len(x), address(numbers), x.shape[1], address(out)
        self._together(lambda thread: self._kernel.run_product(team, byref(matrix), *what, thread))
        return out

    def _gather(self, tokens: int, slots: int) -> None:
        """Sees to it that the team's memory is enough for so many tokens at once, and for a past of so many positions."""
        if tokens <= self._room[0] and slots <= self._room[1]:
            return
        room = max(tokens, CHUNK, self._room[0]), max(slots, self._room[1])
        if self._team is not None:
            self._kernel.free_team(self._team)
        self._team = self._kernel.new_team(byref(self._model.structure), self.threads, *room, addressof(TAKEN))
        if self._team is None:
            raise MemoryError("no memory for the engine's intermediate results")
        self._room = room

    def _together(self, work: Callable[[int], None]) -> None:
        helpers = [self._helpers.submit(work, thread) for thread in range(1, self.threads)]
        work(0)
        wait(helpers)


def unfit(talker: Talker) -> str | None:
    """Why the kernel cannot run a model, if it cannot."""
    if (device := talker.codec_head.weight.device).type != "cpu":
        return f"it is on {device}"
    for config in (talker.model.config, talker.code_predictor.model.config):
        if config.bias:
            return "its attention has biases"
        if config.head_dim > bindings.MOST_HEAD_DIM or config.head_dim % 2:
            return f"its heads are {config.head_dim} wide, not an even number up to {bindings.MOST_HEAD_DIM}"
    if talker.config.vocab_size > bindings.MOST_TOKENS:
        return f"it has {talker.config.vocab_size} codes, more than {bindings.MOST_TOKENS}"
    return None


def _cache(cache: KVCache) -> bindings.Cache:
    layer, row, head, slot, one = cache.keys.stride()
    assert cache.keys.device.type == "cpu" and (head, slot, one) == (cache.slots * slot, cache.keys.shape[4], 1)
    return bindings.Cache(cache.keys.data_ptr(), cache.values.data_ptr(), layer, row, cache.slots)


def _sampling(rows: SamplingRows) -> bindings.Sampling:
    return bindings.Sampling(*(address(t) for t in (rows.do_sample, rows.top_k, rows.temperature, rows.top_p, rows.penalty)))
