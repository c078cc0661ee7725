"""Files from a server: resumed after a cut, checked, and in their place only when they are whole."""

import errno
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from huggingface_hub.utils import WeakFileLock

from ..errors import DownloadError
from .http import CHUNK, RefusedError, UnreachableError, body, open_url
from .progress import progress

TRIES, PAUSE = 5, 0.5  # fruitless tries in a row; seconds before the second, then twice as long each
FRUIT = 1 << 20  # bytes that make a try worth another five


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a listing. `path` is the one in the repository; a hub gives one of the two hashes, or none."""

    path: str
    size: int
    url: str
    sha256: str | None = None
    git_sha1: str | None = None

    @property
    def hash(self) -> str | None:
        return self.sha256 or self.git_sha1

    def is_in(self, file: Path) -> bool:
        """Whether this is what the file holds: its size, and the hash if the hub gave one."""
        if not file.is_file() or file.stat().st_size != self.size:
            return False
        digest = hashlib.sha256() if self.sha256 else hashlib.sha1(f"blob {self.size}\0".encode())  # as git does it
        if self.hash:
            with file.open("rb") as content:
                while piece := content.read(CHUNK):
                    digest.update(piece)
        return self.hash in (None, digest.hexdigest())


@dataclass(frozen=True, slots=True)
class Job:
    """A file, where it goes, where it grows (this stays after an error), and what is locked meanwhile; make it before you look
    whether the file is there: what another process puts there later is not fetched again.
    """

    file: RemoteFile
    target: Path
    part: Path
    lock: Path
    before: tuple[int, int] | None = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "before", _stamp(self.target))


def fetch(jobs: Sequence[Job], secret: Mapping[str, str], label: str) -> Iterator[Job]:
    """Transfers files, small ones first: who finds the weights finds the rest. Yields each job when its file is in place,
    while it is still locked.

    Raises:
        DownloadError: no room, no permission, a connection that is cut again and again, or twice the wrong content.
    """
    _check_room(jobs)
    with progress(sum(job.file.size for job in jobs), label) as advance:
        for job in sorted(jobs, key=lambda job: job.file.size):
            with writing(job.target.parent):
                job.lock.parent.mkdir(parents=True, exist_ok=True)
                with WeakFileLock(job.lock):  # two processes that want one file do not write into one part
                    for path in (job.target, job.part):
                        path.parent.mkdir(parents=True, exist_ok=True)
                    if _stamp(job.target) == job.before:
                        _fetch_one(job, secret, advance)
                    yield job


def _stamp(file: Path) -> tuple[int, int] | None:
    """Another one when somebody has put a new file there."""
    if not file.exists():
        return None
    status = file.stat()
    return status.st_ino, status.st_mtime_ns


def _fetch_one(job: Job, secret: Mapping[str, str], advance: Callable[[int], object]) -> None:
    for _ in range(2):
        _receive(job, secret, advance)
        if job.file.is_in(job.part):
            os.replace(job.part, job.target)
            return
        advance(-job.part.stat().st_size)
        job.part.unlink()
    raise DownloadError(
        f"{job.file.path}: what the server sent is not what its listing says (size or checksum), twice; "
        "nothing of it was kept. Try again later, or from the other hub (source=, --from)"
    )


def _receive(job: Job, secret: Mapping[str, str], advance: Callable[[int], object]) -> None:
    """Lets the part grow to its size, in as many requests as that takes."""
    job.part.touch()
    have, left = job.part.stat().st_size, TRIES
    advance(have)
    while have < job.file.size:
        try:
            _append(job, secret, have, advance)
            cause = "it ended early"
        except UnreachableError as error:
            cause = str(error)
        except RefusedError as error:
            if error.status == 416:  # the part is longer than the file now is
                advance(-have)
                job.part.write_bytes(b"")
            elif not error.temporary:
                raise
            cause = str(error)
        before, have = have, job.part.stat().st_size
        left = TRIES if have >= before + FRUIT else left - 1
        if have < job.file.size:
            if left == 0:
                raise DownloadError(
                    f"{job.file.path}: the transfer does not get on ({cause}); {have} of {job.file.size} bytes are kept in "
                    f"{job.part}: the same call goes on from there"
                )
            time.sleep(PAUSE * 2 ** (TRIES - left - 1) if left < TRIES else 0)


def _append(job: Job, secret: Mapping[str, str], have: int, advance: Callable[[int], object]) -> None:
    """One request for what is still missing."""
    with open_url(job.file.url, secret, start=have) as response:
        goes_on = response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        if have and not goes_on:  # a server that begins at the beginning, asked or not
            advance(-have)
            have = 0
        with job.part.open("ab" if have else "wb") as part:
            for piece in body(response):
                part.write(piece)
                advance(len(piece))
                have += len(piece)
                if have > job.file.size:  # wrong in any case: do not fill the disk with it
                    return


@contextmanager
def writing(directory: Path) -> Iterator[None]:
    """Says which directory it was that could not be written, and what to do about it."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        todo = "make room" if full else "it must be writable"
        raise DownloadError(
            f"cannot write in {directory} ({error.strerror or error}): {todo}, or choose another directory with cache_dir= "
            "(--cache-dir, --local-dir)"
        ) from None


def _check_room(jobs: Sequence[Job]) -> None:
    """Raises DownloadError at once rather than when the disk is full."""
    if not jobs:
        return
    place = jobs[0].target.parent
    while not place.exists():
        place = place.parent
    needed = sum(job.file.size - _size(job.part) for job in jobs)
    free = shutil.disk_usage(place).free
    if needed > free:
        raise DownloadError(
            f"{needed / 1e9:.1f} GB are to come, {free / 1e9:.1f} GB are free in {place}: make room, or choose another "
            "directory with cache_dir= (--cache-dir, --local-dir)"
        )


def _size(file: Path) -> int:
    """Zero where there is none, or none any more: another process may have just put it in its place."""
    try:
        return file.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return 0
