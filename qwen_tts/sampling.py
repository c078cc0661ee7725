"""From logits to one token: the official filters in the official order, then the inverse of the distribution function.

The random numbers come in as arguments (one number in [0, 1) a token), so every engine, batch size and chunking draws the same
tokens from the same seed. Order (Hugging Face transformers 4.57): repetition penalty and forbidden ids (`constrain`), then
temperature, top-k, top-p, softmax (`sample`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import torch
from torch import Tensor

from .errors import OptionError


@dataclass(frozen=True, slots=True)
class SamplingOptions:
    """How one row is sampled.

    Attributes:
        do_sample: False takes the most likely token; temperature, top_k and top_p then mean nothing.
        temperature: divides the logits; above 0.
        top_k: only tokens at least as likely as the k-th (ties all stay); 0 keeps all.
        top_p: only the most likely tokens that together reach this probability; 1.0 keeps all.
        repetition_penalty: divides positive and multiplies negative logits of tokens that were drawn before; 1.0 does nothing.
    Raises:
        OptionError: a value is out of range.
    """

    do_sample: bool = True
    temperature: float = 0.9
    top_k: int = 50
    top_p: float = 1.0
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.temperature < float("inf"):
            raise OptionError(f"temperature must be above 0, not {self.temperature}; do_sample=False takes the likeliest token")
        if self.top_k < 0:
            raise OptionError(f"top_k must be 0 (off) or more, not {self.top_k}")
        if not 0 < self.top_p <= 1:
            raise OptionError(f"top_p must be above 0 and at most 1 (off), not {self.top_p}")
        if not 0 < self.repetition_penalty < float("inf"):
            raise OptionError(f"repetition_penalty must be above 0 (1 is off), not {self.repetition_penalty}")


class SamplingPlan(NamedTuple):
    """What the host must know of B rows before a token is drawn: what any of them needs. More than they need changes nothing.

    draws: not the likeliest token in every row. widest: top-k looks at so many of the greatest logits; 0: no row has one, None:
    at all of them. nucleus: some row has a top-p.
    """

    draws: bool
    widest: int | None
    nucleus: bool


class SamplingRows:
    """The options of B rows as tensors [B] of fixed shape; a row's options can be replaced in place."""

    def __init__(self, options: Sequence[SamplingOptions], device: torch.device | str = "cpu") -> None:
        self.options = list(options)
        count = len(self.options)
        self.do_sample = torch.empty(count, dtype=torch.bool, device=device)
        self.top_k = torch.empty(count, dtype=torch.int64, device=device)
        self.temperature, self.top_p, self.penalty = (torch.empty(count, device=device) for _ in range(3))
        for row, chosen in enumerate(self.options):
            self.set(row, chosen)

    def set(self, row: int, options: SamplingOptions) -> None:
        """From now on row `row` is sampled with `options`."""
        self.options[row] = options
        self.do_sample[row] = options.do_sample
        self.temperature[row] = options.temperature
        self.top_k[row] = options.top_k
        self.top_p[row] = options.top_p
        self.penalty[row] = options.repetition_penalty

    def first(self, count: int) -> Self:
        """The first `count` rows: views, so what is `set` later shows in them, `options` and `plan` apart."""
        made = object.__new__(type(self))
        made.options = self.options[:count]
        made.do_sample, made.top_k, made.temperature, made.top_p, made.penalty = (
            tensor[:count] for tensor in (self.do_sample, self.top_k, self.temperature, self.top_p, self.penalty)
        )
        return made

    def plan(self) -> SamplingPlan:
        """For the options as they are now."""
        sampled = [o for o in self.options if o.do_sample]
        widest = max((o.top_k for o in sampled), default=0)
        every = all(o.top_k for o in sampled)
        return SamplingPlan(bool(sampled), widest if every or not widest else None, any(o.top_p < 1 for o in sampled))


def constrain(logits: Tensor, seen: Tensor, forbidden: Tensor, penalty: Tensor) -> Tensor:
    """The filters that greedy choice also obeys.

    Args:
        logits: [B, V].
        seen: tokens that the row drew before, bool [B, V]; each is penalised once.
        forbidden: tokens that must not come now, bool [B, V] or [V].
        penalty: [B].
    Returns:
        logits in fp32, forbidden ones at minus infinity, [B, V].
    """
    logits, factor = logits.float(), penalty[:, None]
    punished = torch.where(logits < 0, logits * factor, logits / factor)
    return torch.where(seen, punished, logits).masked_fill(forbidden, float("-inf"))


def sample(logits: Tensor, uniform: Tensor, rows: SamplingRows, plan: SamplingPlan | None = None) -> Tensor:
    """Draws one token a row: the first whose cumulative probability, in order of token ids, exceeds the row's number.

    Args:
        logits: [B, V], any float dtype (computed in fp32); minus infinity = forbidden.
        uniform: fp32 numbers in [0, 1), [B].
        rows: the options of the B rows.
        plan: theirs (None), or one that asks for more; with one, the host's copy of the options is not looked at.
    Returns:
        token ids, int64 [B].
    """
    plan = rows.plan() if plan is None else plan
    logits = logits.float()
    likeliest = logits.argmax(dim=-1)
    if not plan.draws:
        return likeliest
    logits = logits / rows.temperature[:, None]
    if plan.widest != 0:
        logits = _keep_top_k(logits, rows.top_k, plan.widest)
    if plan.nucleus:
        logits = _keep_top_p(logits, rows.top_p)
    probabilities = logits.softmax(dim=-1)
    cumulative = probabilities.cumsum(dim=-1)
    # The total is not exactly 1, and a parallel sum may waver by a rounding error: measure against the greatest sum, and
    # never choose a token of probability zero.
    above = cumulative > uniform[:, None] * cumulative.amax(dim=-1, keepdim=True)
    drawn = (above & (probabilities > 0)).int().argmax(dim=-1)  # the first that is
    return torch.where(rows.do_sample, drawn, likeliest)


def _keep_top_k(logits: Tensor, top_k: Tensor, widest: int | None) -> Tensor:
    """Sets what is below the row's k-th greatest to minus infinity. `widest`: see `SamplingPlan`."""
    count = logits.shape[-1]
    greatest = logits.topk(count if widest is None else min(widest, count), dim=-1).values
    place = torch.where(top_k > 0, top_k, count).clamp(max=greatest.shape[-1]) - 1
    least = greatest.gather(1, place[:, None])
    return logits.masked_fill(logits < least, float("-inf"))


def _keep_top_p(logits: Tensor, top_p: Tensor) -> Tensor:
    """Drops the least likely tokens as long as their probabilities together stay within 1 - top_p; one always stays."""
    ascending, order = logits.sort(dim=-1, stable=True)
    dropped = ascending.softmax(dim=-1).cumsum(dim=-1) <= (1 - top_p)[:, None]
    dropped[:, -1] = False
    return logits.masked_fill(torch.zeros_like(dropped).scatter(1, order, dropped), float("-inf"))
