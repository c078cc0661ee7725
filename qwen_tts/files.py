"""Files that appear whole or not at all, and where this package keeps its own."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path, replace: bool = True) -> Iterator[Path]:
    """Gives a name beside `path` to write to. What is there at the end takes the place of `path`; after an error, or an
    interruption, `path` is as it was and nothing else is left.

    Without `replace`, FileExistsError is raised if `path` exists by then: of several writers at once, one succeeds.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        yield partial
        if replace:
            os.replace(partial, path)
        else:
            os.link(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Like `whole_file`, for a folder, which must not exist yet: an empty one to fill."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        partial.mkdir(parents=True)
        yield partial
        partial.rename(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def writable(path: str | os.PathLike[str]) -> tuple[Path, str | None]:
    """The real path (a link's target is replaced, not the link), and why no file can be written there, or None."""
    real = Path(os.path.realpath(path))
    if not real.parent.is_dir():
        return real, f"the folder {real.parent} does not exist; make it first"
    if real.exists() and not real.is_file():
        return real, "it is not a plain file; choose another name"
    if not os.access(real.parent, os.W_OK):
        return real, f"nothing may be written into the folder {real.parent}; choose another, or change its permissions"
    return real, None


def cache_root() -> Path:
    """Where this package keeps what it fetches or computes itself: QWEN_TTS_CACHE, or ~/.cache/qwen_tts."""
    return Path(os.environ.get("QWEN_TTS_CACHE") or Path.home() / ".cache" / "qwen_tts").expanduser()
