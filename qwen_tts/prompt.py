"""What the talker reads before it speaks: first as plain data (a table of ids), then as embeddings.

    [instruct] | header: role, thinking tags, language, speaker | body: text and codec side by side | then one row a frame

A row is the sum of a text embedding and a codec embedding; either may be absent. What text the body leaves over is trailing
text: one more id joins each later frame's row, then tts_pad for ever. `docs/prompt-layout.md` draws every case.
Generation and training both build their inputs here.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from .config import ModelConfig
from .errors import ConfigError, OptionError, TextError
from .talker.talker import Talker


class Frame(NamedTuple):
    """Stands for the sum of the code embeddings of one reference frame."""

    index: int


CodecEntry = int | Literal["speaker"] | Frame  # a codec id, the voice's speaker vector, or a reference frame


class Row(NamedTuple):
    """One position: a text token id, and what stands beside it."""

    text: int | None
    codec: CodecEntry | None


@dataclass(frozen=True, slots=True)
class PromptLayout:
    """A prompt before embedding. `trailing` holds text ids for frames 0, 1, ..; later frames take `pad`."""

    instruct: tuple[Row, ...]
    header: tuple[Row, ...]
    body: tuple[Row, ...]
    trailing: tuple[int, ...]
    pad: int
    text_tokens: int  # how many ids of the text to speak, for whoever bounds the length of speech

    @property
    def rows(self) -> tuple[Row, ...]:
        return self.instruct + self.header + self.body

    def table(self, config: ModelConfig | None = None) -> list[tuple[str, str, str]]:
        """Printable rows (part, text, codec); with a config, control ids appear by name."""
        text, codec = ({}, {}) if config is None else _names(config)
        parts = (("instruct", self.instruct), ("header", self.header), ("body", self.body))
        lines = [(part, _show(row.text, text), _show(row.codec, codec)) for part, rows in parts for row in rows]
        return lines + [("trailing", _show(i, text), f"frame {n}") for n, i in enumerate(self.trailing)]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt as embeddings: of its L rows [L, D], of the G trailing text ids [G, D], and of tts_pad [D]."""

    embeddings: Tensor
    trailing: Tensor
    pad: Tensor
    text_tokens: int

    def step_text(self, frames: int) -> Tensor:
        """The text part of the rows of frames 0 .. frames - 1: [frames, D]."""
        missing = max(frames - self.trailing.shape[0], 0)
        return torch.cat((self.trailing[:frames], self.pad.expand(missing, -1)))

    def teacher_forced(self, frames: Tensor) -> Tensor:
        """The talker's whole input when the T frames are known.

        Args:
            frames: `talker.embed_codes` of them, [T, D].
        Returns:
            [L + T, D]. The hidden state at L - 1 + t predicts frame t, and the last one predicts the end of speech.
        """
        return torch.cat((self.embeddings, frames + self.step_text(frames.shape[0])))


def supported_languages(config: ModelConfig) -> list[str]:
    """Names that `language` may have, sorted: "auto" and those of the config. Dialects come with their speakers."""
    return ["auto", *sorted(name for name in config.talker_config.codec_language_id if "dialect" not in name)]


def supported_speakers(config: ModelConfig) -> list[str]:
    """Names of the preset voices, sorted; empty for a model that has none."""
    return sorted(config.talker_config.spk_id)


def resolve_speaker(config: ModelConfig, speaker: str) -> int:
    """The codec id of a preset voice, whatever the case of its name.

    Raises:
        OptionError: the model has no such voice; the message lists those it has.
    """
    known = config.talker_config.spk_id
    if not isinstance(speaker, str) or speaker.lower() not in known:
        legal = ", ".join(supported_speakers(config)) or "no preset voices"
        raise OptionError(f"unknown speaker {speaker!r}; this model has {legal}")
    return known[speaker.lower()]


def resolve_language(config: ModelConfig, language: str | None, speaker: str | None = None) -> int | None:
    """The codec id of a language; None lets the model tell from the text. None and "auto" (any case) mean the same.

    A preset voice that speaks a dialect brings it along where the language is Chinese or not given.

    Raises:
        OptionError: the model does not know the language; the message lists those it knows.
    """
    talker, name = config.talker_config, "auto" if language is None else language.lower()
    if name not in (legal := supported_languages(config)):
        raise OptionError(f"unknown language {language!r}; this model speaks {', '.join(legal)}")
    dialect = talker.spk_is_dialect.get(speaker.lower()) if speaker else None
    if dialect and name in ("auto", "chinese"):
        if dialect not in talker.codec_language_id:
            raise ConfigError(f"spk_is_dialect gives {speaker} the dialect {dialect!r}, which codec_language_id does not hold")
        name = dialect
    return None if name == "auto" else talker.codec_language_id[name]


