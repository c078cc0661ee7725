"""Audio in a client's format, piece by piece: every piece can be sent as soon as it exists. Knows samples, no speech.

    samples ── another rate (soxr) ── WAV, PCM: as they are
                                  └── MP3, Opus, AAC, FLAC: PyAV ── bytes

What a stream cannot say at its beginning stays unsaid: a WAV header has the sizes 0xFFFFFFFF, an MP3 has no length.
"""

import io
import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import soxr

from ..audio import pcm16
from ..errors import OptionError

UNKNOWN = 0xFFFFFFFF  # of a WAV header: "to the end of the stream"
RATES = (8_000, 16_000, 22_050, 24_000, 44_100, 48_000)
MAX_BIT_RATE = 256_000  # what one channel of Opus can have; the others lower theirs by themselves
OPUS_RATES = (8_000, 16_000, 24_000, 48_000)


@dataclass(frozen=True, slots=True)
class Format:
    """How a format is made; `container` and `codec` are FFmpeg's names, `rates` what the codec takes (None: all of `RATES`)."""

    media_type: str
    container: str | None = None
    codec: str | None = None
    rates: tuple[int, ...] | None = None
    bit_rate: int | None = None
    sample_format: str = "s16"
    options: dict[str, str] = field(default_factory=dict)  # of the container


NOW = {"flush_packets": "1"}
PLAIN = {"write_xing": "0", "id3v2_version": "0"}  # no header that is written when all is known
FORMATS = {
    "wav": Format("audio/wav"),
    "pcm": Format("audio/pcm"),
    "mp3": Format("audio/mpeg", "mp3", "libmp3lame", bit_rate=128_000, sample_format="s16p", options=NOW | PLAIN),
    "opus": Format("audio/ogg", "ogg", "libopus", OPUS_RATES, 64_000, options=NOW | {"page_duration": "20000"}),  # µs
    "aac": Format("audio/aac", "adts", "aac", bit_rate=128_000, sample_format="fltp", options=NOW),
    "flac": Format("audio/flac", "flac", "flac", options=NOW | {"metadata_header_padding": "0"}),
}


class Encoder:
    """One stream of bytes.

    Args:
        name: of `FORMATS`.
        rate: of the samples that come, Hz; it need not be whole.
        to: of the audio that leaves, of `RATES`; Opus, which has neither 22.05 nor 44.1 kHz, makes 48 of them.
        bit_rate: bits a second, where the format has that; more than it can have means the most it can.
    Raises:
        OptionError: an unknown format or rate, or PyAV is missing.
    """

    def __init__(self, name: str, rate: float, to: int, bit_rate: int | None = None) -> None:
        form = check_format(name)
        check_rate(to)
        self.media_type, self.name = form.media_type, name
        self.rate = to if form.rates is None or to in form.rates else form.rates[-1]
        self._resampler = None if rate == self.rate else soxr.ResampleStream(rate, self.rate, 1, dtype="float32")
        self._packer = _Compressed(form, self.rate, bit_rate) if form.codec else None
        self._head = wav_header(self.rate) if name == "wav" else b""

    def add(self, samples: np.ndarray) -> bytes:
        """Takes float32 [N], -1..1; gives the bytes that are ready, perhaps none."""
        return self._made(samples, last=False)

    def end(self) -> bytes:
        """The rest. Nothing may be added afterwards."""
        return self._made(np.zeros(0, np.float32), last=True)

    def _made(self, samples: np.ndarray, last: bool) -> bytes:
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples, last=last)
        head, self._head = self._head, b""
        if self._packer is None:
            return head + pcm16(samples)
        return self._packer.pack(samples, last)


class _Compressed:
    """FFmpeg's encoder and muxer, writing to memory that is emptied after each piece."""

    def __init__(self, form: Format, rate: int, bit_rate: int | None) -> None:
        self._av, self._format, self._rate, self._taken = load_av(), form, rate, 0
        self._sink = _Sink()
        self._container: Any = self._av.open(self._sink, "w", format=form.container, container_options=form.options)
        self._stream: Any = self._container.add_stream(form.codec, rate=rate)
        self._stream.layout = "mono"
        self._stream.format = form.sample_format
        if form.bit_rate is not None:
            self._stream.bit_rate = min(bit_rate or form.bit_rate, MAX_BIT_RATE)

    def pack(self, samples: np.ndarray, last: bool) -> bytes:
        if len(samples):
            if self._format.sample_format == "fltp":
                values = np.clip(samples, -1, 1).astype(np.float32)[None]
            else:
                values = np.frombuffer(pcm16(samples), "<i2")[None]
            frame = self._av.AudioFrame.from_ndarray(values, format=self._format.sample_format, layout="mono")
            frame.sample_rate, frame.pts = self._rate, self._taken
            self._taken += len(samples)
            self._container.mux(self._stream.encode(frame))
        if last:
            if not self._taken:  # an encoder that was never fed has no header to write
                return b""
            self._container.mux(self._stream.encode(None))
            self._container.close()
        return self._sink.taken()


class _Sink(io.RawIOBase):
    """What FFmpeg writes to; it cannot go back, and is told so."""

    def __init__(self) -> None:
        super().__init__()
        self._bytes = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._bytes += data
        return len(data)

    def taken(self) -> bytes:
        made, self._bytes = bytes(self._bytes), bytearray()
        return made


def check_format(name: str) -> Format:
    """Raises OptionError for a format that is not of `FORMATS`."""
    if name not in FORMATS:
        raise OptionError(f"unknown audio format {name[:40]!r}; legal are {', '.join(FORMATS)}")
    return FORMATS[name]


def check_rate(rate: int) -> int:
    """Raises OptionError for a rate that is not of `RATES`."""
    if rate not in RATES:
        raise OptionError(f"the sample rate cannot be {rate}; legal are {', '.join(map(str, RATES))} Hz")
    return rate


def wav_header(rate: int, samples: int | None = None) -> bytes:
    """Of 16-bit mono audio; None where nobody knows yet how long it will be."""
    size = UNKNOWN if samples is None else samples * 2
    form = struct.pack("<IHHIIHH", 16, 1, 1, rate, rate * 2, 2, 16)  # PCM, mono, bytes a second, bytes a sample, bits
    return b"RIFF" + struct.pack("<I", min(size + 36, UNKNOWN)) + b"WAVEfmt " + form + b"data" + struct.pack("<I", size)


def load_av() -> Any:
    try:
        import av
    except ImportError:
        raise OptionError('this format needs PyAV: pip install "qwen-tts[server]"') from None
    return av
