"""Audio files that a client fetches later. They live for a day, and not longer than the server; the oldest make room."""

import asyncio
import re
import secrets
import shutil
import tempfile
import time
from pathlib import Path

LIFETIME = 24 * 3600  # seconds
NAME = re.compile(r"[0-9a-f]{32}")


class Spool:
    """A directory of its own, made when the first file comes.

    Args:
        room: bytes that all files may have together.
    """

    def __init__(self, room: int = 2**30) -> None:
        self._room, self._folder = room, None
        self._kept: dict[str, tuple[float, int]] = {}  # name -> when, how large; the oldest first

    async def keep(self, data: bytes) -> str:
        """Writes a file; gives its name, which nobody can guess."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="qwen_tts_audio_"))
        name = secrets.token_hex(16)
        await asyncio.to_thread((self._folder / name).write_bytes, data)
        self._kept[name] = time.monotonic(), len(data)
        self._tidy()
        return name

    def find(self, name: str) -> Path | None:
        """Where a file is, if it is (still) there."""
        self._tidy()
        return self._folder / name if self._folder is not None and NAME.fullmatch(name) and name in self._kept else None

    def close(self) -> None:
        """Removes all."""
        self._kept.clear()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _tidy(self) -> None:
        size = sum(size for _, size in self._kept.values())
        for name, (made, its) in list(self._kept.items()):
            if size <= self._room and time.monotonic() - made < LIFETIME:
                break
            size -= its
            del self._kept[name]
            assert self._folder is not None
            (self._folder / name).unlink(missing_ok=True)
