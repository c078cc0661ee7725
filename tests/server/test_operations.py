"""What whoever runs the server relies on: limits, counters, the log, and an end that cuts nobody off."""

import asyncio
import json
import logging
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from serving import SHORT, Web, listening
from typer.testing import CliRunner

from qwen_tts.cli import app
from qwen_tts.errors import BusyError, LimitError, OptionError
from qwen_tts.server.callers import Caller
from qwen_tts.server.plan import SpeechRequest
from qwen_tts.server.refusals import answer
from qwen_tts.server.session import Session
from qwen_tts.server.settings import Settings, positive
from qwen_tts.server.shapes import dashscope_error, openai_error
from qwen_tts.voice_store import VoiceStore

ONE = "mini-CustomVoice"


@pytest.mark.parametrize("limit", [{"max_waiting": -1}, {"max_seconds": 0}, {"grace_seconds": -1}, {"max_streams": 0}])
def test_limits_that_are_none_are_told_before_anything_is_served(limit: dict[str, int]) -> None:
    with pytest.raises(OptionError, match=next(iter(limit))):
        positive(Settings(**limit))  # type: ignore[arg-type]


def test_limits(make: Callable[..., Session]) -> None:
    web = Web(make(ONE, max_text=20, max_body=1000, max_seconds=0.2))
    assert web.speak(input="x" * 21).status_code == 400
    assert web("POST", "/v1/audio/speech", content=b"x" * 1001).status_code == 413

    async def drip():
        for _ in range(20):
            yield b"x" * 100

    assert web("POST", "/v1/audio/speech", content=drip(), headers={"content-type": "application/json"}).status_code == 413
    long = web.speak(max_new_tokens=60, response_format="pcm")
    assert 0.15 < len(long.content) / 48_000 < 0.5


def test_busy(make: Callable[..., Session], monkeypatch: pytest.MonkeyPatch) -> None:
    web = Web(make(ONE))

    async def busy(job):
        raise BusyError("too much", 7.0)
        yield

    monkeypatch.setattr(web.session.source, "speak", busy)
    for reply in (web.speak(), web.speak(stream_format="sse")):
        assert reply.status_code == 429 and reply.headers["retry-after"] == "7"
        assert reply.json()["error"]["type"] == "rate_limit_error"


def test_who_takes_nothing_for_too_long_is_told_so_in_the_words_of_each_protocol() -> None:
    told = answer(LimitError("no chunk was taken for 60 s: read the stream, or close it"))
    assert (told.status, told.code) == (408, "request_timeout")
    assert openai_error(told)["error"]["type"] == "invalid_request_error"
    assert dashscope_error(told, "id")["code"] == "RequestTimeOut"


def test_a_failure_is_logged_and_told_without_its_text(make: Callable[..., Session], monkeypatch: pytest.MonkeyPatch) -> None:
    web = Web(make(ONE))

    async def broken(job):
        raise RuntimeError("a secret of the server")
        yield

    monkeypatch.setattr(web.session.source, "speak", broken)
    reply = web.speak()
    assert reply.status_code == 500 and "secret" not in reply.text and reply.headers["x-request-id"]


@pytest.mark.parametrize("log_text", [False, True])
def test_the_log(make: Callable[..., Session], caplog: pytest.LogCaptureFixture, log_text: bool) -> None:
    web = Web(make(ONE, log_text=log_text))
    with caplog.at_level(logging.INFO, "qwen_tts.server"):
        web(
            "POST",
            "/v1/audio/speech",
            json={"input": "the hidden house", "voice": "ryan"} | SHORT,
            headers={"x-request-id": "abc"},
        )
    lines = [record.fields for record in caplog.records if hasattr(record, "fields")]
    assert {line["request_id"] for line in lines} == {"abc"}
    speech = next(line for line in lines if "outcome" in line)
    assert speech["outcome"] == "ok" and speech["characters"] == 16 and speech["audio_seconds"] > 0
    assert ("hidden" in str(lines)) == log_text


def test_counters(make: Callable[..., Session]) -> None:
    web = Web(make(ONE))
    web.speak()
    web.speak(voice="nobody")
    text = web("GET", "/metrics").text
    for line in ('qwen_tts_requests_total{outcome="ok",protocol="openai"} 1.0', "qwen_tts_first_audio_seconds_count 1.0",
                 f'qwen_tts_finished_total{{model="{ONE}",reason="length"}} 1.0', "qwen_tts_playing 0.0",
                 "qwen_tts_waiting 0.0", "qwen_tts_underruns_total", "qwen_tts_chunk_gap_seconds_bucket"):  # fmt: skip
        assert line in text


