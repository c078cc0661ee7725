"""Recordings that strangers send -> voices: what may be fetched, how much, and what was made before is not made again."""

import asyncio
import hashlib
import io
import time
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..audio import decode_base64, load_audio
from ..errors import AudioError, BusyError, OptionError
from ..fetch import fetch
from ..reference import MAX_SECONDS
from ..voice import VoiceClonePromptItem
from .encode import load_av
from .models import Models

MAX_BYTES = 10 * 2**20  # of one recording
SECONDS = 15.0  # that a URL may take
FETCHING = 8  # URLs at once, by threads of their own: slow ones hold up nothing but other URLs
KEPT = 64  # voices


@dataclass(frozen=True, slots=True)
class Reference:
    """A voice as a request gives it: a recording, or the values of a speaker vector.

    Attributes:
        audio: an http(s) URL, a data: URL, base64 text, or the bytes of a file; never a path.
        text: what is said in it; without that only the speaker vector is taken.
        vector_only: take only the speaker vector, even with a transcript.
        embedding: a speaker vector itself, [D].
    """

    audio: str | bytes | None = None
    text: str | None = None
    vector_only: bool = False
    embedding: tuple[float, ...] | None = None


class Recordings:
    """Makes voices of references, and remembers the last ones by their content.

    Args:
        allow_private: fetch from addresses that are not public.
    """

    def __init__(self, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._made: OrderedDict[tuple[Any, ...], VoiceClonePromptItem] = OrderedDict()
        self._fetching = ThreadPoolExecutor(FETCHING, "fetching")

    async def voice(self, models: Models, name: str, reference: Reference) -> VoiceClonePromptItem:
        """The voice of a reference, for the base model of this name, which is not held while the recording is fetched.

        Raises:
            AudioError, TextError, OptionError: it cannot be fetched, read or cloned.
            BusyError: too many addresses are slow, or there is no room for the model.
        """
        if reference.embedding is not None:
            return VoiceClonePromptItem(None, torch.tensor(reference.embedding, dtype=torch.float32), True, False)
        data = await self._bytes(reference.audio)
        digest = await asyncio.to_thread(lambda: hashlib.sha256(data).digest())
        key = (name, digest, reference.text, reference.vector_only)
        if key in self._made:
            self._made.move_to_end(key)
            return self._made[key]
        wave = await asyncio.to_thread(decode, data)
        async with models.use(name) as model:
            (voice,) = await asyncio.to_thread(model.create_voice_clone_prompt, wave, reference.text, reference.vector_only)
        self._made[key] = voice
        while len(self._made) > KEPT:
            self._made.popitem(last=False)
        return voice

    async def _bytes(self, audio: str | bytes | None) -> bytes:
        """The file that a reference means.

        Raises:
            AudioError: it cannot be had, is too large, or is a path: files of the server are nobody's business.
        """
        if not audio:
            raise AudioError("the reference audio is missing: send a URL, a data: URL or base64")
        if isinstance(audio, str) and audio[:8].lower().startswith(("http://", "https://")):
            return await asyncio.get_running_loop().run_in_executor(self._fetching, self._fetch, audio, time.monotonic())
        data = audio if isinstance(audio, bytes) else await asyncio.to_thread(_base64, audio)
        if len(data) > MAX_BYTES:
            raise AudioError(f"the reference audio is larger than {MAX_BYTES >> 20} MiB; cut it")
        return data

    def _fetch(self, url: str, asked: float) -> bytes:
        if time.monotonic() - asked > SECONDS:  # so that all is over within twice that
            message = f"{FETCHING} recordings are being fetched from slow addresses"
            raise BusyError(f"{message}; try again in {SECONDS:.0f} s, or send the recording itself", SECONDS)
        return fetch(url, SECONDS, MAX_BYTES, self._allow_private)

    def close(self) -> None:
        """Ends the threads; who waits to be fetched is not."""
        self._fetching.shutdown(wait=False, cancel_futures=True)


def decode(data: bytes) -> tuple[np.ndarray, int]:
    """Samples of a file in any format that libsndfile or FFmpeg reads (M4A, AAC, WebM), float32 [N], and their rate.

    Raises:
        AudioError: it is no audio, or too long.
    """
    try:
        return load_audio(data, max_seconds=MAX_SECONDS)
    except AudioError as error:
        if "not audio that can be read" not in str(error):
            raise
        return _decode_with_ffmpeg(data, error)


def _decode_with_ffmpeg(data: bytes, first: AudioError) -> tuple[np.ndarray, int]:
    av = load_av()
    parts, rate, length = [], 0, 0
    try:
        with av.open(io.BytesIO(data)) as container:
            if not container.streams.audio:
                raise first
            resampler = av.AudioResampler(format="flt", layout="mono")
            for frame in container.decode(audio=0):
                for mono in resampler.resample(frame):
                    parts.append(mono.to_ndarray()[0])
                    rate, length = mono.sample_rate, length + mono.samples
                if rate and length > MAX_SECONDS * rate:
                    raise AudioError(f"the reference audio lasts more than {MAX_SECONDS:g} s: cut it")
    except (av.error.FFmpegError, ValueError) as error:
        if isinstance(error, AudioError):
            raise
        raise first from None
    return load_audio((np.concatenate(parts) if parts else np.zeros(0, np.float32), rate))


def embedding(values: Sequence[float]) -> tuple[float, ...]:
    """Raises OptionError for values that are no speaker vector, whatever the model."""
    if not values or len(values) > 65_536 or not np.isfinite(values).all():
        raise OptionError("a speaker embedding is a list of finite numbers, as many as the model's speaker vectors have")
    return tuple(values)


def _base64(text: str) -> bytes:
    if text[:7].lower() == "file://" or len(text) < 64:
        raise AudioError("the reference audio must be an http(s) URL, a data: URL or base64; files of the server are not read")
    body = text.partition(",")[2] if text[:5].lower() == "data:" else text
    return decode_base64(body, MAX_BYTES, "the base64 of the reference audio")
