"""A server on this machine that speaks the HTTP of both hubs as far as clients need it, and fails on demand."""

import hashlib
import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

LARGE = (".safetensors", ".bin", ".pt")


class StandInHub(ThreadingHTTPServer):
    """Repositories, what is asked of them, and how it goes wrong.

    repos[name][revision] is a directory. Of a file, by its path:
        cuts      request by request, after how many bytes the connection is cut
        pauses    after how many bytes nothing more is sent
        spoiled   how many more times it comes with one wrong byte
        refuse    (status, X-Error-Code) instead of the file, or by a repository's name instead of its listing
    `token` is what is wanted of whoever asks, if anything; `listed_more` are further names in the listings.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repos: dict[str, dict[str, Path]] = defaultdict(dict)
        self.cuts: dict[str, list[int]] = defaultdict(list)
        self.pauses: dict[str, int] = {}
        self.spoiled: dict[str, int] = defaultdict(int)
        self.refuse: dict[str, tuple[int, str]] = {}
        self.listed_more: list[str] = []
        self.ranges = True  # whether a file can be had in part
        self.token: str | None = None
        self.log: list[tuple[str, str, str | None]] = []  # method, file or listing, Range
        self.headers: list[dict[str, str]] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that left

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def asked(self, path: str) -> list[str | None]:
        """The Range headers of the requests for a file."""
        return [span for method, what, span in self.log if method == "GET" and what == path]


@contextmanager
def running() -> Iterator[StandInHub]:
    with StandInHub() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(5)


def commit_of(folder: Path) -> str:
    return hashlib.sha1(b"".join(hash_of(file).encode() for file in files_of(folder).values())).hexdigest()


def files_of(folder: Path) -> dict[str, Path]:
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}


def hash_of(file: Path, git: bool = False) -> str:
    content = file.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest() if git else hashlib.sha256(content).hexdigest()


class Handler(BaseHTTPRequestHandler):
    server: StandInHub
    timeout = 10

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        parts = [unquote(part) for part in url.path.strip("/").split("/")]
        query = {key: value[0] for key, value in parse_qs(url.query).items()}
        self.server.headers.append(dict(self.headers))
        if parts[:3] == ["api", "v1", "models"]:
            self._modelscope("/".join(parts[3:5]), "/".join(parts[5:]), query)
        elif parts[:2] == ["api", "models"]:
            self._listing("/".join(parts[2:4]), parts[4:])
        elif len(parts) > 4 and parts[2] == "resolve":
            self._file("/".join(parts[:2]), parts[3], "/".join(parts[4:]))
        else:
            self._answer(404, b"")

    do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _folder(self, repo: str, revision: str) -> Path | None:
        """The directory; None after an error was sent."""
        self.server.log.append((self.command, repo, None))
        wanted = self.server.token
        if wanted and wanted not in (self.headers.get("Authorization") or ""):
            self._answer(401, b"", {"X-Error-Code": "RepoNotFound"})
        elif repo in self.server.refuse:
            status, code = self.server.refuse[repo]
            self._answer(status, b"", {"X-Error-Code": code})
        elif repo not in self.server.repos:
            self._answer(404, b"", {"X-Error-Code": "RepoNotFound"})
        else:
            revisions = self.server.repos[repo]
            found = revisions.get(revision) or {commit_of(folder): folder for folder in revisions.values()}.get(revision)
            if found is None:
                self._answer(404, b"", {"X-Error-Code": "RevisionNotFound"})
            return found
        return None

    def _listing(self, repo: str, rest: list[str]) -> None:
        revision = rest[1] if len(rest) > 1 else "main"
        folder = self._folder(repo, revision)
        if folder is None:
            return
        entries: list[dict[str, Any]] = []
        tree = rest[:1] == ["tree"]
        for path, file in files_of(folder).items():
            size, name = file.stat().st_size, "path" if tree else "rfilename"
            entry: dict[str, Any] = {"type": "file", name: path, "size": size}
            entry["oid" if tree else "blobId"] = hash_of(file, git=True)
            if path.endswith(LARGE):
                digest = hash_of(file)
                entry["lfs"] = {"sha256": digest, "oid": digest, "size": size, "pointerSize": 134}
            entries.append(entry)
        entries += [{"rfilename": path, "size": 1, "blobId": "0" * 40} for path in self.server.listed_more]
        answer = entries if tree else {"id": repo, "sha": commit_of(folder), "siblings": entries, "private": False}
        self._answer(200, json.dumps(answer).encode())

    def _modelscope(self, repo: str, what: str, query: dict[str, str]) -> None:
        if what == "repo":
            self._file(repo, query["Revision"], query["FilePath"])
            return
        folder = self._folder(repo, query["Revision"])
        if folder is None:
            return
        files = [
            {"Path": path, "Name": file.name, "Type": "blob", "Size": file.stat().st_size, "Sha256": hash_of(file)}
            for path, file in files_of(folder).items()
        ]
        files += [{"Path": "speech_tokenizer", "Name": "speech_tokenizer", "Type": "tree", "Size": 0, "Sha256": ""}]
        self._answer(200, json.dumps({"Code": 200, "Success": True, "Data": {"Files": files}}).encode())

    def _file(self, repo: str, revision: str, path: str) -> None:
        folder = self._folder(repo, revision)
        if folder is None:
            return
        server, span = self.server, self.headers.get("Range")
        server.log.append((self.command, path, span))
        if path in server.refuse:
            status, code = server.refuse[path]
            self._answer(status, b"", {"X-Error-Code": code})
            return
        file = folder / path
        content, digest = file.read_bytes(), hash_of(file, git=not path.endswith(LARGE))
        if server.spoiled[path] and self.command == "GET":
            server.spoiled[path] -= 1
            content = bytes([content[0] ^ 1]) + content[1:]
        headers = {"ETag": f'"{digest}"', "X-Repo-Commit": commit_of(folder)}
        status, whole = 200, len(content)
        if span and server.ranges:
            start = int(span.removeprefix("bytes=").split("-")[0])
            if start >= whole:
                self._answer(416, b"", {"Content-Range": f"bytes */{whole}"})
                return
            status, content = 206, content[start:]
            headers["Content-Range"] = f"bytes {start}-{whole - 1}/{whole}"
        if server.cuts[path] and self.command == "GET":
            self._answer(status, content, headers, server.cuts[path].pop(0))
        else:
            self._answer(status, content, headers, server.pauses.get(path))
            if path in server.pauses:
                self.rfile.read(1)  # until the client leaves

    def _answer(self, status: int, content: bytes, headers: dict[str, str] | None = None, only: int | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[:only])
