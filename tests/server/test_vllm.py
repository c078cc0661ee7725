"""vLLM-Omni's endpoints: its scripts' requests, the batch, and the WebSocket that text comes in by."""

import asyncio
import base64
import io
import json
import wave
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
import websockets
from serving import SHORT, Web, endless, listening, same, samples

from qwen_tts.chunks import AudioChunk
from qwen_tts.server.session import Session


def test_the_requests_of_its_scripts(web: Web, recording: bytes) -> None:
    uri = "data:audio/wav;base64," + base64.b64encode(recording).decode()
    shared = {"input": "the house", "response_format": "wav", "language": "Auto", "max_new_tokens": 5}
    asked = [
        {"voice": "vivian", "instructions": "softly", "task_type": "CustomVoice"},
        {"task_type": "VoiceDesign", "instructions": "a deep voice"},
        {"task_type": "Base", "ref_audio": uri, "ref_text": "the house"},
        {"ref_audio": [uri], "x_vector_only_mode": True},
        {"task_type": "Base", "speaker_embedding": [0.1] * 32, "non_streaming_mode": True, "initial_codec_chunk_frames": 2},
        {"references": [{"audio_path": uri, "text": "the house"}], "sample_rate": 8000},
        {"speaker": "Ryan", "stream": True, "stream_format": "audio", "extra_params": {"top_k": 5, "rain": 1}},
    ]
    for body in asked:
        reply = web("POST", "/v1/audio/speech", json=shared | body)
        assert reply.status_code == 200, (body, reply.text)
        assert reply.headers["content-type"] == "audio/wav" and len(samples(reply.content)) > 1000
    assert reply.headers["x-qwen-tts-ignored"] == "extra_params.rain"
    events = web("POST", "/v1/audio/speech", json=shared | {"stream": True, "response_format": "pcm"})
    assert events.headers["content-type"].startswith("text/event-stream") and "speech.audio.done" in events.text


def test_a_batch(web: Web) -> None:
    alone = [samples(web.speak(input=text, response_format="wav").content).tobytes() for text in ("the house", "the boat")]
    items = [{"input": "the house"}, {"input": ""}, {"input": "the boat"}, {"voice": "nobody", "input": "a"}, {"seed": 1}]
    reply = web("POST", "/v1/audio/speech/batch", json={"items": items, "voice": "ryan", "response_format": "pcm"} | SHORT)
    assert reply.status_code == 200, reply.text
    found = reply.json()
    assert (found["total"], found["succeeded"], found["failed"]) == (5, 2, 3)
    assert same(base64.b64decode(found["results"][0]["audio_data"]), alone[0])
    assert same(base64.b64decode(found["results"][2]["audio_data"]), alone[1])
    assert "empty" in found["results"][1]["error"] and "Supported" in found["results"][3]["error"]
    assert web("POST", "/v1/audio/speech/batch", json={"items": []}).status_code == 400
    (file,) = web("POST", "/v1/audio/speech/batch", json={"items": items[:1], "voice": "ryan"} | SHORT).json()["results"]
    with wave.open(io.BytesIO(base64.b64decode(file["audio_data"]))) as read:  # a whole file knows its length
        assert same(read.readframes(read.getnframes()), alone[0]) and read.getnframes() * 2 == len(alone[0])


def talk(address: str, *messages: Any, until: str = "session.done") -> list[Any]:
    """Sends messages, and takes what comes until an event of this type."""

    async def run() -> list[Any]:
        came: list[Any] = []
        async with websockets.connect(f"ws://{address}/v1/audio/speech/stream") as socket:
            for message in messages:
                await socket.send(message if isinstance(message, str | bytes) else json.dumps(message))
            while not came or came[-1] is bytes or came[-1].get("type") != until:
                found = await socket.recv()
                came.append(json.loads(found) if isinstance(found, str) else {"bytes": found})
        return came

    return asyncio.run(asyncio.wait_for(run(), 60))


CONFIG = {"type": "session.config", "voice": "ryan", "response_format": "pcm", "stream_audio": True} | SHORT


def test_text_that_comes_in(make: Callable[..., Session]) -> None:
    words = [{"type": "input.text", "text": word} for word in ("The ", "house. ", "The boat.")]
    done = {"type": "input.done"}
    session = make("mini-CustomVoice")
    with listening(session) as address:
        whole = talk(address, CONFIG, *words, done)
        assert "qwen_tts_characters_total 20.0" in session.metrics.text().decode()
        assert [m["type"] for m in whole if "type" in m] == ["audio.start", "audio.done", "session.done"]
        assert sum(len(m["bytes"]) for m in whole if "bytes" in m) == whole[-2]["total_bytes"] > 1000
        parts = talk(address, CONFIG | {"split_granularity": "sentence"}, *words, done)
        assert [m["sentence_text"] for m in parts if m.get("type") == "audio.start"] == ["The house.", "The boat."]
        assert parts[-1]["total_sentences"] == 2
        alone = talk(address, CONFIG | {"stream_audio": False, "response_format": "wav"}, *words, done)
        assert [bytes] == [type(m["bytes"]) for m in alone if "bytes" in m]
        file = next(m["bytes"] for m in alone if "bytes" in m)
        assert len(samples(file)) * 2 == whole[-2]["total_bytes"] == int.from_bytes(file[40:44], "little")


