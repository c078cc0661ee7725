"""From the arguments of a call to utterances: what holds for all texts is spread over them, and everything is checked."""

import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from numbers import Integral, Real
from typing import Any, TypedDict, cast

import torch

from .checkpoint import LoadedModel
from .errors import OptionError, TextError
from .incoming import incoming_ids
from .open_prompt import OpenPrompt
from .prompt import build_layout, embed, resolve_language
from .reading.options import Reading
from .stream import Utterance
from .talker.options import GenerationOptions
from .tempo import check_speed
from .voice import VoiceClonePromptItem, check_voice

Text = str | Iterator[str] | AsyncIterator[str]  # whole, or in pieces that are still coming (the last for astream_* only)
Texts = Text | list[str] | list[Iterator[str]] | list[AsyncIterator[str]] | list[Text]

CALLS = {
    "custom_voice": "generate_custom_voice(text, speaker)",
    "voice_design": "generate_voice_design(text, instruct)",
    "base": "generate_voice_clone(text, ref_audio=..., ref_text=...)",
}
# Control characters are never spoken. White space stays, and so do the joiners that emoji and some scripts need.
SILENT = dict.fromkeys(c for c in (*range(0x20), *range(0x7F, 0xA0), 0xFEFF) if not chr(c).isspace())


class GenerationKeywords(TypedDict, total=False):
    """Keywords of every `generate_*` and `stream_*` call.

    The first ten are official; None, or leaving one out, means as the model's files say. `seed`: the same seed gives the same
    audio; of a batch, text i takes seed + i, or the i-th of a list. `frames_per_token`, `stop_loops`, `max_silence` (seconds)
    say when speech that runs away is ended: see `GenerationOptions` and `Utterance`. `speed`: 0.5 to 2, at the same pitch;
    needs the extra `qwen-tts[speed]`.
    `reading`: read the text before it is spoken, see `docs/long-text.md`: a `Reading`, True or False; None means True for
    the built-in model, which knows no digits, and False for the released ones. Text that is still coming is never read.
    """

    do_sample: bool | None
    temperature: float | None
    top_k: int | None
    top_p: float | None
    repetition_penalty: float | None
    subtalker_dosample: bool | None
    subtalker_temperature: float | None
    subtalker_top_k: int | None
    subtalker_top_p: float | None
    max_new_tokens: int | None
    seed: int | Sequence[int] | None
    frames_per_token: float | None
    stop_loops: bool
    max_silence: float | None
    speed: float
    reading: Reading | bool | None


def require(model: LoadedModel, kind: str) -> None:
    """Raises OptionError, with the call that fits, unless the model is of this kind."""
    found = model.config.tts_model_type
    if found != kind:
        raise OptionError(f"this is a {found} model, the call needs a {kind} one; with this model call {CALLS[found]}")


def texts(text: Texts) -> list[str | Iterator[str]]:
    """What to say, one or several, without control characters.

    Raises:
        TextError: an empty list, or something that is neither a string nor an iterator of strings.
    """
    several = text if isinstance(text, list) else [text]
    if not several:
        raise TextError("there is no text to speak: the list is empty")
    return [t.translate(SILENT) if isinstance(t, str) else _pieces(t) for t in several]


def _pieces(text: Iterator[str] | AsyncIterator[str]) -> Iterator[str]:
    if isinstance(text, AsyncIterator):
        raise TextError("text that comes from an async iterator is spoken by the calls that begin with astream_")
    if not isinstance(text, Iterator):
        raise TextError(f"a text must be a string, not {type(text).__name__}")
    return map(_piece, text)


def _piece(text: str) -> str:
    if not isinstance(text, str):
        raise TextError(f"the pieces of a text must be strings, not {type(text).__name__}")
    return text.translate(SILENT)


def each(name: str, value: Any, count: int, of: str = "text") -> list[Any]:
    """One value for all, or a list with one for each.

    Raises:
        OptionError: the list has another length; the message gives both.
    """
    values = value if isinstance(value, list) else [value]
    if len(values) == 1:
        return values * count
    if len(values) != count:
        raise OptionError(f"{of} has {count} item{'s' * (count != 1)}, {name} has {len(values)}; give one, or {count}")
    return values


def instruction(instruct: str | None) -> str | None:
    """What it asks for, without control characters; None where there is nothing in it."""
    if instruct is None or isinstance(instruct, str):
        said = (instruct or "").translate(SILENT)
        return said if said.strip() else None
    raise OptionError(f"an instruction must be a string, not {type(instruct).__name__}")


def instruct_ids(model: LoadedModel, instruct: str | None) -> list[int] | None:
    """An instruction's ids; None where there is nothing in it."""
    said = instruction(instruct)
    return None if said is None else model.text.instruct_ids(said)


