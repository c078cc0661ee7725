"""Trains talker and code predictor on clips whose codes are known, through the very prompts that inference builds.

The hidden state at position p predicts code 0 of position p + 1, and the same hidden state is what the predictor fills that
frame from:

    input    | role, language, voice | text ... eos | bos | f0 | f1 | ... | f(T-1) |
    target   |           -           |       -      | f0  | f1 | f2 | ... |  end   |

One attention head of some layers is shown which part of the text each frame speaks; without it the alignment takes many times
as long to appear. It is a hint for training only, and fades out.
"""

import re
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from ..config import ModelConfig
from ..errors import DataError
from ..mel import mel_spectrogram
from ..prompt import Prompt, PromptLayout, build_layout, embed
from ..speaker.ecapa import SpeakerEncoder
from ..talker.talker import Talker
from ..text import TextTokenizer
from . import spread
from .alike import Alike
from .beginnings import Beginnings
from .code_losses import code_losses
from .conceal import conceal
from .data import Alignment, Codes, Pack
from .excerpts import Excerpt, Excerpts, Recording
from .hint import HeadWatch, TextRows
from .loop import Average, learning_rate

AIMED = 512  # first frames that are looked at to find out where a voice can be told


@dataclass(frozen=True, slots=True)
class TalkerOptions:
    steps: int
    tokens: int = 2000  # positions a batch, padding included
    accumulate: int = 1  # batches a step, of each process
    peak: float = 1e-3
    seed: int = 0
    predictor_share: float = 1.0  # of the frames of a batch, chosen at random
    predictor_weight: float = 3.0  # the later codes hold most of the sound
    beginning: float = 1.0  # the later codes of a clip's first frame, which choose the voice, count as those of so many
    beginnings: int = 0  # beside each batch, of so many more clips of described voices the first frame is learned
    voice_weight: float = 10.0  # what is asked of the hidden states there
    streaming_share: float = 0.15  # of the clips, in the layout where text comes while speaking
    guide_layers: tuple[int, ...] = (3, 5)
    guide_weight: float = 0.3
    guide_steps: int = 6000  # the hint fades out until then
    guide_slack: float = 2.0  # bytes of text that a frame's place may be off
    hidden: float = 0.4  # at most so many of a clip's past frames are hidden from the talker, drawn evenly for each clip
    wrong: float = 0.3  # of the hidden frames show another frame instead of nothing
    excerpts: float = 0.15  # of the clips only a run of words is shown, so that short and unfinished texts are known, too
    cloned: float = 0.35  # of the clips are spoken in the voice of a recording, if there is a speaker encoder
    described: float | None = None  # of the speech that is shown is of described voices; None: as much as one speaker of theirs
    in_context: float = 0.5  # of these go on from a recording whose words are known
    vector_noise: float = 0.25  # of given speaker vectors, whose parts are of size 1
    spelled: float = 0.05  # of the words are given letter by letter, so that rare pieces are learned from common words
    bf16: bool = True
    compiled: bool = False


@dataclass(slots=True)
class Batch:
    """Right-padded inputs [B, L, D]; where frames start, where the text's rows lie, codes per row."""

    inputs: Tensor
    first: list[int]  # position whose hidden state predicts frame 0
    text: list[TextRows | None]  # of the layout with all text first
    codes: list[Tensor]
    shown: list[Excerpt]


