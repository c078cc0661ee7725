"""The only audio input and output: anything that holds sound -> (mono float32 wave, rate), and waves -> files.

Knows nothing about models. Formats are libsndfile's: WAV, FLAC, MP3, OGG (Vorbis, Opus) and some more for reading.
"""

import base64
import binascii
import io
import math
import os
import re
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import soundfile
import soxr

from .errors import AudioError
from .fetch import fetch
from .files import whole_file, writable

AudioSource = str | os.PathLike[str] | bytes | bytearray | BinaryIO | tuple[Any, int]

MIN_RATE, MAX_RATE = 8_000, 192_000
MAX_BYTES = 512 * 2**20
BLOCK = 2**20  # samples that are unpacked at a time
MAX_SAMPLES = 3600 * 48_000 * 2  # an hour of 48 kHz stereo: a small compressed file must not fill the memory
LARGEST_FRAME = 2 * 4  # bytes: stereo in 32 bits
LOUDEST = 16.0  # float samples are meant to lie in -1..1; far above that they are surely integers in disguise
FORMATS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
    ".ogg": ("OGG", "VORBIS"),
    ".opus": ("OGG", "OPUS"),
}
BASE64 = re.compile(r"[A-Za-z0-9+/\s]+={0,2}\s*")


def load_audio(
    source: AudioSource, *, timeout: float = 30.0, allow_private: bool = True, max_seconds: float | None = None
) -> tuple[np.ndarray, int]:
    """Reads sound from wherever it is.

    Args:
        source: a path, an http(s) URL, base64 text (bare or as a data: URL), the bytes of an audio file, an open binary
            file, or `(samples, rate)` with samples [N], [N, C] or [C, N] of any integer or float type.
        timeout: seconds that a URL may take in all.
        allow_private: False refuses URLs that lead to an address that is not public. A server that is given URLs by
            strangers wants that (and takes no paths from them).
        max_seconds: longer sound is refused before it is unpacked; None allows an hour.
    Returns:
        The mean of the channels, float32 [N], and its rate in Hz (as stored: not resampled).
    Raises:
        AudioError: nothing there, not audio, empty, not finite, too long, or a rate outside 8..192 kHz.
    """
    if isinstance(source, tuple):
        if len(source) != 2 or not np.isscalar(source[1]):
            found = ", ".join(type(part).__name__ for part in source)
            raise AudioError(f"an audio tuple is (samples, rate), found ({found}); several recordings go into a list")
        wave, rate = _checked(np.asarray(source[0]), source[1])
        _check_length("the audio", len(wave), rate, max_seconds)
        return wave, rate
    if isinstance(source, np.ndarray):
        raise AudioError("an array does not know its rate: pass (samples, rate)")
    limit = MAX_BYTES if max_seconds is None else min(MAX_BYTES, int(max_seconds * MAX_RATE * LARGEST_FRAME) + 2**20)
    return _decode(_fetch(source, timeout, limit, allow_private), _name(source), max_seconds)


def resample(wave: np.ndarray, rate: int, to: int) -> np.ndarray:
    """Resamples [N] by soxr's high quality.

    The length is ceil(N * (to / rate)) in floating point, as the official package's librosa has it: at 44.1 kHz a whole
    number of seconds may get one zero more than it needs, and so one frame of codes more.
    """
    if rate == to:
        return wave
    out = soxr.resample(wave, rate, to, quality="HQ")
    length = math.ceil(len(wave) * (to / rate))
    return np.pad(out[:length], (0, max(0, length - len(out))))


def pcm16(wave: np.ndarray) -> bytes:
    """Float samples -1..1 as signed 16-bit little-endian bytes; what is louder is clipped."""
    return np.round(np.clip(wave, -1.0, 1.0) * 32767.0).astype("<i2").tobytes()


def check_output(path: str | os.PathLike[str]) -> Path:
    """Whether `write_audio` could write there, to be asked before an hour of work; returns the real path.

    Raises:
        AudioError: an extension without a format, a folder that does not exist, or something that is no plain file.
    """
    real, obstacle = writable(path)
    if real.suffix.lower() not in FORMATS:
        raise AudioError(f"{os.fspath(path)}: no audio format is called {real.suffix!r}; use one of {', '.join(FORMATS)}")
    if obstacle:
        raise AudioError(f"cannot write {os.fspath(path)}: {obstacle}")
    return real


def write_audio(path: str | os.PathLike[str], wave: np.ndarray, rate: int) -> None:
    """Writes a mono wave [N] (float, -1..1) in the format of the extension, whole or not at all.

    Raises:
        AudioError: what `check_output` finds, samples that are not finite, or a rate that the format cannot hold.
    """
    real = check_output(path)
    wave = np.asarray(wave, dtype=np.float32)
    if wave.ndim != 1 or not np.isfinite(wave).all():
        raise AudioError(f"{os.fspath(path)}: expected one finite channel, found shape {wave.shape}")
    form, subtype = FORMATS[real.suffix.lower()]
    try:
        with whole_file(real) as partial, soundfile.SoundFile(partial, "w", rate, 1, subtype, format=form) as out:
            for start in range(0, len(wave), rate):  # libsndfile's Vorbis keeps a whole block on its stack
                out.write(np.clip(wave[start : start + rate], -1.0, 1.0))
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(f"cannot write {os.fspath(path)} as {form} at {rate} Hz: {error}") from None


