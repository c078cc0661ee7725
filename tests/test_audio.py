"""Every way in, every way out, and everything that is no audio."""

import base64
import contextlib
import http.server
import io
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from qwen_tts import audio
from qwen_tts.audio import check_output, load_audio, pcm16, resample, write_audio
from qwen_tts.errors import AudioError

RATE = 24_000


def tone(seconds: float = 0.5, rate: int = RATE, hertz: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def wav_bytes(wave: np.ndarray | None = None, rate: int = RATE, subtype: str = "FLOAT") -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, tone() if wave is None else wave, rate, subtype=subtype, format="WAV")
    return buffer.getvalue()


class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        data = wav_bytes()
        if self.path == "/missing.wav":
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.path == "/cut.wav":
            data = data[:1000]
        if self.path == "/slow.wav":
            with contextlib.suppress(ConnectionError):  # the client has had enough
                for i in range(20):
                    self.wfile.write(data[i : i + 1])
                    time.sleep(0.05)
            return None
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_every_source_gives_the_same_wave(tmp_path: Path, url: str) -> None:
    data = wav_bytes()
    path = tmp_path / "tone.wav"
    path.write_bytes(data)
    text = base64.b64encode(data).decode()
    assert "/" in text  # base64's own alphabet holds the character that paths are told by
    sources = [str(path), path, data, bytearray(data), io.BytesIO(data), text, f"data:audio/wav;base64,{text}", f"{url}/a.wav"]
    for source in [*sources, (tone(), RATE)]:
        wave, rate = load_audio(source)
        assert rate == RATE and wave.dtype == np.float32
        np.testing.assert_array_equal(wave, tone())
    with path.open("rb") as file:
        np.testing.assert_array_equal(load_audio(file)[0], tone())


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.int16, np.int32, np.uint16, np.float16, np.float64])
def test_sample_types_are_scaled_to_one(kind: type) -> None:
    wave = tone()
    if np.issubdtype(kind, np.integer):
        span = 2.0 ** (8 * np.dtype(kind).itemsize - 1)
        stored = np.round(wave * (span - 1)) + (span if np.issubdtype(kind, np.unsignedinteger) else 0)
    else:
        span, stored = 2.0**10, wave
    np.testing.assert_allclose(load_audio((stored.astype(kind), RATE))[0], wave, atol=1.5 / span)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT", "ULAW"])
def test_stored_types(subtype: str) -> None:
    np.testing.assert_allclose(load_audio(wav_bytes(subtype=subtype))[0], tone(), atol=0.02)


@pytest.mark.parametrize("rate", [8_000, 44_100, 192_000])
def test_rates_are_kept_until_resampled(rate: int) -> None:
    wave, found = load_audio(wav_bytes(tone(0.5, rate), rate))
    assert found == rate and len(wave) == rate // 2
    again = resample(wave, rate, RATE)
    assert len(again) == RATE // 2 + (rate == 44_100) and again.dtype == np.float32
    np.testing.assert_allclose(again[1000:11_000], tone()[1000:11_000], atol=2e-3)


def test_resampled_length_is_rounded_up() -> None:
    assert len(resample(np.zeros(1001, np.float32), 44_100, RATE)) == 545  # 544.76
    assert len(resample(np.zeros(46_305, np.float32), 44_100, RATE)) == 25_201  # 1.05 s: a rounding error counts, officially
    wave = tone()
    assert resample(wave, RATE, RATE) is wave


