"""OpenAI's endpoints: with its own client as it is, and with requests that it would not send."""

import asyncio
import base64
import io
import json
from collections.abc import Callable

import av
import numpy as np
import openai
import pytest
from serving import SHORT, Web, listening, same, samples

from qwen_tts.batching import policy
from qwen_tts.server.session import Session


def audio_length(data: bytes) -> float:
    with av.open(io.BytesIO(data)) as container:
        return sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))


def test_every_format_is_the_same_speech(web: Web) -> None:
    wave = samples(web.speak(response_format="wav").content)
    model = web.session.models.offers["mini-CustomVoice"].load()
    reference = model.generate_custom_voice("the house", "ryan", retries=0, **SHORT)
    assert len(wave) == len(reference.waves[0]) and np.abs(wave / 32767 - reference.waves[0]).max() < 1e-3
    types = {"mp3": "audio/mpeg", "opus": "audio/ogg", "aac": "audio/aac", "flac": "audio/flac"}
    for form, kind in types.items():
        reply = web.speak(response_format=form)
        assert reply.status_code == 200 and reply.headers["content-type"] == kind
        assert abs(audio_length(reply.content) - len(wave) / 24_000) < 0.1
    assert same(web.speak(response_format="pcm").content, wave.tobytes())


def test_the_default_format_is_that_of_the_client_who_asks(web: Web) -> None:
    body = {"model": "tts-1", "input": "the house", "voice": "alloy"}
    openai_reply = web("POST", "/v1/audio/speech", json=body | {"extra_params": None, "seed": 1, "temperature": 0.5})
    assert openai_reply.headers["content-type"] == "audio/wav"  # extra_params: only vLLM-Omni's clients have it
    assert web.speak(response_format="mp3").headers["content-type"] == "audio/mpeg"


def test_events(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "opening", lambda *_: 1)  # however busy the machine is
    wave = samples(web.speak(response_format="wav").content)
    reply = web.speak(response_format="pcm", stream_format="sse")
    assert reply.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(line[6:]) for line in reply.text.splitlines() if line.startswith("data: ")]
    assert [event["type"] for event in events[:-1]] == ["speech.audio.delta"] * (len(events) - 1) and len(events) > 2
    assert same(b"".join(base64.b64decode(event["audio"]) for event in events[:-1]), wave.tobytes())
    assert events[-1]["type"] == "speech.audio.done" and events[-1]["usage"]["total_tokens"] > 0


def test_mp3_inside_events_as_livekit_asks_for_it(web: Web) -> None:
    body = {"model": "gpt-4o-mini-tts", "input": "the house", "voice": "ash", "response_format": "mp3", "stream_format": "sse"}
    reply = web("POST", "/v1/audio/speech", json=body | SHORT | {"speed": 1.0, "instructions": "softly"})
    lines = [json.loads(line[6:]) for line in reply.text.splitlines() if line.startswith("data: ")]
    data = b"".join(base64.b64decode(line["audio"]) for line in lines if line["type"] == "speech.audio.delta")
    assert 4 * 0.08 <= audio_length(data) < 4 * 0.08 + 0.1


def test_pcm_as_pipecat_asks_for_it(web: Web) -> None:
    body = {"model": "gpt-4o-mini-tts", "input": "the house", "voice": "alloy", "response_format": "pcm"}
    reply = web("POST", "/v1/audio/speech", json=body | SHORT)
    assert reply.headers["content-type"] == "audio/pcm" and len(reply.content) == 4 * 1920 * 2


def test_speed_changes_the_length(web: Web) -> None:
    lengths = [len(samples(web.speak(response_format="wav", speed=speed, max_new_tokens=9).content)) for speed in (0.25, 1, 4)]
    assert 3 < lengths[0] / lengths[1] < 5 and 3 < lengths[1] / lengths[2] < 5


