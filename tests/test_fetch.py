"""Servers that are slow, endless, circular, or somewhere they should not be: each costs bounded time and memory."""

import contextlib
import http.server
import itertools
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from qwen_tts import fetch as module
from qwen_tts.errors import AudioError
from qwen_tts.fetch import _public, fetch

LIMIT = 2**20
sent = 0  # bytes of /endless


class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        with contextlib.suppress(ConnectionError):  # the client has had enough
            getattr(self, "on_" + self.path.strip("/").partition("/")[0])()

    def reply(self, code: int = 200, **headers: str) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def on_good(self) -> None:
        self.reply(Content_Length="4")
        self.wfile.write(b"good")

    def on_silent(self) -> None:
        time.sleep(2)

    def on_headers(self) -> None:
        """One header after the other, for ever: each comes in time."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for i in range(40):
            self.wfile.write(f"X-{i}: 1\r\n".encode())
            time.sleep(0.05)

    def on_drip(self) -> None:
        self.reply()
        for _ in range(40):
            self.wfile.write(b"x")
            time.sleep(0.05)

    def on_circle(self) -> None:
        self.reply(302, Location="/circle")

    def on_spiral(self) -> None:
        self.reply(302, Location=self.path + "/x")

    def on_once(self) -> None:
        self.reply(301, Location="good")

    def on_file(self) -> None:
        self.reply(302, Location="file:///etc/hostname")

    def on_promise(self) -> None:
        self.reply(Content_Length=str(2**31))

    def on_garbage(self) -> None:
        self.reply(Content_Length="many")
        self.wfile.write(b"good")

    def on_endless(self) -> None:
        global sent
        self.reply()
        for _ in range(2**31 >> 16):
            self.wfile.write(bytes(1 << 16))
            sent += 1 << 16

    def on_redirect_with_a_body(self) -> None:
        global sent
        self.reply(302, Location="good")
        for _ in range(2**31 >> 16):
            self.wfile.write(bytes(1 << 16))
            sent += 1 << 16

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("page", ["good", "once", "garbage"])
def test_what_is_there_is_fetched(url: str, page: str) -> None:
    assert fetch(f"{url}/{page}", 5, LIMIT) == b"good"


@pytest.mark.parametrize("page", ["silent", "headers", "drip"])
def test_slowness_ends_in_time(url: str, page: str) -> None:
    begun = time.monotonic()
    with pytest.raises(AudioError, match="not finished after 0.4 s"):
        fetch(f"{url}/{page}", 0.4, LIMIT)
    assert time.monotonic() - begun < 1.5


def test_a_server_that_takes_no_connection(url: str) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = f"http://127.0.0.1:{full.getsockname()[1]}/a.wav"
        begun = time.monotonic()
        with pytest.raises(AudioError, match="not finished after 0.4 s"):
            fetch(address, 0.4, LIMIT)
        assert time.monotonic() - begun < 1.5


def test_a_name_that_is_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.socket, "getaddrinfo", lambda *args, **options: time.sleep(2))
    begun = time.monotonic()
    with pytest.raises(AudioError, match="not finished after 0.3 s"):
        fetch("http://slow.invalid/a.wav", 0.3, LIMIT)
    assert time.monotonic() - begun < 1.5


@pytest.mark.parametrize("page", ["circle", "spiral"])
def test_redirects_end(url: str, page: str) -> None:
    with pytest.raises(AudioError, match="the last of 5 redirects"):
        fetch(f"{url}/{page}", 5, LIMIT)


def test_redirects_do_not_leave_the_web(url: str) -> None:
    with pytest.raises(AudioError, match="only http and https"):
        fetch(f"{url}/file", 5, LIMIT)


def test_a_promise_of_too_much_is_enough(url: str) -> None:
    with pytest.raises(AudioError, match="larger than 1 MiB"):
        fetch(f"{url}/promise", 5, LIMIT)


@pytest.mark.parametrize("page", ["endless", "redirect_with_a_body"])
def test_two_gigabytes_are_not_taken(url: str, page: str) -> None:
    global sent
    sent = 0
    with contextlib.suppress(AudioError):
        assert fetch(f"{url}/{page}", 20, LIMIT) == b"good" and page != "endless"
    assert sent < 32 * LIMIT  # what the sockets' buffers hold


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]", "2130706433"])
def test_private_addresses_where_they_are_forbidden(url: str, host: str) -> None:
    with pytest.raises(AudioError, match="no public address|unknown"):
        fetch(url.replace("127.0.0.1", host) + "/good", 5, LIMIT, allow_private=False)


def test_a_redirect_to_a_private_address(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first connection passes as public; the second is looked at by itself."""
    first = itertools.chain([True], itertools.repeat(False))
    monkeypatch.setattr(module, "_public", lambda address: next(first))
    with pytest.raises(AudioError, match="no public address"):
        fetch(f"{url}/once", 5, LIMIT, allow_private=False)


def test_what_is_public() -> None:
    public = ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"]
    private = """10.0.0.1 172.16.0.1 192.168.1.1 127.0.0.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.1.1 255.255.255.255 ::1 ::
        fe80::1%eth0 fc00::1 ::ffff:10.0.0.1 64:ff9b::a00:1 2002:a00:1:: ff02::1""".split()
    assert [address for address in public + private if _public(address)] == public


@pytest.mark.parametrize(
    "bad", ["http://", "http://[bad/a", "http://a b/", "http://x:port/", "http://\x00/", "http://no.invalid/"]
)
def test_what_is_no_address(bad: str) -> None:
    with pytest.raises(AudioError, match="cannot download"):
        fetch(bad, 5, LIMIT)


def test_no_thread_and_no_socket_is_left(url: str) -> None:
    before = threading.active_count()
    for _ in range(3):
        fetch(f"{url}/once", 60, LIMIT)
    time.sleep(0.3)
    assert threading.active_count() <= before
