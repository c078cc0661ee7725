"""A voice to speak with, taken from a recording: what a clone needs to know, made once and used as often as wanted."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .audio import AudioSource, load_audio, resample
from .checkpoint import LoadedModel
from .config import ModelConfig
from .errors import AudioError, OptionError, TextError
from .mel import mel_spectrogram
from .tokenizer import encode_wave

MIN_SECONDS = 0.3  # less holds no voice


@dataclass
class VoiceClonePromptItem:
    """One voice.

    Attributes:
        ref_code: the recording's codes, int64 [T, Q]; None where only the speaker vector is used.
        ref_spk_embedding: the speaker vector, [D].
        x_vector_only_mode: speak by the speaker vector alone.
        icl_mode: speak on from the recording and its transcript ("in context"); the opposite of the former.
        ref_text: the recording's transcript; needed in context.
    """

    ref_code: Tensor | None
    ref_spk_embedding: Tensor
    x_vector_only_mode: bool
    icl_mode: bool
    ref_text: str | None = None


def create_voice(
    model: LoadedModel, source: AudioSource, text: str | None = None, x_vector_only: bool = False
) -> VoiceClonePromptItem:
    """Makes a voice from a recording and, unless `x_vector_only`, its transcript.

    Raises:
        OptionError: the model cannot clone.
        AudioError: the recording cannot be read or is shorter than 0.3 s.
        TextError: there is no transcript.
    """
    if model.speaker_encoder is None:
        raise OptionError(f"a {model.config.tts_model_type} model cannot take on a voice from a recording; use a base model")
    if not x_vector_only and not (text and text.strip()):
        raise TextError("ref_text, the transcript of ref_audio, is needed; without one pass x_vector_only_mode=True")
    wave, rate = load_audio(source)
    if len(wave) < MIN_SECONDS * rate:
        raise AudioError(f"the reference audio lasts {len(wave) / rate:.2f} s; at least {MIN_SECONDS} s are needed")
    codes = None
    if not x_vector_only:
        codes = encode_wave(model.codec, wave, rate)
    return VoiceClonePromptItem(codes, _speaker_vector(model, wave, rate), x_vector_only, not x_vector_only, text)


def check_voice(item: VoiceClonePromptItem, config: ModelConfig) -> None:
    """Whether the voice can be spoken with by a model of this config.

    Raises:
        OptionError: it was made with a model of another size, or lacks what its mode needs.
    """
    talker, vector, codes = config.talker_config, item.ref_spk_embedding, item.ref_code
    if vector.ndim != 1:
        raise OptionError(f"the voice's speaker vector has shape {list(vector.shape)}, expected [{talker.hidden_size}]")
    if len(vector) != talker.hidden_size:
        raise OptionError(
            f"the voice's speaker vector has {len(vector)} values, this model needs {talker.hidden_size}: "
            "the voice was made with a model of another size; make it again from its recording"
        )
    if item.icl_mode == item.x_vector_only_mode:
        raise OptionError("a voice has exactly one of icl_mode and x_vector_only_mode")
    if not item.icl_mode:
        return
    if codes is None or not item.ref_text:
        raise OptionError("a voice with icl_mode needs ref_code and ref_text")
    if codes.ndim != 2 or codes.shape[1] != talker.num_code_groups or not len(codes):
        raise OptionError(f"the voice's codes have shape {list(codes.shape)}, expected [T, {talker.num_code_groups}]")
    low, high, most = int(codes.min()), int(codes.max()), talker.code_predictor_config.vocab_size - 1
    if low < 0 or high > most:
        raise OptionError(f"the voice's codes run from {low} to {high}; legal are 0 to {most}")


def voices_from_dict(columns: Mapping[str, Any]) -> list[VoiceClonePromptItem]:
    """Reads the official dict form: a list for each field, `ref_text` included.

    Raises:
        OptionError: an unknown or missing field, or lists of different lengths.
    """
    names = [field.name for field in fields(VoiceClonePromptItem)]
    if set(columns) - set(names) or set(names) - {"ref_text"} - set(columns):
        raise OptionError(f"a voice as a dict has the keys {', '.join(names)}; found {', '.join(map(str, columns)) or 'none'}")
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