@pytest.mark.parametrize("voice", ["alloy", "Cherry", "Ono Anna", "default", {"id": "ryan"}, None, "SERENA"])
def test_known_names_of_voices(web: Web, voice: object) -> None:
    reply = web.speak(voice=voice)
    assert reply.status_code == 200 and reply.headers["x-qwen-tts-voice"] in ("dylan", "ryan", "serena")


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"voice": "nobody"}, 400, "dylan, ryan, serena"),
        ({"model": "gpt-9"}, 404, "mini-CustomVoice"),
        ({"model": "mini-Base"}, 400, "ref_audio"),
        ({"input": " "}, 400, "empty"),
        ({"input": "x" * 10_001}, 400, "10000"),
        ({"input": None}, 400, "input"),
        ({"input": "\ud800"}, 400, "Unicode"),
        ({"speed": 9}, 400, "speed"),
        ({"response_format": "ogg"}, 400, "response_format"),
        ({"language": "klingon"}, 400, "english"),
        ({"seed": -1}, 400, "seed"),
        ({"task_type": "VoiceDesign"}, 400, "instructions"),
        ({"task_type": "VoiceDesign", "instructions": "\x07 "}, 400, "instructions"),
        ({"task_type": "Base"}, 400, "ref_audio"),
        ({"ref_audio": "/etc/passwd", "ref_text": "root"}, 400, "files of the server"),
        ({"ref_audio": "file:///etc/passwd", "ref_text": "root"}, 400, "files of the server"),
        ({"ref_audio": "http://127.0.0.1:9/a.wav", "ref_text": "root"}, 400, "no public address"),
        ({"ref_audio": "x" * 99, "x_vector_only_mode": True}, 400, "base64"),
        ({"word_timestamps": True}, 400, "word_timestamps"),
        ({"speaker_embedding": [1.0, 2.0]}, 400, "speaker vector"),
        ({"temperature": "hot"}, 400, "temperature"),
        ({"extra_params": {"top_k": []}}, 400, "top_k"),
    ],
)
def test_what_is_refused(web: Web, body: dict[str, object], status: int, words: str) -> None:
    content = json.dumps({"model": "tts-1", "input": "the house", "voice": "ryan"} | body)
    reply = web("POST", "/v1/audio/speech", content=content, headers={"content-type": "application/json"})
    error = reply.json()["error"]
    assert reply.status_code == status and words in error["message"], reply.text
    assert set(error) == {"message", "type", "param", "code"} and error["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b"[" * 100_000, b'{"input":' + b"9" * 5000 + b"}"]
)
def test_malformed_bodies(web: Web, content: bytes) -> None:
    reply = web("POST", "/v1/audio/speech", content=content, headers={"content-type": "application/json"})
    assert reply.status_code == 400 and reply.json()["error"]["message"]


def test_what_is_not_heard_is_told(web: Web) -> None:
    reply = web.speak(model="mini-CustomVoice", ambient_sound="rain", **{"new line\n": 1})
    assert reply.status_code == 200 and reply.headers["x-qwen-tts-ignored"] == "ambient_sound"
    assert "x-qwen-tts-ignored" not in web.speak(instructions="slowly").headers  # this one follows instructions


def test_models(web: Web) -> None:
    listed = web("GET", "/v1/models").json()["data"]
    assert [model["id"] for model in listed] == ["mini-CustomVoice", "mini-Base", "mini-VoiceDesign"]
    assert web("GET", "/v1/models/tts-1").json()["id"] == "tts-1"
    assert web("GET", "/v1/models/none").status_code == 404


def test_a_voice_from_a_sample_from_a_description_and_their_end(web: Web, recording: bytes) -> None:
    fields = {"name": "Anna Bell", "consent": "cons_1", "ref_text": "the house"}
    made = web("POST", "/v1/audio/voices", data=fields, files={"audio_sample": ("a.wav", recording, "audio/wav")})
    assert made.status_code == 200, made.text
    assert made.json()["id"] == "anna bell" and made.json()["success"] and made.json()["voice"]["ref_text"] == "the house"
    again = web("POST", "/v1/audio/voices", data=fields, files={"audio_sample": ("a.wav", recording, "audio/wav")})
    assert again.status_code == 409
    reply = web.speak(voice="Anna Bell", response_format="pcm")
    assert reply.status_code == 200 and reply.headers["x-qwen-tts-model"] == "mini-Base" and len(reply.content) > 1000
    listed = web("GET", "/v1/audio/voices").json()
    assert {"id": "anna bell", "name": "anna bell", "object": "audio.voice", "preset": False} in listed["voices"]
    assert listed["uploaded_voices"][0]["consent"] == "cons_1"
    assert web("DELETE", "/v1/audio/voices/anna bell").json()["deleted"] is True
    assert web("DELETE", "/v1/audio/voices/anna bell").status_code == 404
    assert web.speak(voice="Anna Bell").status_code == 400


