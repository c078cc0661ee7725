"""A server in a process of its own, for as long as a benchmark lasts."""

import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Self

import httpx

PATIENCE = 120.0  # seconds until it is ready, and until it has ended


class Server:
    """`qwen-tts serve` on a free port of this machine, ready when the `with` block begins and told to end when it is over.

    Attributes:
        url: of its HTTP interface.
    """

    def __init__(self, model: str, *options: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as bound:
            port = bound.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._folder = tempfile.TemporaryDirectory()
        self._log = Path(self._folder.name) / "log"
        command = [Path(sys.executable).with_name("qwen-tts"), "serve", "--model", model, "--port", str(port)]
        self._command = [*command, "--voices-dir", self._folder.name, *options]

    def __enter__(self) -> Self:
        with self._log.open("w") as log:
            self._process = subprocess.Popen(self._command, stderr=log)
        began = time.monotonic()
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() - began > PATIENCE:
                self._process.kill()
                raise SystemExit("the server did not begin to serve:\n" + "\n".join(self.log()))
            time.sleep(0.2)
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/ready").status_code == 200
        except httpx.TransportError:
            return False

    def alive(self) -> bool:
        return self._process.poll() is None and httpx.get(f"{self.url}/health").status_code == 200

    def memory_mb(self) -> float:
        """What it has in memory now."""
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024

    def end(self) -> int:
        """Asks it to end; its exit status. May be called again."""
        self._process.terminate()
        try:
            return self._process.wait(PATIENCE)
        finally:
            self._process.kill()

    def log(self) -> list[str]:
        return self._log.read_text().splitlines()
