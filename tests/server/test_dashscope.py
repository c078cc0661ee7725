"""DashScope: its own client as it is, for HTTP, events and realtime; enrolment by plain requests, as in its documents."""

import asyncio
import base64
import json
import re
import threading
from collections.abc import Callable
from typing import Any

import dashscope
import numpy as np
import pytest
import websockets
from dashscope.audio.qwen_tts_realtime import AudioFormat, QwenTtsRealtime, QwenTtsRealtimeCallback
from serving import Web, endless, listening, same, samples

from qwen_tts.server.callers import Caller
from qwen_tts.server.dashscope_realtime import Talk
from qwen_tts.server.session import Session
from qwen_tts.server.sockets import JsonSocket

ONE = "response.created output_item.added content_part.added audio.delta audio.done content_part.done output_item.done done"
RESPONSE = [ONE.split()[0], *(f"response.{name}" for name in ONE.split()[1:])]
SPEECH = "/api/v1/services/aigc/multimodal-generation/generation"
VOICES = "/api/v1/services/audio/tts/customization"


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """DashScope has no limit on the length of speech; a miniature model would speak until its text's budget is used up."""
    plan = Session.plan

    async def planned(self: Session, *asked: Any) -> Any:
        made = await plan(self, *asked)
        made.arguments["max_new_tokens"] = 8  # type: ignore[index]
        return made

    monkeypatch.setattr(Session, "plan", planned)


class Listener(QwenTtsRealtimeCallback):
    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.ended = threading.Event()

    def on_event(self, message: Any) -> None:
        self.events.append(message)
        if message["type"] == "session.finished":
            self.ended.set()

    def on_close(self, close_status_code: Any, close_msg: Any) -> None:
        self.ended.set()

    def types(self) -> list[str]:
        """Without repetition of deltas."""
        found = [event["type"] for event in self.events]
        return [kind for i, kind in enumerate(found) if i == 0 or kind != found[i - 1] or not kind.endswith("delta")]

    def audio(self) -> bytes:
        return b"".join(base64.b64decode(event["delta"]) for event in self.events if event["type"] == "response.audio.delta")


def realtime(address: str, texts: list[str], commit: bool, **session: Any) -> Listener:
    listener = Listener()
    dashscope.api_key = "unused"
    url = f"ws://{address}/api-ws/v1/realtime"
    client = QwenTtsRealtime(model="qwen3-tts-flash-realtime", callback=listener, url=url)
    client.connect()
    client.update_session(**{"voice": "Cherry", "response_format": AudioFormat.PCM_24000HZ_MONO_16BIT, "seed": 1} | session,
                          mode="commit" if commit else "server_commit")  # fmt: skip
    for text in texts:
        client.append_text(text)
        if commit:
            client.commit()
    client.finish()
    assert listener.ended.wait(60)
    client.close()
    return listener


def test_realtime_in_both_modes(make: Callable[..., Session]) -> None:
    with listening(make("mini-CustomVoice")) as address:
        server = realtime(address, ["The ho", "use"], commit=False)
        committed = "input_text_buffer.committed"
        assert server.types() == ["session.created", "session.updated", committed, *RESPONSE, "session.finished"]
        assert len({event["event_id"] for event in server.events}) == len(server.events)
        assert len(server.audio()) > 1000 and len(server.audio()) % 2 == 0
        done = server.events[-2]["response"]
        assert done["usage"]["characters"] == 9 and done["status"] == "completed" and len(done["output"]) == 1
        shown = server.events[1]["session"]
        assert shown["voice"] == "Cherry" and shown["mode"] == "server_commit" and shown["sample_rate"] == 24_000
        client = realtime(address, ["The house", "and the boat"], commit=True)
        assert client.types().count(committed) == client.types().count("response.done") == 2
        assert client.types().index(committed) < client.types().index("response.created")


@pytest.mark.parametrize(
    ("form", "rate", "magic"), [("wav", 8000, b"RIFF"), ("mp3", 22_050, b"\xff"), ("opus", 48_000, b"OggS")]
)
def test_realtime_formats(make: Callable[..., Session], form: str, rate: int, magic: bytes) -> None:
    with listening(make("mini-CustomVoice")) as address:
        wishes = {"speech_rate": 1.2, "volume": 80, "pitch_rate": 1.1, "bit_rate": 64, "language_type": "English"}
        heard = realtime(address, ["The house"], commit=False, audio_format=form, sample_rate=rate, **wishes)
    assert heard.audio().startswith(magic) and heard.types()[-1] == "session.finished"


def test_volume_speed_and_pitch_are_heard(make: Callable[..., Session]) -> None:
    with listening(make("mini-CustomVoice")) as address:
        plain, loud, fast, high = (
            np.frombuffer(realtime(address, ["The house"], commit=True, **wish).audio(), "<i2").astype(float)
            for wish in ({}, {"volume": 100}, {"speech_rate": 2.0}, {"pitch_rate": 1.5})
        )
    assert 1.8 < loud.std() / plain.std() < 2.2
    assert abs(len(plain) / len(fast) - 2) < 0.3 and abs(len(plain) / len(high) - 1) < 0.15