def test_one_utterance_after_the_other(make: Callable[..., Session]) -> None:
    async def run() -> list[dict[str, Any]]:
        events = []
        async with websockets.connect(f"ws://{address}/v1/audio/speech/stream") as socket:
            await socket.send(json.dumps(CONFIG))
            for text in ("the house", "the boat"):
                await socket.send(json.dumps({"type": "input.text", "text": text}))
                await socket.send(json.dumps({"type": "input.done"}))
            while len([event for event in events if event["type"] == "session.done"]) < 2:
                found = await socket.recv()
                events += [json.loads(found)] if isinstance(found, str) else []
            await socket.send(json.dumps({"type": "session.close"}))
            await socket.wait_closed()
        return events

    with listening(make("mini-CustomVoice")) as address:
        events = asyncio.run(asyncio.wait_for(run(), 60))
    assert [event["utterance_index"] for event in events if event["type"] == "audio.start"] == [0, 1]


@pytest.mark.parametrize(
    "wrong",
    ["{", "[]", '{"type": 1}', b"\x00", '{"type": "input.text", "text": "a"}', '{"type": "session.config", "voice": "nobody"}',
     '{"type": "session.config", "speed": 99}', '{"type": "session.config", "stream_audio": true, "response_format": "mp3"}'],
)  # fmt: skip
def test_what_is_wrong_is_told_and_the_connection_goes_on(make: Callable[..., Session], wrong: str | bytes) -> None:
    later = [{"type": "nonsense"}, {"type": "input.text"}, {"type": "input.text", "text": "the house"}, {"type": "input.done"}]
    with listening(make("mini-CustomVoice")) as address:
        came = talk(address, wrong, CONFIG, *later)
    assert [m["type"] for m in came if "type" in m][:1] == ["error"]
    assert [m["type"] for m in came if "type" in m].count("error") == 3 and came[-1]["total_sentences"] == 1


def test_who_waits_for_speech_is_not_idle(make: Callable[..., Session], monkeypatch: pytest.MonkeyPatch) -> None:
    session = make("mini-CustomVoice", idle_seconds=0.2)

    async def slow(job: Any) -> AsyncGenerator[AudioChunk, None]:
        await asyncio.sleep(0.8)
        yield replace(await anext(endless(job)), finish_reason="eos")

    monkeypatch.setattr(session.source, "speak", slow)
    with listening(session) as address:
        whole = talk(address, CONFIG | {"stream_audio": False}, {"type": "input.text", "text": "a"}, {"type": "input.done"})
        assert len(whole[1]["bytes"]) == whole[2]["total_bytes"] > 0
        with pytest.raises(websockets.ConnectionClosedOK):
            talk(address, CONFIG, {"type": "input.text", "text": "a"}, until="never")


def test_who_leaves_ends_a_batch(make: Callable[..., Session], monkeypatch: pytest.MonkeyPatch) -> None:
    session = make("mini-CustomVoice", max_seconds=1e9)
    monkeypatch.setattr(session.source, "speak", endless)
    items = [{"input": "the house"}] * 3
    with listening(session) as address:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"http://{address}/v1/audio/speech/batch", json={"items": items}, timeout=1)
        asyncio.run(asyncio.wait_for(session.idle(), 10))
    assert 'outcome="cancelled",protocol="batch"} 3.0' in session.metrics.text().decode()


def test_a_piece_of_text_has_a_limit(make: Callable[..., Session]) -> None:
    pieces = [{"type": "input.text", "text": text} for text in ("the house", "It is 12. " * 20)]
    with listening(make("mini-CustomVoice", max_text=100)) as address:
        came = talk(address, CONFIG | {"split_granularity": "sentence"}, *pieces, {"type": "input.done"})
    assert [m["code"] for m in came if m.get("type") == "error"] == [413] and came[-1]["total_sentences"] == 1


def test_who_leaves_ends_the_work(make: Callable[..., Session]) -> None:
    session = make("mini-CustomVoice")

    async def leave() -> None:
        async with websockets.connect(f"ws://{address}/v1/audio/speech/stream") as socket:
            await socket.send(json.dumps(CONFIG | {"max_new_tokens": 2000}))
            await socket.send(json.dumps({"type": "input.text", "text": "the house " * 50}))
            await socket.send(json.dumps({"type": "input.done"}))
            while isinstance(await socket.recv(), str):
                pass

    with listening(session) as address:
        asyncio.run(asyncio.wait_for(leave(), 60))
        asyncio.run(asyncio.wait_for(session.idle(), 30))
    assert session.source.playing == 0