def test_what_is_refused_before_it_is_spoken_is_counted(web: Web) -> None:
    for wrong in ({"voice": "nobody"}, {"input": " "}, {"model": "gpt-9"}):
        assert web.speak(**wrong).status_code in (400, 404)
        item = {"input": "the house", "voice": "ryan"} | wrong
        web("POST", "/v1/audio/speech/batch", json={"items": [item]})
    web("POST", "/v1/audio/voices", json={"name": "a", "prompt": "deep", "language": "klingon"})
    call = {"model": "qwen3-tts-flash", "input": {"text": "the house", "voice": "nobody"}}
    assert web("POST", "/api/v1/services/aigc/multimodal-generation/generation", json=call).status_code == 400
    web.session.stopping = True
    assert web.speak().status_code == 503
    text = web("GET", "/metrics").text
    for protocol, times in {"openai": 5, "batch": 3, "dashscope": 1}.items():
        assert f'qwen_tts_requests_total{{outcome="refused",protocol="{protocol}"}} {times}.0' in text


def test_answers_are_counted_by_status_whoever_refuses(make: Callable[..., Session]) -> None:
    web = Web(make(ONE, max_body=4000))
    assert web.speak(input=None).status_code == 400  # refused as a body
    assert web.speak(input="x" * 5000).status_code == 413  # refused by the gate
    assert web("GET", "/nowhere").status_code == 404
    text = web("GET", "/metrics").text
    for status in (400, 413, 404):
        assert f'qwen_tts_answers_total{{protocol="openai",status="{status}"}} 1.0' in text


@pytest.mark.parametrize("reading", [False, True])
def test_text_that_comes_in_is_counted(make: Callable[..., Session], caplog: pytest.LogCaptureFixture, reading: bool) -> None:
    session = make(ONE, log_text=True)

    async def pieces() -> AsyncGenerator[str, None]:
        for piece in ("the hid", "den house"):
            yield piece

    async def run() -> None:
        caller = Caller("id", "stream")
        plan = await session.plan(SpeechRequest(voice="ryan", sampling={"max_new_tokens": 3}, reading=reading), caller)
        async for _ in session.speak(plan, pieces(), caller):
            pass

    with caplog.at_level(logging.INFO, "qwen_tts.server"):
        asyncio.run(run())
    assert "qwen_tts_characters_total 16.0" in session.metrics.text().decode()
    (line,) = [record.fields for record in caplog.records if record.message == "speech"]  # type: ignore[attr-defined]
    assert (line["characters"], line["text"]) == (16, "the hidden house")


def test_the_description_is_complete(web: Web) -> None:
    paths = web("GET", "/openapi.json").json()["paths"]
    assert {"/v1/audio/speech", "/v1/audio/speech/batch", "/v1/audio/voices", "/v1/audio/voices/{name}", "/v1/models",
            "/api/v1/services/aigc/multimodal-generation/generation", "/api/v1/services/audio/tts/customization",
            "/health", "/ready", "/metrics"} <= set(paths)  # fmt: skip
    for path, calls in paths.items():
        for method, call in calls.items():
            assert call.get("description") and {"400", "401", "429"} <= set(call["responses"]), (path, method)


def test_a_server_that_stops_speaks_to_the_end(make: Callable[..., Session]) -> None:
    session = make(ONE)

    async def run() -> tuple[bytes, int, int]:
        async with httpx.AsyncClient(base_url=f"http://{address}", timeout=60) as client:
            body = {"input": "the house", "voice": "ryan", "max_new_tokens": 40, "seed": 1, "response_format": "pcm"}
            async with client.stream("POST", "/v1/audio/speech", json=body) as reply:
                parts = reply.aiter_bytes()
                heard = await anext(parts)
                session.stopping = True  # as the server sets it when it is told to stop
                late = await client.post("/v1/audio/speech", json=body)
                ready = await client.get("/ready")
                async for part in parts:
                    heard += part
        return heard, late.status_code, ready.status_code

    alone = Web(session).speak(max_new_tokens=40, response_format="pcm").content
    with listening(session) as address:
        heard, late, ready = asyncio.run(run())
    assert len(heard) == len(alone) > 20_000 and (late, ready) == (503, 503)


