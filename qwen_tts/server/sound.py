"""How a client wants to hear speech: format, rate, speed, pitch, volume. From samples at 24 kHz to its bytes.

the model speaks at    speed / pitch, as far as it can (0.5 to 2)
here                   the rest of that ── volume ── played `pitch` times as fast, at the rate that was asked for ── format
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

import numpy as np

from ..chunks import AudioChunk
from ..errors import OptionError
from ..tempo import FASTEST, SLOWEST, Tempo
from .encode import Encoder, check_format, check_rate, wav_header


@dataclass(frozen=True, slots=True)
class Sound:
    """A client's wishes; `rate` in Hz and `bit_rate` in bits a second are the format's own where None, `volume` is a factor."""

    format: str = "wav"
    rate: int | None = None
    bit_rate: int | None = None
    speed: float = 1.0
    pitch: float = 1.0
    volume: float = 1.0

    def check(self) -> None:
        """Raises OptionError for a wish that cannot be met."""
        check_format(self.format)
        if self.rate is not None:
            check_rate(self.rate)
        for name, value, low, high in (("speed", self.speed, 0.25, 4.0), ("pitch", self.pitch, 0.5, 2.0)):
            if not low <= value <= high:
                raise OptionError(f"{name} must be from {low} to {high}, not {value}")

    @property
    def spoken_speed(self) -> float:
        """What the model is asked for."""
        return min(FASTEST, max(SLOWEST, self.speed / self.pitch))

    @property
    def length(self) -> float:
        """How long the audio is, for one second that leaves the model."""
        return self.spoken_speed / self.speed


class Recorder:
    """One utterance on its way to a client. `rate` is of the audio that leaves, `media_type` its name in HTTP."""

    def __init__(self, sound: Sound, rate: int) -> None:
        self._encoder = Encoder(sound.format, rate * sound.pitch, sound.rate or rate, sound.bit_rate)
        rest = sound.speed / sound.pitch / sound.spoken_speed  # 0.25 to 4 at most 2 beyond what the model does
        self._tempo = None if abs(rest - 1) < 1e-6 else Tempo(rest, rate)
        self._volume, self.rate, self.media_type = sound.volume, self._encoder.rate, self._encoder.media_type

    def add(self, chunk: AudioChunk) -> bytes:
        """Takes the next chunk; gives the bytes that are ready."""
        samples, last = chunk.samples, chunk.finish_reason is not None
        if self._tempo is not None:
            samples = self._tempo.add(samples, last)
        if self._volume != 1:
            samples = np.clip(samples * np.float32(self._volume), -1, 1)
        return self._encoder.add(samples) + (self._encoder.end() if last else b"")


async def recorded(chunks: AsyncGenerator[AudioChunk, None], sound: Sound, rate: int) -> AsyncGenerator[bytes, None]:
    """The bytes of an utterance, whenever there are some."""
    recorder = Recorder(sound, rate)
    async with aclosing(chunks):
        async for chunk in chunks:
            if data := recorder.add(chunk):
                yield data


def whole(data: bytes, sound: Sound, rate: int) -> bytes:
    """All bytes of a recording as a file: unlike a stream, a WAV file knows its length."""
    return wav_header(rate, len(data[44:]) // 2) + data[44:] if sound.format == "wav" else data


def record(wave: np.ndarray, rate: int, sound: Sound) -> bytes:
    """A whole wave, float32 [N], in a format."""
    encoder = Encoder(sound.format, rate, sound.rate or rate, sound.bit_rate)
    return whole(encoder.add(wave) + encoder.end(), sound, encoder.rate)