def _name(source: Any) -> str:
    if isinstance(source, (str, os.PathLike)):
        text = os.fspath(source)
        return text if len(text) <= 256 else "the base64 audio"
    return "the audio"


def _fetch(source: Any, timeout: float, limit: int, allow_private: bool) -> bytes:
    """The encoded bytes of any source but samples."""
    if isinstance(source, (bytes, bytearray)):
        return _limited(io.BytesIO(source), limit)
    if isinstance(source, str):
        if re.match("https?://", source, re.IGNORECASE):
            return fetch(source, timeout, limit, allow_private)
        if source.startswith("data:"):
            return decode_base64(source.partition(",")[2], limit)
        if len(source) > 256 and BASE64.fullmatch(source):
            return decode_base64(source, limit)
    if isinstance(source, (str, os.PathLike)):
        try:
            with open(source, "rb") as file:
                return _limited(file, limit)
        except (OSError, ValueError) as error:  # ValueError: a NUL in the name
            reason = getattr(error, "strerror", None) or error
            raise AudioError(f"cannot read {_name(source)!r}: {reason}") from None
    if hasattr(source, "read"):
        return _limited(source, limit)
    raise AudioError(
        f"cannot read audio from a {type(source).__name__}; "
        "pass a path, an http(s) URL, base64, bytes, a binary file or (samples, rate)"
    )


def _limited(file: BinaryIO, limit: int) -> bytes:
    data = file.read(limit + 1)
    if not isinstance(data, bytes):
        raise AudioError("the file object gives text; open it in binary mode")
    if len(data) > limit:
        raise AudioError(f"the audio is larger than {limit >> 20} MiB; cut it")
    return data


def decode_base64(text: str, limit: int, name: str = "the base64 audio") -> bytes:
    """Bytes from base64 with any white space in it. Raises AudioError when it is damaged or longer than `limit` bytes need."""
    if len(text) > limit * 4 // 3 + 4:
        raise AudioError(f"{name} is larger than {limit >> 20} MiB; cut it")
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise AudioError(f"{name} is damaged ({error})") from None


def _decode(data: bytes, name: str, max_seconds: float | None) -> tuple[np.ndarray, int]:
    if not data:
        raise AudioError(f"{name} is empty")
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            _check_length(name, file.frames, file.samplerate, max_seconds, file.channels)
            mono = [np.zeros(0, np.float32)]
            # Not file.blocks: of a file that ends before its head says, that gives memory that was never written.
            while len(block := file.read(BLOCK // file.channels + 1, dtype="float32", always_2d=True)):  # [n, C]
                mono.append(block.mean(axis=1))
    except soundfile.LibsndfileError as error:
        reason = error.error_string.rstrip(".")
        raise AudioError(f"{name} is not audio that can be read ({reason}); convert it to WAV, FLAC, MP3 or OGG") from None
    return _checked(np.concatenate(mono), file.samplerate, name)


def _check_length(name: str, frames: int, rate: int, max_seconds: float | None, channels: int = 1) -> None:
    """What the file's head says, before a small file can fill the memory."""
    if max_seconds is not None and frames > max_seconds * rate:
        raise AudioError(f"{name} lasts {frames / rate:.0f} s; the limit is {max_seconds:g} s: cut it")
    if frames * channels > MAX_SAMPLES:
        raise AudioError(f"{name} holds {frames / rate:.0f} s of audio; cut it to an hour at most")


def _checked(samples: np.ndarray, rate: Any, name: str = "the audio") -> tuple[np.ndarray, int]:
    """Any samples -> mono float32 in about -1..1."""
    if isinstance(rate, bool) or not isinstance(rate, (int, np.integer)) or not MIN_RATE <= rate <= MAX_RATE:
        raise AudioError(f"{name} has rate {rate!r}; legal are whole numbers, {MIN_RATE} to {MAX_RATE} Hz")
    if samples.ndim not in (1, 2) or samples.size == 0:
        raise AudioError(f"{name} has no samples: its shape is {samples.shape}, expected [N], [N, C] or [C, N]")
    if samples.dtype.kind in "iu":
        span = 2.0 ** (8 * samples.dtype.itemsize - 1)
        samples = (samples - span if samples.dtype.kind == "u" else samples) / span
    elif samples.dtype.kind != "f":
        raise AudioError(f"{name} has samples of type {samples.dtype}; expected integers or floats")
    samples = samples.astype(np.float32)
    if samples.ndim == 2:
        samples = samples.mean(axis=int(samples.shape[1] < samples.shape[0]))  # the shorter axis is the channels
    if not np.isfinite(samples).all():
        raise AudioError(f"{name} holds samples that are not finite (NaN or infinite)")
    if (peak := float(np.abs(samples).max())) > LOUDEST:
        raise AudioError(f"{name} has float samples up to {peak:.0f}; expected -1..1 (divide 16-bit values by 32768)")
    return samples, int(rate)
