"""Formats: what was streamed is decoded again, and is the audio that went in."""

import io
from typing import Any

import av
import numpy as np
import pytest
import soundfile

from qwen_tts.errors import OptionError
from qwen_tts.server.encode import FORMATS, RATES, Encoder, wav_header

RATE = 24_000
EXACT, LOSSY = ("wav", "pcm", "flac"), ("mp3", "opus", "aac")
# Samples of silence before the audio that a decoder cannot know of; Opus says how many, and decoders drop them.
DELAY = {"mp3": 1105, "aac": 1024, "opus": 0}


@pytest.fixture(scope="module")
def wave() -> np.ndarray:
    """Two seconds of a tone that swells, glides and fades."""
    time = np.arange(2 * RATE) / RATE
    return (0.5 * np.sin(2 * np.pi * (200 + 100 * time) * time) * np.hanning(len(time))).astype(np.float32)


def pieces(encoder: Encoder, wave: np.ndarray, sizes: tuple[int, ...] = (1920, 3840, 7680)) -> list[bytes]:
    made, start = [], 0
    for size in [*sizes, *[15_360] * len(wave)]:
        if start < len(wave):
            made.append(encoder.add(wave[start : start + size]))
        start += size
    return [*made, encoder.end()]


def decoded(data: bytes, name: str, rate: int) -> tuple[np.ndarray, int]:
    if name == "pcm":
        return np.frombuffer(data, "<i2") / 32768, rate
    with av.open(io.BytesIO(data)) as container:
        frames = list(container.decode(audio=0))
        kind = frames[0].format.name
        parts = [frame.to_ndarray()[0].astype(np.float64) for frame in frames]
        scale = {"s16": 2**15, "s16p": 2**15, "s32": 2**31}.get(kind, 1)
        return np.concatenate(parts) / scale, frames[0].sample_rate


def snr(found: np.ndarray, expected: np.ndarray) -> float:
    n = min(len(found), len(expected))
    noise = ((found[:n] - expected[:n]) ** 2).sum() + 1e-12
    return float(10 * np.log10((expected[:n] ** 2).sum() / noise))


@pytest.mark.parametrize("name", EXACT)
def test_lossless_formats_keep_every_sample(name: str, wave: np.ndarray) -> None:
    out, rate = decoded(b"".join(pieces(Encoder(name, RATE, RATE), wave)), name, RATE)
    assert rate == RATE and len(out) == len(wave) and snr(out, wave) > 80


@pytest.mark.parametrize("name", LOSSY)
def test_lossy_formats_keep_the_sound(name: str, wave: np.ndarray) -> None:
    out, rate = decoded(b"".join(pieces(Encoder(name, RATE, RATE), wave)), name, RATE)
    expected = (
        wave if rate == RATE else np.interp(np.arange(len(wave) * rate // RATE) * RATE / rate, np.arange(len(wave)), wave)
    )
    assert DELAY[name] <= len(out) - len(expected) <= DELAY[name] + 1152
    if name == "opus":
        assert len(out) == len(expected)
    assert snr(out[DELAY[name] :], expected) > 20


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("name", FORMATS)
def test_every_rate_has_the_length_of_the_audio(name: str, rate: int, wave: np.ndarray) -> None:
    encoder = Encoder(name, RATE, rate)
    out, found = decoded(b"".join(pieces(encoder, wave)), name, encoder.rate)
    assert found == (48_000 if name == "opus" else rate)  # an Opus decoder always gives 48 kHz
    assert abs(len(out) / found - 2) < (0.001 if name in (*EXACT, "opus") else (DELAY[name] + 1152) / found + 0.001)


@pytest.mark.parametrize("name", FORMATS)
def test_how_it_is_cut_changes_nothing(name: str, wave: np.ndarray) -> None:
    one, many = (b"".join(pieces(Encoder(name, RATE, 16_000), wave, sizes)) for sizes in ((48_000,), (1, 0, 999, 1920)))
    a, b = (decoded(data, name, 16_000)[0] for data in (one, many))
    assert len(a) == len(b) and snr(b, a) > 60


@pytest.mark.parametrize("name", FORMATS)
def test_bytes_leave_while_more_audio_is_made(name: str, wave: np.ndarray) -> None:
    made = pieces(Encoder(name, RATE, RATE), wave)
    assert sum(map(len, made[:2]))  # three frames of speech
    assert all(made[2:-1]) and len(made) > 5


@pytest.mark.parametrize("name", FORMATS)
def test_no_audio_at_all(name: str) -> None:
    encoder = Encoder(name, RATE, RATE)
    assert encoder.add(np.zeros(0, np.float32)) + encoder.end() == (wav_header(RATE) if name == "wav" else b"")


@pytest.mark.parametrize("name", LOSSY)
@pytest.mark.parametrize("bit_rate", [6_000, 510_000])
def test_extreme_bit_rates(name: str, bit_rate: int, wave: np.ndarray) -> None:
    for rate in RATES:
        assert pieces(Encoder(name, RATE, rate, bit_rate), wave)[-2]


def test_bit_rate(wave: np.ndarray) -> None:
    sizes = [sum(map(len, pieces(Encoder("mp3", RATE, RATE, rate), wave))) for rate in (32_000, 128_000)]
    assert 3 < sizes[1] / sizes[0] < 5


def test_a_header_of_known_length(wave: np.ndarray) -> None:
    data = b"".join(pieces(Encoder("pcm", RATE, RATE), wave))
    found, rate = soundfile.read(io.BytesIO(wav_header(RATE, len(wave)) + data))
    assert rate == RATE and len(found) == len(wave)


@pytest.mark.parametrize("wrong", [("ogg", RATE), ("mp3", 11_025), ("", RATE)])
def test_what_is_not_there(wrong: Any) -> None:
    with pytest.raises(OptionError, match="legal are"):
        Encoder(wrong[0], RATE, wrong[1])