def build_layout(
    config: ModelConfig, *, text_ids: list[int], role_ids: list[int], instruct_ids: list[int] | None = None,
    language: str | None = None, speaker: str | None = None, voice: bool = False, reference_ids: list[int] | None = None,
    reference_frames: int = 0, streaming_text: bool, more_text: bool = False,
) -> PromptLayout:  # fmt: skip
    """Lays out the prompt of one utterance.

    Args:
        config: the model's.
        text_ids, role_ids, instruct_ids, reference_ids: from `TextTokenizer`.
        language: a name of `supported_languages`; None for "auto".
        speaker: a preset voice.
        voice: a speaker vector will be given to `embed`.
        reference_ids, reference_frames: transcript and number of frames of the speech to go on from (cloning in context).
        streaming_text: text and codec side by side, as if the text came while speaking; else all text comes first.
        more_text: the text goes on after `text_ids`, which hold at least `ids_before_speech`: tts_eos is not laid out.
    Raises:
        OptionError: unknown speaker or language, two voices, or a reference without its transcript (or the reverse).
        TextError: there is no text, or more than fits the model's context.
        ConfigError: the ids are not of this model's vocabulary.
    """
    if [config.im_start_token_id, config.assistant_token_id] != role_ids[:2] or len(role_ids) != 3:
        raise ConfigError(
            f"the tokenizer's role ids {role_ids} do not fit im_start_token_id, assistant_token_id of config.json"
        )
    if not text_ids:
        raise TextError("there is no text to speak")
    if voice and speaker is not None:
        raise OptionError("give a preset speaker or a speaker vector, not both")
    if bool(reference_ids) != bool(reference_frames):
        raise OptionError("cloning in context needs both the reference's codes and its transcript")
    entries = _codec_header(config, language, speaker, voice)
    text = [*(reference_ids or []), *text_ids] + [config.tts_eos_token_id] * (not more_text)
    assert not more_text or (streaming_text and len(text_ids) >= ids_before_speech(reference_ids, reference_frames))
    body, trailing = _body(config, text, reference_frames, streaming_text)
    trailing = trailing if more_text else trailing or [config.tts_pad_token_id]
    layout = PromptLayout(
        instruct=tuple(Row(i, None) for i in instruct_ids or []),
        header=(*(Row(i, None) for i in role_ids), *_header_rows(config, entries)),
        body=tuple(body), trailing=tuple(trailing), pad=config.tts_pad_token_id, text_tokens=len(text_ids),
    )  # fmt: skip
    needed, limit = len(layout.rows) + len(layout.trailing), config.talker_config.max_position_embeddings
    if needed >= limit:
        raise TextError(f"the text needs {needed} positions and the model has {limit}; speak it in parts")
    return layout


def ids_before_speech(reference_ids: list[int] | None, reference_frames: int) -> int:
    """How many ids of the text stand beside the reference (or codec_bos alone) in the streaming layout: the body's share."""
    return max(1 + reference_frames - len(reference_ids or []), 1)


def _codec_header(config: ModelConfig, language: str | None, speaker: str | None, voice: bool) -> list[CodecEntry]:
    """Thinking tags with the language, the voice, and the pad below tts_bos. (codec_bos, which comes next, opens the body.)"""
    talker, language_id = config.talker_config, resolve_language(config, language, speaker)
    entries: list[CodecEntry] = [talker.codec_nothink_id, talker.codec_think_bos_id, talker.codec_think_eos_id]
    if language_id is not None:
        entries = [talker.codec_think_id, talker.codec_think_bos_id, language_id, talker.codec_think_eos_id]
    if speaker is not None:
        entries.append(resolve_speaker(config, speaker))
    elif voice:
        entries.append("speaker")
    return [*entries, talker.codec_pad_id]


def _header_rows(config: ModelConfig, entries: list[CodecEntry]) -> list[Row]:
    text = [config.tts_pad_token_id] * (len(entries) - 1) + [config.tts_bos_token_id]
    return [Row(t, c) for t, c in zip(text, entries, strict=True)]


