"""Who may ask: keys, and web pages of other origins."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from serving import SHORT, Web, listening

from qwen_tts.errors import OptionError
from qwen_tts.server.session import Session
from qwen_tts.server.settings import Settings, api_key, read_keys

SECRET = "a-key-of-some-length"
ONE = "mini-CustomVoice"


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def test_keys(make: Callable[..., Session]) -> None:
    keys = (api_key(SECRET, "first"), api_key("another-one-of-them", "second", requests_per_minute=2))
    web = Web(make(ONE, keys=keys))
    for path in ("/v1/models", "/metrics", "/openapi.json"):
        for headers in ({}, bearer("wrong"), bearer(SECRET + "x"), {"authorization": f"Basic {SECRET}"}):
            reply = web("GET", path, headers=headers)
            assert reply.status_code == 401 and reply.json()["error"]["code"] == "invalid_api_key"
        assert web("GET", path, headers=bearer(SECRET)).status_code == 200
        assert web("GET", path, headers={"x-api-key": SECRET}).status_code == 200
    assert web("GET", "/health").status_code == web("GET", "/ready").status_code == 200
    told = web("POST", "/api/v1/services/audio/tts/customization", json={}).json()
    assert told["code"] == "InvalidApiKey" and told["request_id"]
    body = {"input": "the house", "voice": "ryan"} | SHORT
    found = [web("POST", "/v1/audio/speech", json=body, headers=bearer("another-one-of-them")) for _ in range(3)]
    assert [reply.status_code for reply in found] == [200, 200, 429] and 50 < int(found[2].headers["retry-after"]) <= 60


def test_a_key_has_so_many_streams(make: Callable[..., Session]) -> None:
    session = make(ONE, keys=(api_key(SECRET, "first", max_streams=1),))

    async def run() -> list[int]:
        body = {"input": "the house", "voice": "ryan", "max_new_tokens": 40}
        async with httpx.AsyncClient(base_url=f"http://{address}", headers=bearer(SECRET), timeout=60) as client:
            replies = await asyncio.gather(*(client.post("/v1/audio/speech", json=body) for _ in range(3)))
        return sorted(reply.status_code for reply in replies)

    with listening(session) as address:
        assert asyncio.run(run()) == [200, 429, 429]


def test_keys_on_a_websocket(make: Callable[..., Session]) -> None:
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    with listening(make(ONE, keys=(api_key(SECRET, "first"),))) as address:
        for path in ("/v1/audio/speech/stream", "/api-ws/v1/realtime?model=qwen-tts"):
            with pytest.raises(InvalidStatus) as refused:
                connect(f"ws://{address}{path}")
            assert refused.value.response.status_code == 401
            with connect(f"ws://{address}{path}", additional_headers=bearer(SECRET)):
                pass


def test_web_pages_of_other_origins_open_no_websocket(make: Callable[..., Session]) -> None:
    """Browsers ask nobody whether a page may open one: the server has to look where the page is from."""
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    path = "/v1/audio/speech/stream"
    with listening(make(ONE, cors=("https://friend.example",))) as address:
        for origin in ("https://example.com", "null", f"http://{address}.example.com"):
            with pytest.raises(InvalidStatus) as refused:
                connect(f"ws://{address}{path}", additional_headers={"origin": origin})
            assert refused.value.response.status_code == 403
        for origin in ("https://friend.example", f"http://{address}"):
            with connect(f"ws://{address}{path}", additional_headers={"origin": origin}):
                pass
    with (
        listening(make(ONE, keys=(api_key(SECRET, "first"),))) as address,
        connect(f"ws://{address}{path}?api_key={SECRET}", additional_headers={"origin": "https://example.com"}),
    ):
        pass


@pytest.mark.parametrize(
    "text", ["short", '[{"key": "long enough", "max": 1}]', '[{"key": "long enough", "max_streams": 0}]', "[1", "[[]]"]
)
def test_files_of_keys_that_are_wrong(tmp_path: Path, text: str) -> None:
    (tmp_path / "keys").write_text(text, "utf-8")
    with pytest.raises(OptionError):
        read_keys(tmp_path / "keys")


def test_files_of_keys(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"{SECRET}\nanother-one-of-them\n", "utf-8")
    settings = Settings(tuple(read_keys(tmp_path / "keys")))
    assert [key.name for key in settings.keys] == ["key-1", "key-2"] and settings.key(SECRET) == settings.keys[0]
    (tmp_path / "keys").write_text(json.dumps([{"key": SECRET, "name": "shop", "max_streams": 3}]), "utf-8")
    assert read_keys(tmp_path / "keys")[0].max_streams == 3


def test_browsers_may_call_only_when_allowed(make: Callable[..., Session]) -> None:
    origin = {"origin": "https://example.com"}
    assert "access-control-allow-origin" not in Web(make(ONE))("GET", "/v1/models", headers=origin).headers
    allowed = Web(make(ONE, cors=("https://example.com",), keys=(api_key(SECRET, "first"),)))
    assert allowed("GET", "/health", headers=origin).headers["access-control-allow-origin"] == "https://example.com"
    asked = origin | {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    assert allowed("OPTIONS", "/v1/audio/speech", headers=asked).status_code == 200
