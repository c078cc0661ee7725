"""Wyoming, with its own client."""

import asyncio
from collections.abc import Callable

import pytest
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeStopped, SynthesizeVoice

from qwen_tts.server import wyoming
from qwen_tts.server.session import Session


@pytest.fixture
def session(make: Callable[..., Session], monkeypatch: pytest.MonkeyPatch) -> Session:
    """One that says little: the protocol has no limit on the length of speech."""
    made, plan = make("mini-CustomVoice"), Session.plan

    async def planned(*asked):
        found = await plan(made, *asked)
        found.arguments["max_new_tokens"] = 5
        return found

    monkeypatch.setattr(made, "plan", planned)
    return made


def talk(session: Session, *events: Event, until: str) -> list[Event]:
    """What the server sends until an event of this type."""

    async def run() -> list[Event]:
        server = await wyoming.listen(session, "127.0.0.1", 0)
        came: list[Event] = []
        async with AsyncTcpClient("127.0.0.1", server.sockets[0].getsockname()[1]) as client:
            for event in events:
                await client.write_event(event)
            while not came or came[-1].type != until:
                found = await client.read_event()
                assert found is not None
                came.append(found)
        server.close()
        return came

    return asyncio.run(asyncio.wait_for(run(), 60))


def test_describe(session: Session) -> None:
    info = Info.from_event(talk(session, Describe().event(), until="info")[0])
    assert [voice.name for voice in info.tts[0].voices] == ["dylan", "ryan", "serena"]
    assert info.tts[0].supports_synthesize_streaming and info.tts[0].voices[0].languages == ["zh", "en"]


def test_synthesize(session: Session) -> None:
    came = talk(session, Synthesize("The house", SynthesizeVoice("ryan")).event(), until="audio-stop")
    assert AudioStart.is_type(came[0].type) and AudioStop.is_type(came[-1].type)
    chunks = [AudioChunk.from_event(event) for event in came[1:-1]]
    assert sum(chunk.samples for chunk in chunks) > 1000 and {chunk.rate for chunk in chunks} == {24_000}


def test_text_that_comes_in(session: Session) -> None:
    voice = SynthesizeVoice("serena")
    pieces = [SynthesizeChunk(text).event() for text in ("The ", "house ", "and the boat.")]
    repeated = Synthesize("The house and the boat.", voice).event()
    came = talk(
        session, SynthesizeStart(voice).event(), *pieces, repeated, SynthesizeStop().event(), until="synthesize-stopped"
    )
    kinds = [event.type for event in came]
    assert kinds[0] == "audio-start" and kinds[-2:] == ["audio-stop", "synthesize-stopped"] and kinds.count("audio-start") == 1
    assert SynthesizeStopped.is_type(came[-1].type)


def test_text_that_goes_on_after_a_failure_keeps_nobody_waiting(session: Session) -> None:
    pieces = [SynthesizeChunk("word ").event() for _ in range(wyoming.WAITING + 9)]
    start = SynthesizeStart(SynthesizeVoice("nobody")).event()
    came = talk(session, start, *pieces, SynthesizeStop().event(), Describe().event(), until="info")
    assert {event.type for event in came} >= {"error", "audio-stop"}


@pytest.mark.parametrize(
    "wrong", [Synthesize("").event(), Synthesize("a", SynthesizeVoice("nobody")).event(), Event("synthesize")]
)
def test_what_is_wrong_is_told(session: Session, wrong: Event) -> None:
    came = talk(session, Event("nonsense"), wrong, until="audio-stop")
    assert "error" in [event.type for event in came] and Error.from_event(next(e for e in came if e.type == "error")).text


@pytest.mark.parametrize(
    "wrong", [b"{\n", b"[]\n", b"x" * 100_000, b'{"type": 1}\n', b'{"type": "a", "data_length": 99999999999}\n']
)
def test_what_is_not_wyoming_ends_the_connection(session: Session, wrong: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> bytes:
        server = await wyoming.listen(session, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
        writer.write(wrong)
        found = await asyncio.wait_for(reader.read(), 20)
        writer.close()
        server.close()
        return found

    assert asyncio.run(run()) == b""
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