class TalkerTrainer:
    def __init__(
        self,
        talker: Talker,
        config: ModelConfig,
        text: TextTokenizer,
        pack: Pack,
        codes: Codes,
        options: TalkerOptions,
        alignment: Alignment | None = None,
        guessed: Codes | None = None,
        speaker_encoder: SpeakerEncoder | None = None,
        vectors: np.ndarray | None = None,
        alike: list[Tensor] | None = None,
    ) -> None:
        """
        Args:
            speaker_encoder: learns along, and the talker to take on the voices of recordings; see `voiced`.
            vectors: what a speaker encoder that is taught by itself would say of each clip, [clips, D], instead.
            alike: of `told_vectors`: codes that stand for similar vectors learn from each other.
            alignment: without one, no head is shown anything.
            guessed: the same clips as the talker itself would say them; the past of half of the clips is drawn from there.
        """
        self.talker, self.config, self.text, self.pack, self.codes, self.options = talker, config, text, pack, codes, options
        self.pasts = [codes] if guessed is None else [codes, guessed]
        self.device = talker.model.codec_embedding.weight.device
        self.alignment, self.speaker_encoder, self.vectors = alignment, speaker_encoder, vectors
        self.learning = nn.ModuleDict({"talker": talker} | ({"speaker_encoder": speaker_encoder} if speaker_encoder else {}))
        self.alike = None if alike is None else Alike(talker, alike)
        if self.alike is not None:
            self.learning["alike"] = self.alike
        known, frames = config.talker_config.spk_id, np.diff(codes.start)
        named = np.array([clip.speaker.lower() in known for clip in pack.clips])
        described = np.array([bool(clip.instruct and not clip.speaker) for clip in pack.clips])
        self.beginnings = None
        if options.beginnings:
            if vectors is None or not described.any():
                raise DataError("first frames of described voices take such clips, and vectors.npy that tells their voices")
            self.beginnings = Beginnings(np.flatnonzero(described), vectors, config.talker_config.hidden_size).to(self.device)
            self.learning["beginnings"] = self.beginnings
        decay = [p for p in self.learning.parameters() if p.ndim > 1]
        rest = [p for p in self.learning.parameters() if p.ndim <= 1]
        groups = [{"params": decay, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=options.peak, betas=(0.9, 0.98))
        self.averages = {name: Average(module) for name, module in self.learning.items()}
        last = len(talker.model.layers) - 1
        guided = {min(number, last) for number in options.guide_layers} if alignment else set()
        layers: list[Any] = [talker.model.layers[number] for number in sorted(guided)]
        self.watched = [HeadWatch(layer.self_attn) for layer in layers]
        if options.compiled:
            torch._dynamo.config.cache_size_limit = 64  # one for each layer
            for layer in [*talker.model.layers, *talker.code_predictor.model.layers]:
                if layer not in layers:  # the hooks of the watched ones stay outside
                    layer.compile(dynamic=True)
        self.in_words = named | described  # whose voice can be told without a recording
        usable = self.in_words | (vectors is not None)
        chance = pack.chance(described, options.described) * (usable & (frames > 3))
        chance /= np.array([clip.samples for clip in pack.clips])
        self.often = chance / chance.sum() * np.count_nonzero(chance)  # each clip is drawn, an epoch
        self.frames = frames
        self.excerpts = Excerpts(pack, frames, alignment, getattr(config.speaker_encoder_config, "sample_rate", 24_000))
        self._epoch: tuple[int, list[list[int]]] | None = None
        self._length = len(self.batches(0))

    def batches(self, epoch: int) -> list[list[int]]:
        """The clips of an epoch, `grouped`, in random order."""
        if self._epoch is None or self._epoch[0] != epoch:
            rng = np.random.default_rng((self.options.seed, epoch))
            times = np.floor(self.often + rng.random(len(self.often))).astype(int)
            groups = self.grouped(np.repeat(np.arange(len(times)), times), rng)
            self._epoch = epoch, [groups[i] for i in rng.permutation(len(groups))]
        return self._epoch[1]

    def grouped(self, clips: np.ndarray, rng: np.random.Generator) -> list[list[int]]:
        """Clips of like length together, about `tokens` positions each."""
        texts = np.array([len(self.pack.clips[i].text) for i in clips])
        length = self.frames[clips] * (1 + 0.1 * rng.random(len(clips))) + texts / 2 + 12
        groups: list[list[int]] = []
        group: list[int] = []
        for place in np.argsort(length):
            if group and length[place] * (len(group) + 1) > self.options.tokens:
                groups.append(group)
                group = []
            group.append(int(clips[place]))
        return [*groups, group]

    def clips(self, place: int) -> list[int]:
        """The batch at a place, epoch after epoch. (Epochs differ by a batch or two; the first one's number counts.)"""
        groups = self.batches(place // self._length)
        return groups[place % self._length % len(groups)]

    def voiced(self, clip: int, rng: np.random.Generator) -> tuple[Excerpt, Recording | None]:
        """What is to be spoken of a clip, and the recording whose voice it is spoken in, unless that is told in words."""
        able = (self.speaker_encoder is not None or self.vectors is not None) and self.excerpts.clonable(clip)
        share = self.options.cloned if self.in_words[clip] else 1.0
        if not able or rng.random() >= share:
            return self.excerpts.some(clip, rng, self.options.excerpts), None
        halves = self.excerpts.halves(clip, rng) if rng.random() < self.options.in_context else None
        if halves is not None:
            return halves[1], Recording(self.heard(clip, halves[0], rng), halves[0])
        return self.excerpts.some(clip, rng, self.options.excerpts), Recording(self.heard(clip, None, rng))

    def heard(self, clip: int, part: Excerpt | None, rng: np.random.Generator) -> Tensor:
        """What is heard of the speaker: a part of a clip or some seconds of any, [N]; or its vector, slightly off, [D]."""
        if self.vectors is not None:
            vector = self.vectors[clip]
            off = self.options.vector_noise * rng.normal(size=vector.shape)
            return torch.from_numpy((vector + off * (vector != 0)).astype(np.float32))
        return self.excerpts.recording(clip, rng) if part is None else self.excerpts.wave(part)

    def layout(
        self, shown: Excerpt, recording: Recording | None, rng: np.random.Generator
    ) -> tuple[PromptLayout, TextRows | None]:
        streaming = bool(rng.random() < self.options.streaming_share)
        clip = self.pack.clips[shown.clip]
        ids, spans = self.spell(shown.text, rng)
        language = clip.language if rng.random() < 0.8 else None
        before = recording.spoken if recording else None
        reference = self.text.reference_ids(before.text) if before else []
        layout = build_layout(
            self.config,
            text_ids=ids,
            role_ids=self.text.role_ids,
            instruct_ids=self.text.instruct_ids(clip.instruct) if clip.instruct and not recording else None,
            language=language,
            speaker=None if recording else clip.speaker or None,
            voice=recording is not None,
            reference_ids=reference,
            reference_frames=before.count if before else 0,
            streaming_text=streaming,
        )
        begin = len(layout.instruct) + len(layout.header) + len(reference)
        return layout, None if streaming else TextRows(begin, *torch.tensor(spans).T)

    def prompt(self, layout: PromptLayout, recording: Recording | None) -> Prompt:
        if recording is None:
            return embed(layout, self.talker)
        before, vector = recording.spoken, recording.heard.to(self.device)
        if self.speaker_encoder is not None:
            config = self.speaker_encoder.config
            vector = self.speaker_encoder(mel_spectrogram(vector[None], config.mel_dim, config.sample_rate))[0]
        return embed(layout, self.talker, vector, None if before is None else self.codes.get(before.clip)[before.frames])

    def spell(self, text: str, rng: np.random.Generator) -> tuple[list[int], list[tuple[float, float]]]:
        """Token ids of a text, some of its words letter by letter; the middle and half the length of each, in bytes."""
        ids: list[int] = []
        for word in re.findall(r"\s*\S+", text):
            pieces = list(word) if rng.random() < self.options.spelled else [word]
            ids += [i for piece in pieces for i in self.text.encode(piece)]
        half = np.array(self.text.sizes(ids)) / 2
        return ids, list(zip(np.cumsum(2 * half) - half, half, strict=True))

    def assemble(self, clips: list[int], rng: np.random.Generator) -> Batch:
        voiced = [self.voiced(clip, rng) for clip in clips]
        shown = [part for part, _ in voiced]
        codes = [self.codes.get(part.clip)[part.frames].to(self.device) for part in shown]
        past = [self.pasts[int(rng.integers(len(self.pasts)))].get(part.clip)[part.frames] for part in shown]
        padded = nn.utils.rnn.pad_sequence(past, batch_first=True).to(self.device)
        frames = conceal(self.talker.embed_codes(padded), rng, self.options.hidden, self.options.wrong)  # [B, T, D]
        inputs, first, text = [], [], []
        for row, (part, recording) in enumerate(voiced):
            layout, place = self.layout(part, recording, rng)
            prompt = self.prompt(layout, recording)
            inputs.append(prompt.teacher_forced(frames[row, : len(codes[row])]))
            first.append(len(layout.rows) - 1)
            text.append(place)
        return Batch(nn.utils.rnn.pad_sequence(inputs, batch_first=True), first, text, codes, shown)

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
        batches = (self.assemble(beginnings.some(AIMED // 16, rng), rng) for _ in range(16))
        beginnings.aim(torch.cat([self.starts(batch)[0] for batch in batches]))

    def guide(self, batch: Batch) -> Tensor:
        """How far the watched heads stray: -log of the attention on the part of the text that each frame speaks."""
        assert self.alignment is not None
        total, count = batch.inputs.new_zeros(()), 0
        scores = [watch.scores() for watch in self.watched]
        for b, (part, text) in enumerate(zip(batch.shown, batch.text, strict=True)):
            if text is None:
                continue
            frames, begin, end = len(batch.codes[b]), text.begin, text.begin + len(text.middle)
            places = self.alignment.places(part.clip, int(self.frames[part.clip]))[part.frames] - part.byte
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
        batch = self.assemble(self.clips(place), rng)
        some = [] if self.beginnings is None else self.beginnings.some(o.beginnings, rng)
        begun = self.assemble(some, rng) if some else None
        # many short rows: on a processor plain products are faster than the fused attention, forwards and back
        attention = sdpa_kernel(SDPBackend.MATH) if self.device.type == "cpu" else nullcontext()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=o.bf16), attention:
            losses = self.losses(batch, rng)
            loss = losses["code0"] + o.predictor_weight * losses["rest"]
            weight = o.guide_weight * max(0.0, 1 - step / o.guide_steps) if self.alignment else 0.0
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
            DataError: its talker was another one.
        """
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
