"""One request: what can go wrong with it is one of two errors, and secrets stay with the host that they were meant for."""

import http.client
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ..errors import DownloadError

LISTING_TIMEOUT, TRANSFER_TIMEOUT = 10.0, 30.0  # seconds without a byte
GATEWAY = (502, 503, 504)  # whoever answered is not the hub
TEMPORARY = (408, 425, 429, 500)
CHUNK = 1 << 18
Answer = TypeVar("Answer")


class UnreachableError(DownloadError):
    """Nobody answered: the name is unknown, the connection refused, cut, or silent for too long."""


class RefusedError(DownloadError):
    """The server answered with an error."""

    def __init__(self, url: str, status: int, code: str) -> None:
        super().__init__(f"{urlsplit(url).netloc} answered {status} {code}".rstrip())
        self.status, self.code = status, code

    @property
    def temporary(self) -> bool:
        """Whether it may help to ask again."""
        return self.status in TEMPORARY


def open_url(
    url: str, secret: Mapping[str, str], timeout: float = TRANSFER_TIMEOUT, start: int = 0
) -> http.client.HTTPResponse:
    """A GET request, from byte `start` on if the server can do that (then the status is 206).

    Args:
        secret: headers that are not sent along when the server leads elsewhere.
    Raises:
        UnreachableError, RefusedError: see there.
        DownloadError: the server's certificate cannot be trusted.
    """
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "qwen-tts"})
    except ValueError:
        raise DownloadError(f"{url!r} is no address; HF_ENDPOINT and MODELSCOPE_ENDPOINT begin with https://") from None
    for name, value in secret.items():
        request.add_unredirected_header(name, value)
    if start:
        request.add_header("Range", f"bytes={start}-")
    host = urlsplit(url).netloc
    try:
        return urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        with error:
            if error.code in GATEWAY:
                raise UnreachableError(f"{host} answered {error.code}") from None
            raise RefusedError(url, error.code, error.headers.get("X-Error-Code", "")) from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise DownloadError(f"the certificate of {host} cannot be trusted ({reason.verify_message})") from None
        raise UnreachableError(f"{host} cannot be reached ({reason})") from None
    except ValueError:  # its message would show the token
        raise DownloadError(f"the token, or the address of {host}, holds characters that HTTP does not allow") from None


def body(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """What a response holds, piece by piece as it comes.

    Raises:
        UnreachableError: the connection was cut, or silent for too long.
    """
    try:
        while piece := response.read1(CHUNK):
            yield piece
    except (OSError, http.client.HTTPException) as error:
        raise UnreachableError(f"the connection was cut ({error})") from None


def ask(url: str, secret: Mapping[str, str], understand: Callable[[Any], Answer]) -> Answer:
    """What `understand` makes of the JSON that a hub answers with.

    Raises:
        UnreachableError: also for an answer of another shape: it comes from somebody in between.
        RefusedError, DownloadError: as `open_url`.
    """
    with open_url(url, secret, LISTING_TIMEOUT) as response:
        answer = b"".join(body(response))
    try:
        return understand(json.loads(answer))
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError, UnicodeDecodeError):
        raise UnreachableError(f"{urlsplit(url).netloc} does not answer as a hub does") from None
