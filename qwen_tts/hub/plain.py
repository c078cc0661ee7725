"""A plain directory that is as a repository is, and stays so when the repository changes."""

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..files import whole_file
from .transfer import Job, RemoteFile, fetch, writing

WORK = Path(".cache", "qwen_tts")  # what has not ended yet, and (in a cache) what was checked
BOOK = WORK / "files.json"


def fill(
    directory: Path, files: Sequence[RemoteFile], secret: Mapping[str, str], label: str, *, force: bool, book: bool
) -> None:
    """Fetches what is missing or different. Several processes may do it at once: each file comes once.

    Args:
        book: keep a list of what was checked and believe it, as in a cache that nobody else writes to. Without it everything
            that is there already is checked again, and nothing but the files stays.
    Raises:
        DownloadError: as `transfer.fetch`.
    """
    known = read_book(directory) if book else {}

    def is_there(file: RemoteFile) -> bool:
        here = directory / file.path
        if file.hash and known.get(file.path) == file.hash:
            return here.is_file() and here.stat().st_size == file.size
        return file.is_in(here)

    jobs = [_job(directory, file, book) for file in files]
    for job in fetch([job for job in jobs if force or not is_there(job.file)], secret, label):
        if book:
            known[job.file.path] = job.file.hash or ""
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


def _job(directory: Path, file: RemoteFile, book: bool) -> Job:
    work = directory / WORK / (file.path.replace("/", "--") + f".{(file.hash or '')[:8]}")
    lock = work.with_name(work.name + ".lock") if book else _lock_elsewhere(directory)
    return Job(file, directory / file.path, work.with_name(work.name + ".part"), lock)


def _lock_elsewhere(directory: Path) -> Path:
    """One for all files of somebody's own directory, and not in there: it could not be removed, as others may wait for it."""
    name = hashlib.sha256(f"{Path.home()}\n{directory.resolve()}".encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir(), f"qwen_tts-{name}.lock")


def _tidy(directory: Path) -> None:
    """Nothing of ours stays in somebody's own directory."""
    for folder in (directory / WORK, directory / WORK.parent):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
