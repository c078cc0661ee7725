"""A plain directory that is as a repository is, and stays so when the repository changes."""

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from ..files import whole_file
from .transfer import Job, RemoteFile, fetch, locked, writing

WORK = Path(".cache", "qwen_tts")  # what has not ended yet, and (in a cache) what was checked
BOOK = WORK / "files.json"


def fill(
    directory: Path, files: Sequence[RemoteFile], secret: Mapping[str, str], label: str, *, force: bool, book: bool
) -> None:
    """Fetches what is missing or different. Of several processes at once, one does, and the others find it done.

    Args:
        book: keep a list of what was checked and believe it, as in a cache that nobody else writes to. Without it everything
            that is there already is checked again, and nothing but the files stays.
    Raises:
        DownloadError: as `transfer.fetch`.
    """

    def lacking(some: Sequence[RemoteFile]) -> list[RemoteFile]:
        known = read_book(directory) if book else {}

        def is_there(file: RemoteFile) -> bool:
            here = directory / file.path
            if file.hash and known.get(file.path) == file.hash:
                return here.is_file() and here.stat().st_size == file.size
            return file.is_in(here)

        return [file for file in some if force or not is_there(file)]

    wanted = lacking(files)
    if not wanted:  # nor is anything written where all is there
        return
    with ExitStack() as alone:
        with writing(directory):
            alone.enter_context(locked(directory / WORK / "lock" if book else _lock_elsewhere(directory)))
        for job in fetch([_job(directory, file) for file in lacking(wanted)], secret, label):
            if book:
                known = read_book(directory) | {job.file.path: job.file.hash or ""}
                with writing(directory), whole_file(directory / BOOK) as partial:
                    partial.write_text(json.dumps(known, indent=1), "utf-8")
            else:
                _tidy(directory)


def read_book(directory: Path) -> dict[str, str]:
    """Path -> hash of what was checked when it came."""
    try:
        return json.loads((directory / BOOK).read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def _job(directory: Path, file: RemoteFile) -> Job:
    work = directory / WORK / (file.path.replace("/", "--") + f".{(file.hash or '')[:8]}.part")
    return Job(file, directory / file.path, work, None)


def _lock_elsewhere(directory: Path) -> Path:
    """A lock that is not in somebody's own directory, where it could not be removed: others may be waiting for it."""
    name = hashlib.sha256(f"{Path.home()}\n{directory.resolve()}".encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir(), f"qwen_tts-{name}.lock")


def _tidy(directory: Path) -> None:
    """Nothing of ours stays in somebody's own directory."""
    for folder in (directory / WORK, directory / WORK.parent):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
