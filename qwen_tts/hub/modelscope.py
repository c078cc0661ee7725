"""ModelScope: its listing, and a cache of ours, modelscope/OWNER--NAME/REVISION/, with the files as in the repository."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from ..errors import DownloadError
from ..files import cache_root
from .contents import check_hash, check_path, complete
from .http import RefusedError, ask
from .plain import fill, read_book
from .request import Request
from .transfer import RemoteFile

NAME = "ModelScope"
MAIN = "master"
ENDPOINT = "https://www.modelscope.cn"


def cached(request: Request) -> Path | None:
    """The directory of the revision, if all is there that loading needs. Asks nobody."""
    folder = _folder(request)
    return folder if read_book(folder) and complete(folder) else None


def get(request: Request) -> Path:
    """Brings the files that are not there yet, into the cache or into `local_dir`.

    Raises:
        UnreachableError: ModelScope does not answer; RefusedError: it does not give this.
        DownloadError: as `transfer.fetch`.
    """
    if request.token is True:
        raise DownloadError("there is no stored token for ModelScope: give the token itself")
    token = request.token.strip() if request.token else ""
    secret = {"Authorization": f"Bearer {token}", "Cookie": f"m_session_id={token}"} if token else {}
    files = _listing(request, secret)
    directory = request.local_dir or _folder(request)
    fill(directory, files, secret, request.repo, force=request.force, book=request.local_dir is None)
    return directory


def _listing(request: Request, secret: dict[str, str]) -> list[RemoteFile]:
    base, revision = os.environ.get("MODELSCOPE_ENDPOINT", ENDPOINT).rstrip("/"), request.revision or MAIN
    repo = f"{base}/api/v1/models/{request.repo}/repo"
    url = f"{repo}/files?{urlencode({'Revision': revision, 'Recursive': 'true'})}"

    def understand(answer: Any) -> list[RemoteFile]:
        if answer.get("Success") is False:  # its errors may come with status 200
            raise RefusedError(url, int(answer.get("Code") or 404), str(answer.get("Message", "")))
        files = []
        for entry in answer["Data"]["Files"]:
            path = entry["Path"]
            if entry["Type"] != "tree" and request.keep(path):
                place = urlencode({"Revision": revision, "FilePath": check_path(path)}, quote_via=quote)
                files.append(RemoteFile(path, int(entry["Size"]), f"{repo}?{place}", check_hash(entry.get("Sha256"))))
        return files

    return ask(url, secret, understand)


def _folder(request: Request) -> Path:
    owner_and_name, revision = request.repo.replace("/", "--"), (request.revision or MAIN).replace("/", "--")
    return (request.cache_dir or cache_root()) / "modelscope" / owner_and_name / revision