def _body(config: ModelConfig, text: list[int], reference_frames: int, streaming_text: bool) -> tuple[list[Row], list[int]]:
    """The body's rows and the trailing text. `text` is the reference's transcript, the text, and tts_eos.

        text first   t0  t1  t2  eos pad pad pad     side by side   t0  t1  t2 | eos pad ..  (| = first generated frame)
                     pad pad pad pad bos f0  f1                     bos f0  f1 | g0  g1 ..
    """  # fmt: skip
    pad, codec_pad = config.tts_pad_token_id, config.talker_config.codec_pad_id
    speech: list[CodecEntry] = [config.talker_config.codec_bos_id, *(Frame(t) for t in range(reference_frames))]
    if not streaming_text:
        return [Row(t, codec_pad) for t in text] + [Row(pad, c) for c in speech], []
    beside = text[: len(speech)] + [pad] * (len(speech) - len(text))
    return [Row(t, c) for t, c in zip(beside, speech, strict=True)], text[len(speech) :]


def embed(
    layout: PromptLayout, talker: Talker, speaker_vector: Tensor | None = None, reference_codes: Tensor | None = None
) -> Prompt:
    """Turns a layout into embeddings; gradients flow to whatever made them.

    Args:
        layout: from `build_layout`.
        talker: whose embeddings to use.
        speaker_vector: [D], for a layout with `voice=True`.
        reference_codes: int [T, Q], for a layout with `reference_frames=T`.
    Raises:
        OptionError: the speaker vector or the reference codes have another size than the model's.
    """
    rows, table = layout.rows, talker.model.codec_embedding.weight
    text = talker.embed_text(_ids([row.text or 0 for row in rows] + list(layout.trailing) + [layout.pad], table))
    spoken = torch.tensor([row.text is not None for row in rows], device=table.device)
    total = text[: len(rows)] * spoken[:, None]  # [L, D]
    codec = [(n, row.codec) for n, row in enumerate(rows) if isinstance(row.codec, int)]
    total = total.index_add(0, _ids([n for n, _ in codec], table), talker.embed_code0(_ids([c for _, c in codec], table)))
    speakers = [n for n, row in enumerate(rows) if row.codec == "speaker"]
    if speakers:
        total = total.index_add(0, _ids(speakers, table), _checked_vector(speaker_vector, table)[None])
    frames = [n for n, row in enumerate(rows) if isinstance(row.codec, Frame)]
    if frames:
        codes = _checked_codes(reference_codes, len(frames), talker).to(table.device)
        total = total.index_add(0, _ids(frames, table), talker.embed_codes(codes[None])[0])
    return Prompt(total, text[len(rows) : -1], text[-1], layout.text_tokens)


def _ids(values: list[int], like: Tensor) -> Tensor:
    return torch.tensor(values, dtype=torch.int64, device=like.device)


def _checked_vector(vector: Tensor | None, table: Tensor) -> Tensor:
    if vector is None or vector.shape != table.shape[1:]:
        found = "none" if vector is None else f"one of shape {list(vector.shape)}"
        raise OptionError(f"the prompt needs a speaker vector of {table.shape[1]} numbers, found {found} (of another model?)")
    return vector.to(table)


def _checked_codes(codes: Tensor | None, frames: int, talker: Talker) -> Tensor:
    wanted = [frames, talker.config.num_code_groups]
    if codes is None or list(codes.shape) != wanted:
        found = "none" if codes is None else f"codes of shape {list(codes.shape)}"
        raise OptionError(f"the prompt needs reference codes of shape {wanted}, found {found}")
    return codes


def _names(config: ModelConfig) -> tuple[dict[int, str], dict[int, str]]:
    talker = config.talker_config
    text = {
        config.im_start_token_id: "im_start", config.im_end_token_id: "im_end", config.assistant_token_id: "assistant",
        config.tts_pad_token_id: "tts_pad", config.tts_bos_token_id: "tts_bos", config.tts_eos_token_id: "tts_eos",
    }  # fmt: skip
    codec = {
        talker.codec_pad_id: "pad", talker.codec_bos_id: "bos", talker.codec_think_id: "think",
        talker.codec_nothink_id: "nothink", talker.codec_think_bos_id: "think_bos", talker.codec_think_eos_id: "think_eos",
    }  # fmt: skip
    codec |= {i: name for name, i in talker.codec_language_id.items()} | {i: name for name, i in talker.spk_id.items()}
    return text, codec


def _show(entry: int | str | Frame | None, names: dict[int, str]) -> str:
    if entry is None:
        return "-"
    if isinstance(entry, Frame):
        return f"frame {entry.index}"
    return names.get(entry, str(entry)) if isinstance(entry, int) else entry
