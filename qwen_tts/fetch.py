"""A URL's bytes within a time, a size and, where the caller wants it, the public internet. Knows nothing about audio.

The time is for all of it: name look-up, redirects, headers and body, however slowly they drip.
"""

import contextlib
import http.client
import ipaddress
import queue
import socket
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from functools import partial
from typing import Any

from .errors import AudioError

MAX_REDIRECTS = 5
NAT64 = ipaddress.ip_network("64:ff9b::/96")


def fetch(url: str, timeout: float, limit: int, allow_private: bool = True) -> bytes:
    """Downloads an http(s) URL.

    Args:
        url: where.
        timeout: seconds for everything.
        limit: bytes that may come.
        allow_private: False refuses addresses that are not public (this machine, the local network ...), wherever a name or a
            redirect leads; a proxy of the environment is not used then, since it would look names up by itself.
    Raises:
        AudioError: it cannot be had, or not within these limits; the message says which.
    """
    budget = _Budget(time.monotonic() + timeout, allow_private)
    handlers: list[Any] = [_Http(budget), _Https(budget), urllib.request.HTTPErrorProcessor()]
    handlers += [urllib.request.HTTPDefaultErrorHandler()] + ([urllib.request.ProxyHandler()] if allow_private else [])
    opener = urllib.request.OpenerDirector()
    for handler in handlers:
        opener.add_handler(handler)
    watchdog = threading.Timer(timeout, budget.end)
    watchdog.daemon = True
    watchdog.start()
    try:
        data = _get(opener, url, limit, MAX_REDIRECTS)
        if budget.left() <= 0:  # what looks like the end is our own doing
            raise TimeoutError
        return data
    except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: what is no URL
        late = budget.left() <= 0
        if isinstance(error, AudioError) and not late:
            raise
        reason = f"not finished after {timeout:g} s" if late else error
        raise AudioError(f"cannot download {url}: {reason}") from None
    finally:
        watchdog.cancel()
        budget.end()


def _get(opener: urllib.request.OpenerDirector, url: str, limit: int, redirects: int) -> bytes:
    if urllib.parse.urlsplit(url).scheme.lower() not in ("http", "https"):
        raise AudioError(f"cannot download {url}: only http and https are")
    try:
        reply = opener.open(urllib.request.Request(url, headers={"User-Agent": "qwen-tts"}))
        assert reply is not None
    except urllib.error.HTTPError as error:
        target = error.headers.get("Location")
        error.close()
        if error.code not in (301, 302, 303, 307, 308) or not target:
            raise
        if not redirects:
            raise AudioError(f"cannot download {url}: it was the last of {MAX_REDIRECTS} redirects, and leads on") from None
        return _get(opener, urllib.parse.urljoin(url, target), limit, redirects - 1)
    with reply:
        return _body(reply, url, limit)


def _body(reply: Any, url: str, limit: int) -> bytes:
    promised = reply.headers.get("Content-Length") or ""
    expected = int(promised) if promised.isdecimal() and len(promised) < 20 else 0
    data = bytearray()
    while max(expected, len(data)) <= limit and (block := reply.read1(1 << 16)):
        data += block
    if max(expected, len(data)) > limit:
        raise AudioError(f"{url} is larger than {limit >> 20} MiB")
    if len(data) < expected:
        raise AudioError(f"{url}: the connection ended after {len(data)} of {expected} bytes; try again")
    return bytes(data)


class _Budget:
    """The time that is left, and the sockets to cut when it is over."""

    def __init__(self, deadline: float, allow_private: bool) -> None:
        self.deadline, self.allow_private = deadline, allow_private
        self.sockets: list[socket.socket] = []

    def left(self) -> float:
        return self.deadline - time.monotonic()

    def end(self) -> None:
        """Wakes whoever waits for a byte that does not come."""
        while self.sockets:
            with contextlib.suppress(OSError, IndexError), self.sockets.pop() as one:
                one.shutdown(socket.SHUT_RDWR)

    def connect(self, address: tuple[str, int], *_: Any) -> socket.socket:
        """A connection to the first address of a host that answers, if the host may be spoken to."""
        problem: OSError = OSError(f"{address[0]} has no address")
        for family, kind, protocol, _, where in self._look_up(*address):
            if not self.allow_private and not _public(str(where[0])):
                raise AudioError(f"{address[0]} is at {where[0]}, which is no public address; give a URL of the open internet")
            made = socket.socket(family, kind, protocol)
            try:
                made.settimeout(max(self.left(), 0.01))
                made.connect(where)
                self.sockets.append(made.dup())  # stays ours, whatever TLS does with the other
                return made
            except OSError as error:
                made.close()
                problem = error
        raise problem

    def _look_up(self, host: str, port: int) -> list[Any]:
        """`getaddrinfo`, which has no time limit of its own."""
        answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

        def ask() -> None:
            try:
                answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
            except (OSError, UnicodeError) as error:
                answers.put(error)

        threading.Thread(target=ask, daemon=True).start()
        try:
            answer = answers.get(timeout=max(self.left(), 0.01))
        except queue.Empty:
            raise TimeoutError(f"the name {host} was not looked up in time") from None
        if isinstance(answer, list):
            return answer
        raise OSError(f"the host {host} is unknown ({answer})")


def _public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return _public(str(ip.ipv4_mapped))
        if ip.sixtofour is not None or ip.teredo is not None or ip in NAT64:  # IPv4 in disguise
            return False
    return ip.is_global and not ip.is_multicast


def _connection(kind: Any, budget: _Budget, host: str, **options: Any) -> Any:
    made = kind(host, **options)
    made._create_connection = budget.connect  # the place that http.client has for it
    return made


class _Http(urllib.request.HTTPHandler):
    def __init__(self, budget: _Budget) -> None:
        super().__init__()
        self.make = partial(_connection, http.client.HTTPConnection, budget)

    def http_open(self, req: urllib.request.Request) -> Any:
        return self.do_open(self.make, req)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, budget: _Budget) -> None:
        super().__init__()
        self.make = partial(_connection, http.client.HTTPSConnection, budget)

    def https_open(self, req: urllib.request.Request) -> Any:
        return self.do_open(self.make, req)
