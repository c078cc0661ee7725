"""The Hugging Face hub: its listing, and its cache in the layout that huggingface_hub shares with all other programs:

    models--OWNER--NAME/refs/main                     the commit
                        snapshots/COMMIT/config.json  a link to
                        blobs/HASH                    sha256 of a large file, git's sha1 of a small one

The files come through `transfer`: huggingface_hub compares only sizes, and begins a file anew after an interruption.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from huggingface_hub import constants, get_token

from ..files import whole_file
from .contents import check_hash, check_path, complete
from .http import ask
from .plain import fill
from .request import Request
from .transfer import Job, RemoteFile, fetch, writing

NAME = "the Hugging Face hub"
MAIN = "main"


def offline() -> bool:
    """Whether the user told huggingface_hub to stay off the network (HF_HUB_OFFLINE)."""
    return constants.HF_HUB_OFFLINE


def cached(request: Request) -> Path | None:
    """The snapshot of the revision, if all is there that loading needs. Asks nobody."""
    folder, revision = _folder(request), request.revision or MAIN
    ref = folder / "refs" / revision
    commit = ref.read_text("utf-8").strip() if ref.is_file() else revision
    snapshot = folder / "snapshots" / commit
    return snapshot if complete(snapshot) else None


def get(request: Request) -> Path:
    """Brings the files that are not there yet, into the cache or into `local_dir`.

    Raises:
        UnreachableError: the hub does not answer; RefusedError: it does not give this.
        DownloadError: as `transfer.fetch`.
    """
    secret = _secret(request)
    commit, files = _listing(request, secret)
    label = request.repo
    if request.local_dir is not None:
        fill(request.local_dir, files, secret, label, force=request.force, book=False)
        return request.local_dir
    folder = _folder(request)
    snapshot = folder / "snapshots" / commit
    missing = [file for file in files if request.force or not (snapshot / file.path).exists()]
    jobs = {file.path: _job(folder, file) for file in missing}
    for _ in fetch([job for job in jobs.values() if request.force or not job.target.exists()], secret, label):
        pass
    for job in jobs.values():
        with writing(folder):
            _link(snapshot / job.file.path, job.target)
    _remember(folder, request.revision or MAIN, commit)
    return snapshot


def _job(folder: Path, file: RemoteFile) -> Job:
    blob = folder / "blobs" / (file.hash or file.path.replace("/", "--"))
    return Job(file, blob, blob.with_name(blob.name + ".part"), folder.parent / ".locks" / folder.name / f"{blob.name}.lock")


def _remember(folder: Path, revision: str, commit: str) -> None:
    """Which commit a branch was last seen at, for when there is no network."""
    ref = folder / "refs" / revision
    if commit == revision or (ref.is_file() and ref.read_text("utf-8") == commit):
        return
    with suppress(OSError):  # a read-only cache that holds all there is to hold
        ref.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(ref) as partial:
            partial.write_text(commit, "utf-8")


def _listing(request: Request, secret: dict[str, str]) -> tuple[str, list[RemoteFile]]:
    """The commit, and its files."""
    base, repo = constants.ENDPOINT, request.repo

    def understand(answer: Any) -> tuple[str, list[RemoteFile]]:
        files, commit = [], check_hash(answer["sha"])
        for entry in answer["siblings"]:
            path, large = entry["rfilename"], entry.get("lfs") or {}
            if request.keep(path):
                url = f"{base}/{repo}/resolve/{commit}/{quote(check_path(path))}"
                sha256, sha1 = check_hash(large.get("sha256")), check_hash(None if large else entry.get("blobId"))
                files.append(RemoteFile(path, int(large.get("size", entry["size"])), url, sha256, sha1))
        return commit or MAIN, files

    return ask(f"{base}/api/models/{repo}/revision/{quote(request.revision or MAIN, safe='')}?blobs=true", secret, understand)


def _folder(request: Request) -> Path:
    root = request.cache_dir or Path(constants.HF_HUB_CACHE)
    return root / f"models--{request.repo.replace('/', '--')}"


def _secret(request: Request) -> dict[str, str]:
    if request.token is False:
        return {}
    token = request.token if isinstance(request.token, str) else get_token()
    return {"Authorization": f"Bearer {token.strip()}"} if token else {}


def _link(pointer: Path, blob: Path) -> None:
    if pointer.exists() and os.path.samefile(pointer, blob):
        return
    pointer.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(pointer) as link:
        try:
            link.symlink_to(os.path.relpath(blob, pointer.parent))
        except OSError:  # Windows wants a right for that, but none for this
            link.hardlink_to(blob)
