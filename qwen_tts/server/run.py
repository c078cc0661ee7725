"""The process: loads models, listens, and stops without cutting off who is being spoken to."""

import asyncio
import ctypes
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from ..errors import OptionError
from ..model import Qwen3TTSModel
from ..voice_store import VoiceStore
from . import wyoming
from .app import application
from .logs import log
from .logs import start as start_log
from .models import Models, Offer, offer_loaded, offer_named
from .session import Session
from .settings import Settings
from .source import Batched, Source

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8  # of glibc's malloc.h
LARGE = 8 << 20  # bytes; with 256 KiB, where each decoded call is a block of its own, a server speaks a third less
TIDY_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; `wyoming_port` None for not at all."""

    host: str = "127.0.0.1"
    port: int = 8091
    ssl_certfile: Path | None = None
    ssl_keyfile: Path | None = None
    wyoming_port: int | None = None


def make_session(
    models: Mapping[str, Qwen3TTSModel | Offer],
    settings: Settings,
    voices_dir: Path | None = None,
    source: Source | None = None,
) -> Session:
    """A session over models.

    Args:
        models: name -> model, loaded or offered.
        settings: limits.
        voices_dir: where voices are kept.
        source: of speech; by default a scheduler for each model.
    """
    made = source or Batched(settings.max_streams, settings.max_waiting)
    offers = {name: model if isinstance(model, Offer) else offer_loaded(model) for name, model in models.items()}
    return Session(Models(offers, settings.max_memory, made.forget), VoiceStore(voices_dir), made, settings)


class Server(uvicorn.Server):
    """Uvicorn, which on its way out lets playing streams come to their end.

    New speech is refused as soon as the server stops; connections stay open, so that a client is told so.
    """

    def __init__(self, config: uvicorn.Config, session: Session) -> None:
        super().__init__(config)
        self._session = session

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._session.stopping = True
        log("stopping", playing=self._session.source.playing)
        try:
            await asyncio.wait_for(self._session.idle(), self._session.settings.grace_seconds)
        except TimeoutError:
            log("cut off", playing=self._session.source.playing)
        await super().shutdown(sockets)


def check(address: Address) -> None:
    """To be called before models are loaded.

    Raises:
        OptionError: only one of the two TLS files was given, one is not there, or the port is taken.
    """
    if (address.ssl_certfile is None) != (address.ssl_keyfile is None):
        raise OptionError("--ssl-certfile and --ssl-keyfile go together")
    for path in (address.ssl_certfile, address.ssl_keyfile):
        if path is not None and not path.is_file():
            raise OptionError(f"there is no file {path}")
    for port in {address.port, address.wyoming_port} - {None, 0}:
        try:
            socket.create_server(
                (address.host, port or 0), family=socket.AF_INET6 if ":" in address.host else socket.AF_INET
            ).close()
        except (OSError, OverflowError) as error:
            raise OptionError(f"cannot listen on {address.host}:{port}: {getattr(error, 'strerror', None) or error}") from None


def server(session: Session, address: Address) -> Server:
    """An HTTP server for a session; its `serve()` runs it."""
    options: dict[str, Any] = {"ssl_certfile": address.ssl_certfile, "ssl_keyfile": address.ssl_keyfile}
    config = uvicorn.Config(
        application(session), address.host, address.port, log_config=None, access_log=False, server_header=False,
        ws_max_size=session.settings.max_body, timeout_graceful_shutdown=5, **options,
    )  # fmt: skip
    return Server(config, session)


def serve_models(
    names: Sequence[str], address: Address, settings: Settings, device: str, engine: str, voices_dir: Path | None
) -> None:
    """Serves models until the process is told to stop (SIGTERM, SIGINT).

    Raises:
        OptionError: an option, or a model's name, is not legal; or the port is taken.
    """
    check(address)
    session = open_session(names, settings, device, engine, voices_dir)
    start_log()
    asyncio.run(_serve(session, address))


def open_session(names: Sequence[str], settings: Settings, device: str, engine: str, voices_dir: Path | None) -> Session:
    """A session over models by name: loaded now, or with a limit of memory when asked for.

    Raises:
        OptionError: an option, or a model's name, is not legal.
    """
    _keep_memory_whole()
    offers = {public_name(name): offer_named(name, voices_dir, device_map=device, engine=engine) for name in names}
    session = make_session(offers, settings, voices_dir)
    if settings.max_memory is None:
        session.models.load()
    return session


async def _serve(session: Session, address: Address) -> None:
    made, second = server(session, address), None
    if address.wyoming_port is not None:
        second = await wyoming.listen(session, address.host, address.wyoming_port)
    log(
        "serving", models=list(session.models.offers), host=address.host, port=address.port, keys=len(session.settings.keys),
        wyoming_port=address.wyoming_port,
    )  # fmt: skip
    tidying = asyncio.create_task(_tidy())
    try:
        await made.serve()
    finally:
        tidying.cancel()
        if second is not None:
            second.close()
        session.close()


def _keep_memory_whole() -> None:
    """Tells glibc to keep few heaps, whatever number of threads come and go, and large blocks apart from them."""
    tell = _of_glibc("mallopt")
    if tell is not None:
        tell(M_ARENA_MAX, 2)
        tell(M_MMAP_THRESHOLD, LARGE)


def _of_glibc(name: str) -> Any:
    """A function of the C library; None where that is another one."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None


async def _tidy() -> None:
    """Gives memory that is free back to the system from time to time."""
    trim = _of_glibc("malloc_trim")
    while trim is not None:
        await asyncio.sleep(TIDY_SECONDS)
        await asyncio.to_thread(trim, 0)


def public_name(name: str) -> str:
    """What clients call a model: its name on a hub, or its directory's."""
    path = Path(name)
    return path.resolve().name if path.is_dir() else name