def utterances(
    model: LoadedModel,
    spoken: list[str | Iterator[str]],
    language: Any,
    layouts: list[dict[str, Any]],
    non_streaming_mode: bool,
    keywords: GenerationKeywords,
    voices: list[VoiceClonePromptItem] | None = None,
    anchors: Sequence[tuple[str, Any] | None] | None = None,
) -> list[Utterance]:
    """Builds one utterance for each text.

    Args:
        spoken: from `texts`.
        language: a name, None, or a list.
        layouts: what else `build_layout` is told about each text.
        non_streaming_mode: all text before the speech; but text that is still coming is always laid beside it.
        keywords: of the call.
        voices: one for each text, or None.
        anchors: for each text what it goes on from: (text, codes int [T, Q]) or None.
    Raises:
        TextError, OptionError: see `build_layout` and `GenerationOptions`.
    """
    options, seeds, rest = _options(model, len(spoken), keywords)
    made = []
    for i, name in enumerate(languages_for(model, language, len(spoken))):
        arrangement = {"role_ids": model.text.role_ids, "language": name, **layouts[i]}
        vector, reference = None, None
        if voices is not None:
            vector, reference = voices[i].ref_spk_embedding, voices[i].ref_code if voices[i].icl_mode else None
        if anchors is not None and (anchor := anchors[i]) is not None:
            reference = torch.as_tensor(anchor[1])
            arrangement |= {"reference_ids": model.text.reference_ids(anchor[0]), "reference_frames": len(reference)}
        text = spoken[i]
        if isinstance(text, str):
            ids = model.text.target_ids(text)
            layout = build_layout(model.config, text_ids=ids, streaming_text=not non_streaming_mode, **arrangement)
            prompt = embed(layout, model.talker, vector, reference)
        else:
            ids = incoming_ids(model.text, text)
            prompt = OpenPrompt(model.config, model.talker, ids, vector, reference, **arrangement)
        made.append(Utterance(prompt, options, seeds[i], reference, **rest))
    return made


def languages_for(model: LoadedModel, language: Any, count: int) -> list[str | None]:
    """The language of each of a call's texts. Raises OptionError where the model does not know it."""
    names = each("language", language, count)
    for name in names:
        if name is not None and not isinstance(name, str):
            raise OptionError(f"a language must be a string, not {type(name).__name__}")
        resolve_language(model.config, name)
    return names


def voice_layout(model: LoadedModel, voice: VoiceClonePromptItem) -> dict[str, Any]:
    """What `build_layout` is told about a voice.

    Raises:
        OptionError: it is no voice, or one of another model.
    """
    if not isinstance(voice, VoiceClonePromptItem):
        raise OptionError(f"voice_clone_prompt must hold VoiceClonePromptItem, not {type(voice).__name__}")
    check_voice(voice, model)
    if not voice.icl_mode:
        return {"voice": True}
    assert voice.ref_code is not None and voice.ref_text is not None
    return {"voice": True, "reference_ids": model.text.reference_ids(voice.ref_text), "reference_frames": len(voice.ref_code)}


def _options(
    model: LoadedModel, count: int, keywords: GenerationKeywords
) -> tuple[GenerationOptions, list[int], dict[str, Any]]:
    """How codes are sampled, each text's seed, and what else an utterance is told."""
    if unknown := sorted(set(keywords) - set(GenerationKeywords.__annotations__)):
        raise OptionError(f"unknown option {unknown[0]!r}; known are {', '.join(GenerationKeywords.__annotations__)}")
    given = cast(dict[str, Any], dict(keywords))
    seeds, max_silence, speed = (
        seeds_for(given.pop("seed", None), count),
        given.pop("max_silence", 4.0),
        given.pop("speed", 1.0),
    )
    if max_silence is not None and not (isinstance(max_silence, Real) and float(max_silence) > 0):
        raise OptionError(f"max_silence must be above 0 s, or None for no limit, not {max_silence!r}")
    rest = {"max_silence": max_silence, "speed": check_speed(speed)}
    return GenerationOptions.from_config(model.generation, **given), seeds, rest


def seeds_for(seed: Any, count: int) -> list[int]:
    """The seeds of a call's texts."""
    if seed is None:
        return [secrets.randbits(63) for _ in range(count)]
    if _is_whole(seed):
        return [int(seed) + i for i in range(count)]
    if not isinstance(seed, Sequence) or len(seed) != count or not all(map(_is_whole, seed)):
        raise OptionError(f"seed must be a whole number, or one for each of the {count} texts, not {seed!r}")
    return [int(number) for number in seed]


def _is_whole(number: Any) -> bool:
    return isinstance(number, Integral) and not isinstance(number, bool)