def events(address: str, *messages: Any, query: str = "?model=qwen3-tts-flash-realtime") -> list[dict[str, Any]]:
    """What a raw client is told, up to the end of the connection."""

    async def run() -> list[dict[str, Any]]:
        came = []
        async with websockets.connect(f"ws://{address}/api-ws/v1/realtime{query}") as socket:
            for message in messages:
                await socket.send(message if isinstance(message, str | bytes) else json.dumps(message))
            async for found in socket:
                came.append(json.loads(found))
        return came

    return asyncio.run(asyncio.wait_for(run(), 60))


def test_realtime_errors(make: Callable[..., Session]) -> None:
    append, finish = {"type": "input_text_buffer.append", "text": "The house"}, {"type": "session.finish"}
    with listening(make("mini-CustomVoice")) as address:
        assert [e["type"] for e in events(address, query="?model=gpt-9")] == ["error"]
        for wrong in ({"voice": "nobody"}, {"speech_rate": 9}, {"response_format": "aac"}, {"mode": "x"}, None):
            came = events(address, {"type": "session.update", "session": wrong}, finish)
            assert [e["type"] for e in came] == ["session.created", "error", "session.finished"]
            assert came[1]["error"]["code"] == "invalid_value"
        odd = ["{", "[]", b"\x00", {"type": "x"}, {"type": "input_text_buffer.append"}, {"type": "input_text_buffer.commit"}]
        came = events(address, *odd, finish)
        assert [e["type"] for e in came].count("error") == len(odd) and came[-1]["type"] == "session.finished"
        cleared = events(
            address, append, {"type": "input_text_buffer.clear"}, {"type": "session.update", "session": {}}, finish
        )
        kinds = [e["type"] for e in cleared]
        assert kinds == ["session.created", "input_text_buffer.cleared", "error", "session.finished"]
        assert "already started" in cleared[2]["error"]["message"]
        half = [append | {"text": "a" * 6000}, {"type": "input_text_buffer.clear"}]  # what is cleared does not wait
        again = events(address, {"type": "session.update", "session": {"mode": "commit"}}, *half, *half, finish)
        assert [e["type"] for e in again][2:] == ["input_text_buffer.cleared"] * 2 + ["session.finished"]
        huge = events(address, {"type": "input_text_buffer.append", "text": "a" * 20_000}, finish)
        assert [e["type"] for e in huge] == ["session.created", "error", "session.finished"]


def test_many_short_sentences_at_once(make: Callable[..., Session]) -> None:
    """They wait as sentences, however many; and what the client finishes is finished."""
    with listening(make("mini-CustomVoice", max_seconds=0.2)) as address:
        came = events(address, *({"type": "input_text_buffer.append", "text": f"It is {n}. "} for n in range(400)),
                      {"type": "session.finish"})  # fmt: skip
    kinds = [e["type"] for e in came]
    assert "error" not in kinds and kinds[-1] == "session.finished"
    assert sum(e["response"]["usage"]["characters"] for e in came if e["type"] == "response.done") > 400 * 8


@pytest.mark.parametrize("leaves", [True, False])
def test_who_leaves_or_cancels_after_finishing_is_heard(
    make: Callable[..., Session], monkeypatch: pytest.MonkeyPatch, leaves: bool
) -> None:
    session = make("mini-CustomVoice", idle_seconds=0.2)  # who waits for speech is not idle
    monkeypatch.setattr(session.source, "speak", endless)

    async def run() -> list[str]:
        kinds = []
        async with websockets.connect(f"ws://{address}/api-ws/v1/realtime?model=qwen3-tts-flash-realtime") as socket:
            for message in ({"type": "input_text_buffer.append", "text": "The house"}, {"type": "session.finish"}):
                await socket.send(json.dumps(message))
            while kinds.count("response.audio.delta") < 20:
                kinds.append(json.loads(await socket.recv())["type"])
            if leaves:
                return kinds
            await socket.send(json.dumps({"type": "input_text_buffer.append", "text": "too late"}))
            await socket.send(json.dumps({"type": "response.cancel"}))
            return [event["type"] for event in [json.loads(found) async for found in socket]]

    with listening(session) as address:
        kinds = asyncio.run(asyncio.wait_for(run(), 30))
        asyncio.run(asyncio.wait_for(session.idle(), 10))
    assert leaves or ("error" in kinds and kinds[-2:] == ["response.done", "session.finished"])