@contextmanager
def the_command(model: Path, voices: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server as a process of its own, ready; and its address."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    command = [sys.executable, "-c", "from qwen_tts.cli import app; app()", "serve", "--model", str(model)]
    process = subprocess.Popen([*command, "--port", str(port), "--voices-dir", str(voices)], stderr=subprocess.PIPE, text=True)
    try:
        url, started = f"http://127.0.0.1:{port}", time.monotonic()
        while time.monotonic() < started + 240:
            assert process.poll() is None
            try:
                if httpx.get(f"{url}/ready").status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.2)
        yield process, url
    finally:
        process.kill()
        process.communicate()


def test_the_command(model_dir: Callable[[str], Path], tmp_path: Path) -> None:
    with the_command(model_dir("custom_voice"), tmp_path) as (process, url):
        body = {"input": "the house", "voice": "alloy", "max_new_tokens": 30, "seed": 1, "response_format": "pcm"}
        with httpx.stream("POST", f"{url}/v1/audio/speech", json=body, timeout=60) as reply:
            parts = reply.iter_bytes()
            heard = next(parts)
            process.send_signal(signal.SIGTERM)
            heard += b"".join(parts)
        assert len(heard) > 20_000
        assert process.wait(30) in (0, -signal.SIGTERM)
        assert process.stderr is not None
        lines = [json.loads(line) for line in process.stderr.read().splitlines()]
        assert lines[0]["event"] == "serving" and "stopping" in [line["event"] for line in lines]
        assert [line["outcome"] for line in lines if line["event"] == "speech"] == ["ok"]


@pytest.mark.skipif(sys.platform == "win32", reason="no kill -9 there")
def test_a_server_that_is_killed_leaves_whole_voices(
    model_dir: Callable[[str], Path], tmp_path: Path, recording: bytes
) -> None:
    """Killed while it speaks and takes in voices; the next server on the same directory goes on."""
    accepted: list[str] = []
    body = {"input": "the house", "max_new_tokens": 60, "seed": 1, "response_format": "pcm"}

    def enroll(url: str, first: int) -> None:
        with suppress(httpx.TransportError):
            for number in range(first, 1000, 3):
                fields = {"name": f"voice {number}", "consent": "yes"}
                made = httpx.post(
                    f"{url}/v1/audio/voices", data=fields, files={"audio_sample": ("a.wav", recording)}, timeout=60
                )
                assert made.status_code == 200, made.text
                accepted.append(fields["name"])

    with the_command(model_dir("base"), tmp_path) as (process, url):
        threads = [threading.Thread(target=enroll, args=(url, first)) for first in range(3)]
        for thread in threads:
            thread.start()
        while len(accepted) < 4:
            time.sleep(0.01)
        asked = httpx.stream("POST", f"{url}/v1/audio/speech", json=body | {"voice": accepted[0]}, timeout=60)
        with asked as reply, suppress(httpx.TransportError):
            for _ in reply.iter_bytes():
                process.kill()
            raise AssertionError("the stream was heard to its end")
        for thread in threads:
            thread.join(60)
    store = VoiceStore(tmp_path)
    assert set(accepted) <= set(store.names())  # what was answered is there; one more may be, whose answer was cut off
    for name in store.names():
        store.load(name)
    with the_command(model_dir("base"), tmp_path) as (_, url):
        listed = {voice["name"] for voice in httpx.get(f"{url}/v1/audio/voices").json()["data"]}
        assert set(store.names()) <= listed
        again = httpx.post(f"{url}/v1/audio/speech", json=body | {"voice": accepted[-1]}, timeout=60)
        assert again.status_code == 200 and len(again.content) > 20_000


@pytest.mark.parametrize(
    "options",
    [["--ssl-certfile", "none.pem"], ["--ssl-certfile", "a", "--ssl-keyfile", "b"], ["--api-key", "short"],
     ["--max-streams", "0"], ["--port", "99999"], ["--api-keys-file", "none"], ["--model", "nothing here"]],
)  # fmt: skip
def test_options_that_are_wrong(options: list[str]) -> None:
    done = CliRunner().invoke(app, ["serve", *options])
    assert done.exit_code == 2 and done.stderr.startswith("qwen-tts: ") and len(done.stderr.splitlines()) == 1