@pytest.mark.parametrize("name", ["", "..", "a/b", "ryan", "x" * 99, "con"])
def test_names_that_no_voice_can_have(web: Web, recording: bytes, name: str) -> None:
    made = web("POST", "/v1/audio/voices", data={"name": name, "consent": "c"}, files={"audio_sample": ("a", recording)})
    assert made.status_code in (400, 409), made.text


@pytest.mark.parametrize(
    "options", [{"content": b"x"}, {"json": []}, {"json": {"name": "a"}}, {"data": {"name": "a", "type": "prompt"}}]
)
def test_malformed_voices(web: Web, options: dict[str, object]) -> None:
    assert web("POST", "/v1/audio/voices", **options).status_code == 400
    form = {"content-type": "multipart/form-data; boundary=x"}
    assert web("POST", "/v1/audio/voices", content=b"--x\r\nbroken", headers=form).status_code == 400
    assert web("POST", "/v1/audio/voices", files={"audio_sample": ("a", b"no audio")}, data={"name": "n"}).status_code == 400


def test_the_client_of_openai(make: Callable[..., Session], recording: bytes) -> None:
    with listening(make()) as address:
        client = openai.OpenAI(base_url=f"http://{address}/v1", api_key="unused", max_retries=0, timeout=100)
        assert "mini-Base" in [model.id for model in client.models.list()]
        speech = client.audio.speech
        asked = {"model": "gpt-4o-mini-tts", "voice": "coral", "input": "the house", "extra_body": SHORT}
        whole = speech.create(**asked, response_format="pcm", instructions="softly").content
        with speech.with_streaming_response.create(**asked, response_format="pcm", instructions="softly") as streamed:
            assert same(b"".join(streamed.iter_bytes()), whole)
        with speech.with_streaming_response.create(**asked, stream_format="sse") as streamed:
            lines = [line for line in streamed.iter_lines() if line.startswith("data: ")]
        assert json.loads(lines[-1][6:])["type"] == "speech.audio.done"
        voice = client.audio.voices.create(name="mine", consent="cons_1", audio_sample=("a.wav", recording, "audio/wav"))
        assert voice.object == "audio.voice" and voice.name == "mine"
        assert speech.create(**asked | {"voice": {"id": voice.id}}, response_format="wav").content[:4] == b"RIFF"
        drawn = client.audio.voices.create(
            type="prompt", name="drawn", prompt="a deep voice", script_hint="the house, you see."
        )
        assert drawn.type == "prompt"
        assert client.audio.voices.delete(voice.id).deleted
        with pytest.raises(openai.BadRequestError, match="Supported: dylan"):
            speech.create(**asked | {"voice": "nobody"})
        with pytest.raises(openai.NotFoundError):
            speech.create(**asked | {"model": "gpt-9"})


def test_a_client_that_goes_away_ends_the_work(make: Callable[..., Session], caplog: pytest.LogCaptureFixture) -> None:
    """Even when it has heard something already; and that is no error of the server's."""
    session = make("mini-CustomVoice")

    async def leave() -> None:
        host, _, port = address.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        # of its first twelve seeds, that with the longest speech: 358 frames; others end after 37
        body = json.dumps(
            {"input": "the house " * 100, "voice": "ryan", "max_new_tokens": 2000, "seed": 5, "response_format": "pcm"}
        ).encode()
        lines = "POST /v1/audio/speech HTTP/1.1", "Host: x", "Content-Type: application/json", f"Content-Length: {len(body)}"
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()
        await reader.readuntil(b"\r\n\r\n")
        await reader.read(1000)
        assert session.source.playing
        writer.close()

    with listening(session) as address:
        asyncio.run(asyncio.wait_for(leave(), 30))
        asyncio.run(asyncio.wait_for(session.idle(), 30))
    assert session.source.playing == session.source.waiting == 0
    assert 'outcome="cancelled",protocol="openai"} 1.0' in session.metrics.text().decode()
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