def test_channels_become_their_mean_whichever_axis_they_are_on() -> None:
    both = np.stack((tone(), np.zeros_like(tone())))  # [C, N]
    for samples in (both, both.T):
        np.testing.assert_allclose(load_audio((samples, RATE))[0], tone() / 2, atol=1e-7)
    np.testing.assert_allclose(load_audio(wav_bytes(both.T))[0], tone() / 2, atol=1e-7)
    stereo_of_one_sample = wav_bytes(np.array([[0.5, 0.25]]))
    np.testing.assert_allclose(load_audio(stereo_of_one_sample)[0], [0.375])


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ((np.zeros(0, np.float32), RATE), "no samples"),
        ((np.zeros((2, 0), np.float32), RATE), "no samples"),
        ((np.zeros((2, 2, 2), np.float32), RATE), "no samples"),
        ((np.array(0.5), RATE), "no samples"),
        ((np.array([0.0, np.nan]), RATE), "not finite"),
        ((np.array([0.0, np.inf]), RATE), "not finite"),
        ((np.array([0.0, 20_000.0]), RATE), "32768"),
        ((np.array(["a"]), RATE), "type"),
        ((np.array([True, False]), RATE), "type"),
        ((tone(), 7_999), "8000 to 192000"),
        ((tone(), 200_000), "8000 to 192000"),
        ((tone(), 24_000.0), "rate"),
        ((tone(), True), "rate"),
        ((tone(), RATE, 3), r"\(ndarray, int, int\)"),
        ((RATE, tone()), r"\(samples, rate\), found \(int, ndarray\)"),
        (((tone(), RATE), (tone(), RATE)), "go into a list"),
        (tone(), r"\(samples, rate\)"),
        (b"", "empty"),
        (b"this is no audio at all", r"not audio that can be read \(Format not recognised\)"),
        (wav_bytes()[:30], "not audio"),
        (wav_bytes(np.zeros(0)), "no samples"),
        (wav_bytes(np.full(10, np.nan)), "not finite"),
        ("data:audio/wav;base64,%%%", "damaged"),
        ("A" * 301, "damaged"),
        ("A" * 300, "not audio"),
        ("/no/such/file.wav", "No such file"),
        ("nul\0.wav", "cannot read"),
        ("", "cannot read"),
        (".", "directory"),
        (io.StringIO("text"), "binary mode"),
        (12, "cannot read audio from a int"),
        (None, "cannot read audio from a NoneType"),
    ],
    ids=lambda value: "bytes" if isinstance(value, bytes) else None,  # a wave file holds the second it was written in
)
def test_what_is_no_audio_says_why(source: object, words: str) -> None:
    with pytest.raises(AudioError, match=words):
        load_audio(source)  # type: ignore[arg-type]


@pytest.mark.parametrize(("page", "words"), [("missing.wav", "404"), ("cut.wav", "1000 of"), ("slow.wav", "not finished")])
def test_faulty_urls(url: str, page: str, words: str) -> None:
    with pytest.raises(AudioError, match=words):
        load_audio(f"{url}/{page}", timeout=0.3)


def test_unreachable_url() -> None:
    with pytest.raises(AudioError, match="cannot download"):
        load_audio("http://127.0.0.1:1/a.wav", timeout=1)


