"""A voice to speak with, taken from a recording: what a clone needs to know, made once and used as often as wanted."""

import os
from collections.abc import Mapping, Sized
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from .audio import AudioSource, load_audio, resample
from .checkpoint import LoadedModel
from .errors import OptionError, TextError, VoiceError
from .fingerprint import fingerprint
from .mel import mel_spectrogram
from .reference import MAX_SECONDS, check_reference, check_transcript
from .tokenizer import encode_wave
from .voice_file import check_fields, read_voices, write_voice

OPTIONAL = ("ref_text", "made_with")


@dataclass
class VoiceClonePromptItem:
    """One voice.

    Attributes:
        ref_code: the recording's codes, int64 [T, Q]; None where only the speaker vector is used.
        ref_spk_embedding: the speaker vector, [D].
        x_vector_only_mode: speak by the speaker vector alone.
        icl_mode: speak on from the recording and its transcript ("in context"); the opposite of the former.
        ref_text: the recording's transcript; needed in context.
        made_with: the fingerprint of the model that made it (see `fingerprint`); None where that is not known.
    """

    ref_code: Tensor | None
    ref_spk_embedding: Tensor
    x_vector_only_mode: bool
    icl_mode: bool
    ref_text: str | None = None
    made_with: dict[str, str] | None = None

    def save(self, path: str | os.PathLike[str], replace: bool = True) -> None:
        """Writes the voice to one `.safetensors` file, whole or not at all.

        Args:
            path: where; it ends in `.safetensors`.
            replace: take the place of a file that is there; else that is an error.
        Raises:
            VoiceError: nothing can be written there, or this is no whole voice.
        """
        write_voice(path, vars(self), replace)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Reads a voice that was saved here, or by the official demo (`.pt`). Nothing in the file is run.

        Raises:
            VoiceError: no such file, damaged, of a future version, hostile, or several voices in one file.
        """
        found = read_voices(path)
        if len(found) != 1:
            raise VoiceError(f"{os.fspath(path)} holds {len(found)} voices; `qwen-tts voice import` takes them all")
        return cls(**found[0])


def create_voice(
    model: LoadedModel, source: AudioSource, text: str | None = None, x_vector_only: bool = False
) -> VoiceClonePromptItem:
    """Makes a voice from a recording and, unless `x_vector_only`, its transcript.

    Raises:
        OptionError: the model cannot clone.
        AudioError: the recording cannot be read, lasts less than 0.3 s or more than 60 s, is silent, or badly clipped.
        TextError: there is no transcript, or nobody could say it in that time.
    """
    if model.speaker_encoder is None:
        raise OptionError(f"a {model.config.tts_model_type} model cannot take on a voice from a recording; use a base model")
    if not isinstance(x_vector_only, bool):
        raise OptionError(f"x_vector_only_mode must be True or False, not {x_vector_only!r}")
    if text is not None and not isinstance(text, str):
        raise TextError(f"ref_text must be a string, not {type(text).__name__}")
    if not x_vector_only and not (text and text.strip()):
        raise TextError("ref_text, the transcript of ref_audio, is needed; without one pass x_vector_only_mode=True")
    wave, rate = load_audio(source, max_seconds=MAX_SECONDS)
    check_reference(wave, rate)
    codes = None
    if not x_vector_only:
        check_transcript(text or "", len(wave) / rate)
        codes = encode_wave(model.codec, wave, rate)
    vector = _speaker_vector(model, wave, rate)
    return VoiceClonePromptItem(codes, vector, x_vector_only, not x_vector_only, text, fingerprint(model))


def check_voice(item: VoiceClonePromptItem, model: LoadedModel) -> None:
    """Whether the model can speak with the voice.

    Of what the voice was made with, its speaker encoder must be this model's, and in context its codec, too. The rest may
    differ: a talker that was trained further, another dtype or device. A voice of unknown origin is taken if its sizes fit.

    Raises:
        VoiceError: it lacks what its mode needs, or was made with another model; the message says what differs.
    """
    check_fields(vars(item))
    talker, vector, codes = model.config.talker_config, item.ref_spk_embedding, item.ref_code
    made, again = item.made_with or {}, "make it again from its recording"
    maker = f" ({made['model']})" if "model" in made else ""
    if len(vector) != talker.hidden_size:
        raise VoiceError(
            f"the voice's speaker vector has {len(vector)} values, this model needs {talker.hidden_size}: "
            f"the voice was made with a model of another size{maker}; {again}"
        )
    ours = fingerprint(model)
    needed = {"speaker_encoder": "vector", "codec": "codes"} if item.icl_mode else {"speaker_encoder": "vector"}
    for part, what in needed.items():
        if part in made and part in ours and made[part] != ours[part]:
            raise VoiceError(
                f"the voice was made with another model{maker}, whose {part.replace('_', ' ')} is not this one's: "
                f"its {what} would mean something else here; {again}"
            )
    if not item.icl_mode or codes is None:
        return
    if codes.shape[1] != talker.num_code_groups:
        raise VoiceError(f"the voice's codes have shape {list(codes.shape)}, expected [T, {talker.num_code_groups}]")
    low, high, most = int(codes.min()), int(codes.max()), talker.code_predictor_config.vocab_size - 1
    if low < 0 or high > most:
        raise VoiceError(f"the voice's codes run from {low} to {high}; legal are 0 to {most}")


def voices_from_dict(columns: Mapping[str, Any]) -> list[VoiceClonePromptItem]:
    """Reads the official dict form: a list for each field, `ref_text` included.

    Raises:
        OptionError: an unknown or missing field, or lists of different lengths.
    """
    names = [field.name for field in fields(VoiceClonePromptItem)]
    if set(columns) - set(names) or set(names) - set(OPTIONAL) - set(columns):
        raise OptionError(f"a voice as a dict has the keys {', '.join(names)}; found {', '.join(map(str, columns)) or 'none'}")
    if single := [name for name in names if not isinstance(columns.get(name, []), Sized | None)]:
        raise OptionError(f"a voice as a dict has a list for each key, {single[0]} is {columns[single[0]]!r}")
    lengths = {name: len(columns[name]) for name in names if columns.get(name) is not None}
    if len(set(lengths.values())) != 1:
        raise OptionError(f"the lists of a voice dict differ in length: {lengths}")
    count = lengths["ref_spk_embedding"]
    return [
        VoiceClonePromptItem(**{name: columns[name][i] for name in names if columns.get(name) is not None})
        for i in range(count)
    ]


@torch.no_grad()
def _speaker_vector(model: LoadedModel, wave: np.ndarray, rate: int) -> Tensor:
    encoder, config = model.speaker_encoder, model.config.speaker_encoder_config
    assert encoder is not None and config is not None
    wave = resample(wave, rate, config.sample_rate)
    mel = mel_spectrogram(torch.from_numpy(wave).to(model.device)[None], config.mel_dim, config.sample_rate)
    return encoder(mel)[0]
