"""A voice as one `.safetensors` file, and voice files of both kinds read strictly. Knows fields, not models.

    tensors    ref_spk_embedding  float32 [D]        ref_code  int32 [T, Q], where the voice speaks on from a recording
    metadata   format  version  mode  ref_text  and, where known: model  speaker_encoder  codec  (see fingerprint.py)

A file is read into memory whole, after its size was looked at: one that is cut while it is read harms nobody.
"""

import json
import os
import stat
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, deserialize
from safetensors.torch import save
from torch import Tensor

from .errors import VoiceError
from .files import whole_file, writable
from .official_voice import is_official, official_bytes, read_official

FORMAT, VERSION, SUFFIX, OFFICIAL = "qwen_tts voice", 1, ".safetensors", ".pt"
MODES = ("in_context", "x_vector_only")
ORIGIN = ("model", "speaker_encoder", "codec")
MAX_BYTES = 16 * 2**20  # a minute of codes is 50 kB
MAX_WIDTH, MAX_GROUPS, MAX_FRAMES = 65_536, 256, 100_000


def write_voice(path: str | os.PathLike[str], fields: dict[str, Any], replace: bool = True) -> None:
    """Writes a voice's fields, whole or not at all. Without `replace`, a file that is there is an error.

    Raises:
        VoiceError: the fields are no voice, or nothing can be written there.
    """
    check_fields(fields)
    real, obstacle = writable(path)
    if real.suffix not in (SUFFIX, OFFICIAL):
        raise VoiceError(
            f"{os.fspath(path)}: a voice goes into a file that ends in {SUFFIX}, or {OFFICIAL} for the official demo"
        )
    if obstacle:
        raise VoiceError(f"cannot write {os.fspath(path)}: {obstacle}")
    data = _pack(fields) if real.suffix == SUFFIX else official_bytes([fields])
    try:
        with whole_file(real, replace) as partial:
            partial.write_bytes(data)
    except FileExistsError:
        raise VoiceError(f"{os.fspath(path)} exists; delete it first, or ask for it to be replaced") from None
    except OSError as error:
        raise VoiceError(f"cannot write {os.fspath(path)}: {error.strerror}") from None


def _pack(fields: dict[str, Any]) -> bytes:
    tensors = {"ref_spk_embedding": fields["ref_spk_embedding"].detach().cpu().float().contiguous().clone()}
    metadata = {"format": FORMAT, "version": str(VERSION), "mode": MODES[fields["x_vector_only_mode"]]}
    if fields.get("ref_code") is not None:
        codes = fields["ref_code"].detach().cpu()
        if not -(2**31) <= int(codes.min()) <= int(codes.max()) < 2**31:
            raise VoiceError("the voice's codes are larger than any codebook")
        tensors["ref_code"] = codes.int().contiguous().clone()
    if fields.get("ref_text") is not None:
        metadata["ref_text"] = fields["ref_text"]
    metadata |= {key: text for key, text in (fields.get("made_with") or {}).items() if key in ORIGIN}
    return save(tensors, metadata)