def test_sizes_are_limited(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setattr(audio, "MAX_BYTES", 1000)
    for source in (f"{url}/a.wav", io.BytesIO(wav_bytes())):
        with pytest.raises(AudioError, match="larger than"):
            load_audio(source)
    monkeypatch.setattr(audio, "MAX_SAMPLES", 1000)
    with pytest.raises(AudioError, match="cut it"):
        load_audio(wav_bytes())


@pytest.mark.parametrize(
    ("extension", "rate", "error"),
    [
        (".wav", RATE, 1e-4),
        (".WAV", RATE, 1e-4),
        (".flac", RATE, 1e-4),
        (".mp3", RATE, 0.1),
        (".ogg", RATE, 0.1),
        (".opus", RATE, 0.1),
    ],
)
def test_formats_by_extension(tmp_path: Path, extension: str, rate: int, error: float) -> None:
    path = tmp_path / f"out{extension}"
    wave = tone(3.0) * np.hanning(3 * RATE).astype(np.float32)
    write_audio(path, wave, rate)
    again, found = load_audio(path)
    assert found in (rate, 48_000) and abs(len(again) / found - 3.0) < 0.1  # an Opus file may be read at its own 48 kHz
    if found == rate:
        assert np.abs(again[: len(wave)] - wave[: len(again)]).max() < error
    assert list(tmp_path.iterdir()) == [path]


def test_loud_samples_are_clipped_not_wrapped(tmp_path: Path) -> None:
    loud = np.array([2.0, -2.0, 0.0], np.float32)
    write_audio(tmp_path / "a.wav", loud, RATE)
    np.testing.assert_allclose(load_audio(tmp_path / "a.wav")[0], [1, -1, 0], atol=1e-4)
    assert pcm16(loud) == np.array([32767, -32767, 0], "<i2").tobytes()


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "out.mp3"
    write_audio(path, tone(), RATE)
    before = path.read_bytes()
    for wave, rate in ((np.array([np.nan]), RATE), (np.zeros((2, 2)), RATE), (tone(), 12_345)):
        with pytest.raises(AudioError):
            write_audio(path, wave, rate)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(audio.soundfile.SoundFile, "write", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_audio(tmp_path / "out.wav", tone(), RATE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "words"), [("out.xyz", ".wav, .flac"), ("out", ".wav"), ("no/folder/out.wav", "does not exist")]
)
def test_impossible_outputs(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(AudioError, match=words):
        write_audio(tmp_path / name, tone(), RATE)


def test_a_folder_without_permission_is_found_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)  # who runs the tests may write anywhere
    with pytest.raises(AudioError, match="nothing may be written into the folder"):
        check_output(tmp_path / "out.wav")


def test_a_folder_is_not_overwritten_and_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "dir.wav").mkdir()
    with pytest.raises(AudioError, match="plain file"):
        write_audio(tmp_path / "dir.wav", tone(), RATE)
    (tmp_path / "link.wav").symlink_to(tmp_path / "target.wav")
    write_audio(tmp_path / "link.wav", tone(), RATE)
    assert (tmp_path / "link.wav").is_symlink() and len(load_audio(tmp_path / "target.wav")[0]) == len(tone())


def test_a_small_file_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten minutes of silence are 9 kB of FLAC; no sample of them is unpacked where a minute is allowed."""
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(600 * 8_000, np.int16), 8_000, format="FLAC")
    bomb = buffer.getvalue()
    assert len(bomb) < 100_000 and len(load_audio(bomb)[0]) == 600 * 8_000
    monkeypatch.setattr(audio.soundfile.SoundFile, "blocks", None)
    for source in (bomb, io.BytesIO(bomb), base64.b64encode(bomb).decode()):
        with pytest.raises(AudioError, match="lasts 600 s; the limit is 60 s"):
            load_audio(source, max_seconds=60)
    with pytest.raises(AudioError, match="lasts 600 s"):
        load_audio((np.zeros(600 * 8_000, np.int16), 8_000), max_seconds=60)


def test_a_file_that_ends_before_its_head_says_gives_what_it_holds() -> None:
    buffer, wave = io.BytesIO(), tone(5)
    soundfile.write(buffer, wave, RATE, format="MP3")
    whole, _ = load_audio(buffer.getvalue())
    cut, _ = load_audio(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    assert 2 < len(cut) / RATE < 3
    np.testing.assert_array_equal(cut[:RATE], whole[:RATE])


def test_what_cannot_be_a_minute_is_not_even_decoded() -> None:
    large = bytes(100 * 2**20)
    for source in (large, io.BytesIO(large)):
        with pytest.raises(AudioError, match="larger than 8. MiB"):
            load_audio(source, max_seconds=60)
    with pytest.raises(AudioError, match="larger than 8. MiB"):
        load_audio("data:audio/wav;base64," + "A" * (140 * 2**20), max_seconds=60)


def test_private_addresses_can_be_forbidden(url: str) -> None:
    with pytest.raises(AudioError, match="127.0.0.1, which is no public address"):
        load_audio(f"{url}/a.wav", allow_private=False)