@pytest.mark.parametrize("at", ["input_text_buffer.committed", *RESPONSE[:3]])
def test_who_cancels_early_is_told_of_the_end(make: Callable[..., Session], monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    """Whatever the event that the first cancel crosses on its way, and with more of them: what was begun is ended."""
    session = make("mini-CustomVoice")
    monkeypatch.setattr(session.source, "speak", endless)

    class Crossing(JsonSocket):
        def __init__(self) -> None:
            super().__init__(None, 1.0, 1000)  # type: ignore[arg-type]
            self.sent: list[dict[str, Any]] = []

        async def send(self, data: Any) -> None:
            self.sent.append(data)
            if at in [event["type"] for event in self.sent]:
                asyncio.get_running_loop().call_soon(asyncio.ensure_future, talk._cancel({}))
            await asyncio.sleep(0)

    socket = Crossing()
    talk = Talk(socket, session, Caller("id", "dashscope"), "qwen3-tts-flash-realtime")

    async def run() -> None:
        await talk._append({"type": "", "text": "The house"})
        await talk._finish({})
        await asyncio.wait_for(talk.speak(), 10)

    asyncio.run(run())
    kinds = [event["type"] for event in socket.sent]
    assert [kind for kind in kinds if kind != "response.audio.delta"] == [
        "input_text_buffer.committed", *RESPONSE[:3], *RESPONSE[4:], "session.finished"
    ]  # fmt: skip
    assert socket.sent[-2]["response"]["status"] == "incomplete" and socket.owed == 0


def test_http_and_events_with_the_client(make: Callable[..., Session]) -> None:
    with listening(make("mini-CustomVoice")) as address:
        call = {"model": "qwen3-tts-flash", "text": "The house 家", "voice": "Cherry", "language_type": "English"}
        call |= {"api_key": "unused", "base_address": f"http://{address}/api/v1"}
        whole = dashscope.MultiModalConversation.call(**call, seed=1)
        assert whole.status_code == 200, whole
        assert whole.output.finish_reason == "stop" and whole.usage["characters"] == 12
        url = whole.output.audio["url"]
        parts = list(dashscope.MultiModalConversation.call(**call, seed=1, stream=True))
        heard = b"".join(base64.b64decode(part.output.audio["data"]) for part in parts if part.output.audio["data"])
        import httpx

        file = httpx.get(url)
        assert file.headers["content-type"] == "audio/wav" and same(samples(file.content).tobytes(), heard)
        assert parts[-1].output.finish_reason == "stop" and parts[-1].output.audio["url"]
        wrong = dashscope.MultiModalConversation.call(**call | {"voice": "nobody"})
        assert wrong.status_code == 400 and wrong.code == "InvalidParameter" and "Supported" in wrong.message
        spoken = dashscope.audio.qwen_tts.SpeechSynthesizer.call(**call)
        assert spoken.status_code == 200


def test_voices_by_cloning(web: Web, recording: bytes) -> None:
    def ask(**wish: Any) -> Any:
        return web("POST", VOICES, json={"model": "qwen-voice-enrollment", "input": wish})

    uri = "data:audio/wav;base64," + base64.b64encode(recording).decode()
    model = "qwen3-tts-vc-realtime-2026-01-15"
    made = ask(
        action="create", target_model=model, preferred_name="guanyu", audio={"data": uri}, text="the house", language="en"
    )
    assert made.status_code == 200, made.text
    voice = made.json()["output"]["voice"]
    assert re.fullmatch(r"qwen-tts-vc-guanyu-voice-\d{17}-[0-9a-f]{4}", voice) and made.json()["usage"] == {"count": 1}
    listed = ask(action="list", page_size=10, page_index=0).json()["output"]["voice_list"]
    assert [entry["voice"] for entry in listed] == [voice] and listed[0]["target_model"] == model
    spoken = web("POST", SPEECH, json={"model": "qwen3-tts-vc-2026-01-22", "input": {"text": "the house", "voice": voice}})
    assert spoken.status_code == 200, spoken.text
    assert ask(action="delete", voice=voice).status_code == 200
    gone = ask(action="query", voice=voice)
    assert gone.status_code == 404 and "VoiceNotFound" in gone.json()["code"]
    create = {"action": "create", "target_model": model}
    for wrong in ({}, {"action": "x"}, {"action": "create"}, {"action": "list", "page_size": 0}, {"action": 1},
                  {**create, "preferred_name": "a b", "audio": {"data": uri}},
                  {**create, "preferred_name": "a", "audio": {"data": "file:///etc/passwd"}}):  # fmt: skip
        reply = ask(**wrong)
        assert reply.status_code == 400 and set(reply.json()) == {"code", "message", "request_id"}, reply.text


def test_voices_by_design(web: Web) -> None:
    wish = {"action": "create", "target_model": "qwen3-tts-vd-realtime-2026-01-15", "voice_prompt": "a deep voice",
            "preview_text": "the house", "preferred_name": "deep", "language": "en"}  # fmt: skip
    parameters = {"sample_rate": 16_000, "response_format": "wav"}
    made = web("POST", VOICES, json={"model": "qwen-voice-design", "input": wish, "parameters": parameters})
    assert made.status_code == 200, made.text
    preview = made.json()["output"]["preview_audio"]
    assert preview["sample_rate"] == 16_000 and len(samples(base64.b64decode(preview["data"]))) > 1000
    voice = made.json()["output"]["voice"]
    asked = web("POST", VOICES, json={"model": "qwen-voice-design", "input": {"action": "query", "voice": voice}}).json()
    assert asked["output"]["voice_prompt"] == "a deep voice" and asked["usage"] == {"count": 0}
    assert (
        web("POST", SPEECH, json={"model": "qwen3-tts-vd-2026-01-26", "input": {"text": "a", "voice": voice}}).status_code
        == 200
    )
