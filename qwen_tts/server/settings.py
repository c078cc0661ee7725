"""What a server allows, as one value."""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..errors import OptionError


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One client's key and what it may do; None means no limit but the server's.

    Attributes:
        name: as it appears in logs.
        digest: SHA-256 of the key, which itself is not kept.
        max_streams: speaking at once.
        requests_per_minute: of speech.
    """

    name: str
    digest: bytes
    max_streams: int | None = None
    requests_per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits and habits.

    Attributes:
        keys: who may ask; empty lets everyone in.
        max_text: characters of one text.
        max_body: bytes of a request's body.
        max_seconds: of audio that one request may get.
        max_streams, max_waiting: requests that speak, and that wait for that, at once.
        max_sockets: WebSockets at once.
        idle_seconds: after which a WebSocket on which nothing happens is closed, and any client let go that takes nothing.
        allow_private: fetch references from addresses that are not public.
        cors: origins that browsers may call from; none by default.
        log_text: write texts into the log.
        grace_seconds: that playing streams get when the server stops.
        max_memory: bytes of weights of all models together; None for no limit.
    """

    keys: tuple[ApiKey, ...] = ()
    max_text: int = 10_000
    max_body: int = 16 * 2**20
    max_seconds: float = 900.0
    max_streams: int = 16
    max_waiting: int = 64
    max_sockets: int = 256
    idle_seconds: float = 120.0
    allow_private: bool = False
    cors: tuple[str, ...] = ()
    log_text: bool = False
    grace_seconds: float = 60.0
    max_memory: int | None = None

    def key(self, given: str) -> ApiKey | None:
        """Whose key it is. All are compared, each in constant time, so that the time tells nothing."""
        digest, found = hashlib.sha256(given.encode("utf-8", "surrogateescape")).digest(), None
        for key in self.keys:
            if hmac.compare_digest(digest, key.digest):
                found = key
        return found


def api_key(secret: str, name: str, **limits: int | None) -> ApiKey:
    """A key from its secret.

    Raises:
        OptionError: it is too short to be one.
    """
    if len(secret) < 8:
        raise OptionError(f"the API key {name!r} has {len(secret)} characters; at least 8 are needed, 32 at random are good")
    return ApiKey(name, hashlib.sha256(secret.encode()).digest(), **limits)


def read_keys(path: Path) -> list[ApiKey]:
    """Keys from a file: one a line, or a JSON list of {"key", "name", "max_streams", "requests_per_minute"}.

    Raises:
        OptionError: it cannot be read, or is neither.
    """
    try:
        text = path.read_text("utf-8-sig")
        listed: Any = json.loads(text) if text.lstrip().startswith("[") else text.split()
    except (OSError, ValueError) as error:
        raise OptionError(f"cannot read API keys from {path}: {error}") from None
    return [_entry(entry, number) for number, entry in enumerate(listed, 1)]


def _entry(entry: Any, number: int) -> ApiKey:
    if isinstance(entry, str):
        return api_key(entry, f"key-{number}")
    legal = ["key", *(field.name for field in fields(ApiKey) if field.name != "digest")]
    if not isinstance(entry, dict) or not isinstance(entry.get("key"), str) or set(entry) - set(legal):
        raise OptionError(f"API key {number} must be an object with {', '.join(legal)}, of which key is needed")
    limits = {name: entry.get(name) for name in legal[2:]}
    if bad := [name for name, value in limits.items() if value is not None and (type(value) is not int or value < 1)]:
        raise OptionError(f"API key {number}: {bad[0]} must be a whole number from 1")
    return api_key(entry["key"], str(entry.get("name") or f"key-{number}"), **limits)


def positive(settings: Settings, names: Sequence[str] = ("max_text", "max_body", "max_streams", "max_sockets")) -> Settings:
    """Raises OptionError for a limit that lets nothing through, or is none."""
    for name in names:
        if getattr(settings, name) < 1:
            raise OptionError(f"{name} must be at least 1")
    for name in ("max_waiting", "grace_seconds"):
        if not getattr(settings, name) >= 0:
            raise OptionError(f"{name} must be 0 or more")
    if not settings.max_seconds > 0:
        raise OptionError("max_seconds must be above 0")
    return settings
