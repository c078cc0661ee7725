"""What a talker is shown: which clips, as which texts, voices and frames, laid out as the prompts that inference builds."""

import re
import warnings
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ..config import ModelConfig
from ..errors import DataError
from ..mel import mel_spectrogram
from ..prompt import Prompt, PromptLayout, build_layout, embed, resolve_language
from ..speaker.ecapa import SpeakerEncoder
from ..talker.talker import Talker
from ..text import TextTokenizer
from .conceal import conceal
from .data import Alignment, Codes, Pack
from .excerpts import Excerpt, Excerpts, Recording
from .hint import TextRows
from .matching import check
from .talker_options import TalkerOptions


@dataclass(slots=True)
class Batch:
    """Right-padded inputs [B, L, D]; where frames start, where the text's rows lie, codes per row."""

    inputs: Tensor
    first: list[int]  # position whose hidden state predicts frame 0
    text: list[TextRows | None]  # of the layout with all text first
    codes: list[Tensor]
    shown: list[Excerpt]


class TalkerBatches:
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
        heard: Codes | None = None,
    ) -> None:
        """
        Args:
            talker: whose embeddings prompts are made of.
            alignment: without one, only whole clips are shown, and no head is shown where to look.
            guessed: the same clips as the talker itself would say them; the past of half of the clips is drawn from there.
            speaker_encoder: hears the voices of recordings; see `voiced`.
            vectors: what a speaker encoder that is taught by itself would say of each clip, [clips, D], instead.
            heard: the same clips as a codec hears them, for speech to go on from; from those without frames there none does.
        Raises:
            DataError: there is no clip whose voice can be told, or something is not of the pack's clips.
            OptionError: the config does not know the language of a clip.
        """
        check(pack, codes, alignment, vectors, guessed, heard)
        self.talker, self.config, self.text, self.pack, self.codes, self.options = talker, config, text, pack, codes, options
        self.pasts = [codes] if guessed is None else [codes, guessed]
        self.device = talker.model.codec_embedding.weight.device
        self.alignment, self.speaker_encoder, self.vectors = alignment, speaker_encoder, vectors
        self.frames = np.diff(codes.start)
        self.named = np.array([clip.speaker.lower() in config.talker_config.spk_id for clip in pack.clips])
        self.described = np.array([bool(clip.instruct and not clip.speaker) for clip in pack.clips])
        self.in_words = self.named | self.described  # whose voice can be told without a recording
        usable = self.in_words | (vectors is not None)
        by_name = None if vectors is None else config.talker_config.spk_id  # voices that only vectors tell count as one
        chance = pack.chance(self.described, options.described, by_name) * (usable & (self.frames > 3))
        if not chance.any():
            names = ", ".join(config.talker_config.spk_id) or "no names"
            raise DataError(
                f"no clip can be learned from: it takes more than 3 frames, and a speaker of the config (spk_id: {names}) or a "
                "description and no speaker"
            )
        chance /= np.array([clip.samples for clip in pack.clips])
        for language in {clip.language for clip in pack.clips}:
            resolve_language(config, language)
        strange = sorted({clip.speaker for clip, can in zip(pack.clips, usable, strict=True) if not can})
        if strange:
            never = np.count_nonzero(~usable)
            warnings.warn(
                f"clips that are never shown: {never}; the config has no speaker {', '.join(map(repr, strange[:5]))}",
                stacklevel=2,
            )
        self.often = chance / chance.sum() * np.count_nonzero(chance)  # each clip is drawn, an epoch
        self.references = codes if heard is None else heard
        rate = getattr(config.speaker_encoder_config, "sample_rate", 24_000)
        if speaker_encoder is not None:
            pack.check_rate(rate)
        self.excerpts = Excerpts(pack, self.frames, alignment, rate, np.diff(self.references.start) > 0)
        self._epoch: tuple[int, list[list[int]]] | None = None
        self._length = len(self.epoch(0))

    def epoch(self, number: int) -> list[list[int]]:
        """The clips of an epoch, `grouped`, in random order."""
        if self._epoch is None or self._epoch[0] != number:
            rng = np.random.default_rng((self.options.seed, number))
            times = np.floor(self.often + rng.random(len(self.often))).astype(int)
            groups = self.grouped(np.repeat(np.arange(len(times)), times), rng)
            self._epoch = number, [groups[i] for i in rng.permutation(len(groups))]
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
        groups = self.epoch(place // self._length)
        return groups[place % self._length % len(groups)]

    def voiced(self, clip: int, rng: np.random.Generator) -> tuple[Excerpt, Recording | None]:
        """What is to be spoken of a clip, and the recording whose voice it is spoken in, unless that is told in words."""
        able = (self.speaker_encoder is not None or self.vectors is not None) and self.excerpts.clonable(clip)
        share = self.options.cloned if self.in_words[clip] else 1.0
        if not able or rng.random() >= share:
            return self.excerpts.some(clip, rng, self.options.excerpts), None
        found = self.excerpts.before(clip, rng) if rng.random() < self.options.in_context else None
        if found is not None:
            before, after = found
            return after, Recording(self.heard(before.clip, before, rng), before)
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
        return embed(layout, self.talker, vector, None if before is None else self.references.get(before.clip)[before.frames])

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