def read_voices(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """The fields of the voices in a file: one of `write_voice`, or several of the official demo's `.pt`. Nothing in the
    file is run.

    Raises:
        VoiceError: it cannot be read, is cut short, of a future version, or anything but a voice.
    """
    name, data = os.fspath(path), _bytes(path)
    voices = read_official(data, name) if is_official(data) else [_parse(data, name)]
    for fields in voices:
        try:
            check_fields(fields)
        except VoiceError as error:
            raise VoiceError(f"{name}: {error}") from None
    return voices


def check_fields(fields: dict[str, Any]) -> None:
    """Whether the fields make a voice, whatever the model.

    Raises:
        VoiceError: one has another type, shape or content than a voice's.
    """
    vector, codes, text = fields["ref_spk_embedding"], fields.get("ref_code"), fields.get("ref_text")
    if not isinstance(vector, Tensor) or vector.ndim != 1 or not 0 < len(vector) <= MAX_WIDTH:
        raise VoiceError(f"the voice's speaker vector is {_shown(vector)}; expected a tensor [D]")
    if not vector.dtype.is_floating_point or not torch.isfinite(vector).all():
        raise VoiceError("the voice's speaker vector does not hold finite floating-point numbers")
    modes = fields["icl_mode"], fields["x_vector_only_mode"]
    if not all(isinstance(mode, bool) for mode in modes) or modes[0] == modes[1]:
        raise VoiceError("a voice has exactly one of icl_mode and x_vector_only_mode")
    if text is not None and not isinstance(text, str):
        raise VoiceError(f"the voice's ref_text is of type {type(text).__name__}; expected a string")
    if text is not None and any("\ud800" <= sign <= "\udfff" for sign in text):
        raise VoiceError("the voice's ref_text holds half characters (lone surrogates); write it anew")
    if modes[0] and (codes is None or text is None or not text.strip()):
        raise VoiceError("a voice with icl_mode needs ref_code and ref_text")
    if codes is not None:
        _check_codes(codes)


def _check_codes(codes: Any) -> None:
    if not isinstance(codes, Tensor) or codes.ndim != 2 or codes.dtype not in (torch.int64, torch.int32, torch.int16):
        raise VoiceError(f"the voice's codes are {_shown(codes)}; expected integers [T, Q]")
    if not 0 < codes.shape[0] <= MAX_FRAMES or not 0 < codes.shape[1] <= MAX_GROUPS:
        raise VoiceError(f"the voice's codes have shape {list(codes.shape)}; expected [T, Q] with frames in it")


def _shown(value: Any) -> str:
    return f"of shape {list(value.shape)} and type {value.dtype}" if isinstance(value, Tensor) else f"a {type(value).__name__}"


def _bytes(path: str | os.PathLike[str]) -> bytes:
    try:
        with open(path, "rb", opener=_open) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise VoiceError(f"{os.fspath(path)} is not a plain file")
            if status.st_size > MAX_BYTES:
                raise VoiceError(f"{os.fspath(path)} is larger than {MAX_BYTES >> 20} MiB: that is no voice")
            return file.read(MAX_BYTES)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        if isinstance(error, VoiceError):
            raise
        raise VoiceError(f"cannot read {os.fspath(path)!r}: {getattr(error, 'strerror', None) or error}") from None


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # a pipe without a writer is not waited for


def _parse(data: bytes, name: str) -> dict[str, Any]:
    """Of a `.safetensors`: first what the header says, then what is in it."""
    try:
        tensors = dict(deserialize(data))  # checks the header, all sizes and offsets
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    except (SafetensorError, ValueError) as error:
        raise VoiceError(f"{name} is no voice, or was cut short ({error}); fetch or make it again") from None
    metadata = header.get("__metadata__") or {}
    if metadata.get("format") != FORMAT:
        raise VoiceError(f"{name} is a safetensors file, but not a voice that was saved by VoiceClonePromptItem.save")
    version = metadata.get("version", "")
    if version != str(VERSION):
        newer = version.isdecimal() and len(version) < 9 and int(version) > VERSION
        raise VoiceError(
            f"{name} is a voice of format version {version[:20]!r}; this package reads {VERSION}"
            + ("; update it" if newer else "")
        )
    if unknown := sorted(set(metadata) - {"format", "version", "mode", "ref_text", *ORIGIN}):
        raise VoiceError(f"{name}: unknown entry {unknown[0][:40]!r} in the voice's metadata")
    if metadata.get("mode") not in MODES:
        raise VoiceError(f"{name}: the voice's mode is {str(metadata.get('mode'))[:40]!r}; legal are {', '.join(MODES)}")
    if unknown := sorted(set(tensors) - {"ref_spk_embedding", "ref_code"}):
        raise VoiceError(f"{name}: unknown tensor {unknown[0][:40]!r} in the voice")
    vector, codes = (_tensor(tensors, key, kind, name) for key, kind in (("ref_spk_embedding", "F32"), ("ref_code", "I32")))
    if vector is None:
        raise VoiceError(f"{name}: the voice has no ref_spk_embedding")
    alone = metadata["mode"] == "x_vector_only"
    origin = {key: metadata[key] for key in ORIGIN if key in metadata}
    return {
        "ref_code": codes, "ref_spk_embedding": vector, "x_vector_only_mode": alone, "icl_mode": not alone,
        "ref_text": metadata.get("ref_text"), "made_with": origin or None,
    }  # fmt: skip


def _tensor(tensors: dict[str, Any], key: str, kind: str, name: str) -> Tensor | None:
    if key not in tensors:
        return None
    found = tensors[key]
    if found["dtype"] != kind:
        raise VoiceError(f"{name}: tensor {key} has type {found['dtype']}, expected {kind}")
    values = np.frombuffer(found["data"], "<f4" if kind == "F32" else "<i4").reshape(found["shape"])
    return torch.from_numpy(values.astype(np.float32 if kind == "F32" else np.int64))
