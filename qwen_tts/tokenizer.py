"""`Qwen3TTSTokenizer`: the codec by itself, audio to codes and back."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, Unpack

import numpy as np
import torch
from torch import Tensor

from .audio import AudioSource, load_audio, resample
from .checkpoint import check_attention, codec_folder, load_codec, resolve_device, resolve_dtype
from .codec.codec import Codec
from .errors import AudioError, OptionError
from .resolve import HubKeywords, resolve

MODEL_TYPE = "qwen3_tts_tokenizer_12hz"


@dataclass(frozen=True, slots=True)
class Encoded:
    """`audio_codes`: one int64 tensor [T, Q] for each audio, T = ceil(samples at the codec's rate / samples a frame)."""

    audio_codes: list[Tensor]

    def __getitem__(self, key: str) -> list[Tensor]:
        if key != "audio_codes":
            raise KeyError(key)
        return self.audio_codes


class Qwen3TTSTokenizer:
    """The 12.5 Hz codec. Made by `from_pretrained`."""

    def __init__(self, codec: Codec) -> None:
        self.codec = codec

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        device_map: str | int | torch.device | None = None,
        dtype: str | torch.dtype | None = None,
        attn_implementation: str | None = None,
        **hub: Unpack[HubKeywords],
    ) -> Self:
        """Loads the codec of a model, or one that stands alone.

        Args:
            pretrained_model_name_or_path: "tiny", a model's directory, a codec's own directory, or a name on a hub such as
                "Qwen/Qwen3-TTS-Tokenizer-12Hz".
            device_map: "cpu" (the default), "cuda:0", a torch.device, or "auto".
            dtype, attn_implementation: taken as officially and checked; the codec always computes in fp32.
            hub: revision, cache_dir, local_files_only, force_download, token, source: see `HubKeywords`.
        Raises:
            OptionError: unknown name, device, dtype, attention or keyword.
            DownloadError: the codec cannot be had from a hub.
            ConfigError, CheckpointError: a file is missing, damaged, or does not fit the config.
        """
        device = resolve_device(device_map)
        resolve_dtype(dtype, device)
        check_attention(attn_implementation)
        path = resolve(pretrained_model_name_or_path, **hub)
        return cls(load_codec(codec_folder(path), device))

    @property
    def device(self) -> torch.device:
        return next(self.codec.parameters()).device

    def encode(self, audios: AudioSource | np.ndarray | Sequence[Any], sr: int | None = None, return_dict: bool = True) -> Any:
        """Audio to codes. Each audio is encoded by itself: neighbours leave no trace.

        Args:
            audios: anything that `load_audio` reads, or a list of such; arrays alone are taken at rate `sr`.
            sr: the rate of arrays in Hz.
            return_dict: False returns the tuple `(codes,)`.
        Returns:
            An object with `audio_codes`, a list of int64 [T, Q] on the codec's device.
        Raises:
            AudioError: no audio in it, or an array without `sr`.
        """
        several = list(audios) if isinstance(audios, list) else [audios]
        if not several:
            raise AudioError("there is no audio to encode: the list is empty")
        codes = [self._encode(source, sr) for source in several]
        return Encoded(codes) if return_dict else (codes,)

    def decode(self, encoded: Any) -> tuple[list[np.ndarray], int]:
        """Codes to audio.

        Args:
            encoded: what `encode` returned, `{"audio_codes": ...}`, or a list of such dicts. The codes may be one tensor or
                array [T, Q], a batch [B, T, Q] whose padding is -1, or a list of [T, Q].
        Returns:
            float32 waves [T * samples a frame] and their rate in Hz.
        Raises:
            OptionError: no codes in it, or codes that the codebooks do not have.
        """
        if isinstance(encoded, list) and encoded and all(isinstance(item, Mapping) for item in encoded):
            several = [codes for item in encoded for codes in _code_list(item.get("audio_codes"))]
        elif isinstance(encoded, Mapping):
            several = _code_list(encoded.get("audio_codes"))
        else:
            several = _code_list(getattr(encoded, "audio_codes", encoded))
        return [self._decode(codes) for codes in several], self.get_output_sample_rate()

    def get_model_type(self) -> str:
        return MODEL_TYPE

    def get_input_sample_rate(self) -> int:
        """Hz"""
        return self.codec.config.input_sample_rate

    def get_output_sample_rate(self) -> int:
        """Hz"""
        return self.codec.config.output_sample_rate

    def get_encode_downsample_rate(self) -> int:
        """Samples that make a frame."""
        return self.codec.config.encode_downsample_rate

    def get_decode_upsample_rate(self) -> int:
        """Samples that a frame makes."""
        return self.codec.config.decode_upsample_rate

    def _encode(self, source: Any, rate: int | None) -> Tensor:
        if isinstance(source, np.ndarray):
            if rate is None:
                raise AudioError("an array does not know its rate: pass sr")
            source = (source, rate)
        wave, rate = load_audio(source)
        return encode_wave(self.codec, wave, rate)

    def _decode(self, codes: Any) -> np.ndarray:
        codes = _as_tensor(codes).to(self.device)
        config = self.codec.config.decoder_config
        if codes.ndim != 2 or codes.shape[1] != config.num_quantizers or codes.dtype.is_floating_point:
            raise OptionError(
                f"codes have shape {list(codes.shape)} and type {codes.dtype}; expected integers [T, {config.num_quantizers}]"
            )
        codes = codes[codes[:, 0] >= 0].long()  # padding is -1
        if not codes.numel():
            return np.zeros(0, np.float32)
        if int(codes.min()) < 0 or int(codes.max()) >= config.codebook_size:
            raise OptionError(
                f"codes run from {int(codes.min())} to {int(codes.max())}; legal are 0 to {config.codebook_size - 1}"
            )
        return self.codec.decode(codes[None])[0].cpu().numpy()


def encode_wave(codec: Codec, wave: np.ndarray, rate: int) -> Tensor:
    """Codes of a mono wave [N] of any rate: int64 [T, Q], on the codec's device."""
    wave = resample(wave, rate, codec.config.input_sample_rate)
    device = next(codec.parameters()).device
    return codec.encode(torch.from_numpy(wave).to(device)[None])[0]


def _code_list(codes: Any) -> list[Any]:
    """One [T, Q] for each audio, from one, a batch, or a list of them."""
    if isinstance(codes, (Tensor, np.ndarray)):
        return list(codes) if codes.ndim == 3 else [codes]
    if isinstance(codes, (list, tuple)) and codes:
        first = codes[0]
        single = isinstance(first, list) and first and not isinstance(first[0], list)  # plain numbers, such as from JSON
        return [codes] if single else list(codes)
    raise OptionError("there are no codes to decode: expected `audio_codes`, a tensor [T, Q] or a list of them")


def _as_tensor(codes: Any) -> Tensor:
    try:
        return torch.as_tensor(codes)
    except (TypeError, ValueError, RuntimeError) as error:
        raise OptionError(f"codes must be integers [T, Q]: {error}") from None
