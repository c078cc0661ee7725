"""Trains talker and code predictor on clips whose codes are known, through the very prompts that inference builds.

The hidden state at position p predicts code 0 of position p + 1, and the same hidden state is what the predictor fills that
frame from:

    input    | role, language, voice | text ... eos | bos | f0 | f1 | ... | f(T-1) |
    target   |           -           |       -      | f0  | f1 | f2 | ... |  end   |

One attention head of some layers is shown which part of the text each frame speaks; without it the alignment takes many times
as long to appear. It is a hint for training only, and fades out.
"""

from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from ..errors import DataError
from . import spread
from .alike import Alike
from .beginnings import Beginnings
from .code_losses import code_losses
from .hint import HeadWatch
from .loop import Average, learning_rate
from .talker_batches import Batch, TalkerBatches

AIMED = 512  # first frames that are looked at to find out where a voice can be told


class TalkerTrainer:
    def __init__(self, batches: TalkerBatches, alike: list[Tensor] | None = None) -> None:
        """
        Args:
            batches: whose talker learns, and whose speaker encoder, if there is one, learns along.
            alike: of `told_vectors`: codes that stand for similar vectors learn from each other.
        """
        self.batches, self.talker, self.options, self.device = batches, batches.talker, batches.options, batches.device
        talker, options, ears = self.talker, self.options, batches.speaker_encoder
        self.learning = nn.ModuleDict({"talker": talker} | ({"speaker_encoder": ears} if ears else {}))
        self.alike = None if alike is None else Alike(talker, alike)
        if self.alike is not None:
            self.learning["alike"] = self.alike
        self.beginnings = None
        if options.beginnings:
            if batches.vectors is None or batches.named.all():
                raise DataError("first frames of voices without a name take such clips, and vectors.npy that tells the voices")
            width = batches.config.talker_config.hidden_size
            self.beginnings = Beginnings(np.flatnonzero(~batches.named), batches.vectors, width).to(self.device)
            self.learning["beginnings"] = self.beginnings
        decay = [p for p in self.learning.parameters() if p.ndim > 1]
        rest = [p for p in self.learning.parameters() if p.ndim <= 1]
        groups = [{"params": decay, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=options.peak, betas=(0.9, 0.98))
        self.averages = {name: Average(module) for name, module in self.learning.items()}
        last = len(talker.model.layers) - 1
        guided = {min(number, last) for number in options.guide_layers} if batches.alignment else set()
        layers: list[Any] = [talker.model.layers[number] for number in sorted(guided)]
        self.watched = [HeadWatch(layer.self_attn) for layer in layers]
        if options.compiled:
            torch._dynamo.config.cache_size_limit = 64  # one for each layer
            for layer in [*talker.model.layers, *talker.code_predictor.model.layers]:
                if layer not in layers:  # the hooks of the watched ones stay outside
                    layer.compile(dynamic=True)

    def losses(self, batch: Batch, rng: np.random.Generator) -> dict[str, Tensor]:
        o = self.options
        return code_losses(self.talker, batch.inputs, batch.first, batch.codes, rng, o.predictor_share, o.beginning)

    def starts(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The hidden states that choose clips' first frames [B, D], and these frames [B, Q]."""
        hidden = self.talker(batch.inputs[:, : max(batch.first) + 1])
        return torch.stack([hidden[row, at] for row, at in enumerate(batch.first)]), torch.stack([c[0] for c in batch.codes])

    @torch.no_grad()
    def aim(self, beginnings: Beginnings) -> None:
        rng = np.random.default_rng((self.options.seed, 11))
        batches = (self.batches.assemble(beginnings.some(AIMED // 16, rng), rng) for _ in range(16))
        beginnings.aim(torch.cat([self.starts(batch)[0] for batch in batches]))

    def guide(self, batch: Batch) -> Tensor:
        """How far the watched heads stray: -log of the attention on the part of the text that each frame speaks."""
        alignment = self.batches.alignment
        assert alignment is not None
        total, count = batch.inputs.new_zeros(()), 0
        scores = [watch.scores() for watch in self.watched]
        for b, (part, text) in enumerate(zip(batch.shown, batch.text, strict=True)):
            if text is None:
                continue
            frames, begin, end = len(batch.codes[b]), text.begin, text.begin + len(text.middle)
            places = alignment.places(part.clip, int(self.batches.frames[part.clip]))[part.frames] - part.byte
            near = text.near(places, self.options.guide_slack).to(self.device)
            for heads in scores:
                rows = heads[b, batch.first[b] : batch.first[b] + frames, begin:end]  # [T, text]
                total = total - torch.logsumexp(rows + near, -1).clamp(min=-8).sum()
                count += frames
        return total / max(1, count)

    def step(self, step: int) -> dict[str, float]:
        o = self.options
        if step == 0 and self.beginnings is not None:
            self.aim(self.beginnings)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(step, o.steps, o.peak, 300, floor=0.05)
        self.optimizer.zero_grad(set_to_none=True)
        figures: dict[str, float] = {}
        for part in range(o.accumulate):
            place = (step * o.accumulate + part) * spread.count() + spread.number()
            for name, value in self._learn(place, step).items():
                figures[name] = figures.get(name, 0.0) + value / o.accumulate
        spread.average_gradients(list(self.learning.parameters()))
        norm = nn.utils.clip_grad_norm_(self.learning.parameters(), 1.0)
        if self.alike is not None:
            self.alike.take_gradients()
        self.optimizer.step()
        if self.alike is not None:
            self.alike.give()
        for average in self.averages.values():
            average.update(step)
        return figures | {"norm": norm.item()}

    def _learn(self, place: int, step: int) -> dict[str, float]:
        """Adds a batch's share to the gradients; its losses."""
        o, rng = self.options, np.random.default_rng((self.options.seed, place, 7))
        batch = self.batches.assemble(self.batches.clips(place), rng)
        some = [] if self.beginnings is None else self.beginnings.some(o.beginnings, rng)
        begun = self.batches.assemble(some, rng) if some else None
        # many short rows: on a processor plain products are faster than the fused attention, forwards and back
        attention = sdpa_kernel(SDPBackend.MATH) if self.device.type == "cpu" else nullcontext()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=o.bf16), attention:
            losses = self.losses(batch, rng)
            loss = losses["code0"] + o.predictor_weight * losses["rest"]
            weight = o.guide_weight * max(0.0, 1 - step / o.guide_steps) if self.batches.alignment else 0.0
            if weight:
                losses["guide"] = self.guide(batch)
                loss = loss + weight * losses["guide"]
            if self.beginnings is not None and begun is not None:
                losses["first"], losses["voice"] = self.beginnings.losses(self.talker, *self.starts(begun), some)
                loss = loss + o.predictor_weight * losses["first"] + o.voice_weight * losses["voice"]
        (loss / o.accumulate).backward()
        return {name: value.item() for name, value in losses.items()}

    def state_dict(self) -> dict[str, Any]:
        """Each module's weights by its name, and their averages."""
        weights = {name: module.state_dict() for name, module in self.learning.items()}
        averages = {name: average.values for name, average in self.averages.items()}
        return weights | {"optimizer": self.optimizer.state_dict(), "averages": averages}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.optimizer.load_state_dict(state["optimizer"])
        for name, module in self.learning.items():
            module.load_state_dict(state[name])
            self.averages[name].restore(state["averages"][name])

    def begin_with(self, state: dict[str, Any]) -> None:
        """Takes the averaged weights of an earlier run, and nothing of its optimisers.

        That run may have had fewer codes a frame, and no speaker encoder.

        Raises:
            DataError: its talker was another one, or it had none.
        """
        if "talker" not in state:
            raise DataError(f"the state to begin with is not of a talker: it holds {', '.join(state)}")
        for name, module in self.learning.items():
            if name in state:
                try:
                    lacking, unknown = module.load_state_dict(averaged(state, name), strict=False)
                except RuntimeError as error:  # of other sizes
                    raise DataError(
                        f"the state to begin with is of another {name}: {str(error).splitlines()[-1].strip()}"
                    ) from None
                if unknown or not all(key.startswith("code_predictor.") for key in lacking):
                    raise DataError(f"the state to begin with is of another {name}: {[*unknown, *lacking][:3]}")
                self.averages[name] = Average(module)


def averaged(state: dict[str, Any], name: str = "talker") -> dict[str, Tensor]:
    """The averaged weights that a `TalkerTrainer` left of its talker, or of its speaker encoder."""
    return state[name] | state["averages"][name]
