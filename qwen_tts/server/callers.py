"""Who is asking, and whether they may ask for more: the limits of API keys."""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .refusals import Refusal
from .settings import ApiKey


@dataclass(frozen=True, slots=True)
class Caller:
    """One request's origin: its id, the protocol it came by, and its key, if the server has any."""

    request_id: str
    protocol: str
    key: ApiKey | None = None


class Usage:
    """What each key is doing now, and did in the last minute."""

    def __init__(self) -> None:
        self._streams: dict[str, int] = {}
        self._asked: dict[str, deque[float]] = {}

    @contextmanager
    def speaking(self, caller: Caller) -> Iterator[None]:
        """Counts one stream of speech while the block runs.

        Raises:
            Refusal: 429, the key has reached one of its limits.
        """
        key = caller.key
        if key is None:
            yield
            return
        self._check(key)
        self._streams[key.name] = self._streams.get(key.name, 0) + 1
        try:
            yield
        finally:
            self._streams[key.name] -= 1

    def _check(self, key: ApiKey) -> None:
        now = time.monotonic()
        asked = self._asked.setdefault(key.name, deque())
        while asked and asked[0] <= now - 60:
            asked.popleft()
        if key.requests_per_minute is not None and len(asked) >= key.requests_per_minute:
            message = f"this key may ask for speech {key.requests_per_minute} times a minute"
            raise Refusal(429, f"{message}; wait, or ask for a higher limit", retry_after=asked[0] + 60 - now)
        if key.max_streams is not None and self._streams.get(key.name, 0) >= key.max_streams:
            message = f"this key may have {key.max_streams} streams of speech at once"
            raise Refusal(429, f"{message}; wait for one to end", retry_after=1)
        asked.append(now)
