"""`qwen-tts serve`: the server."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import OptionError

Models = Annotated[
    list[str],
    typer.Option("--model", help='"tiny", a directory, or a name on a hub; several for several tasks.', show_default=False),
]
Host = Annotated[str, typer.Option(help="0.0.0.0 lets other machines in: set keys, and TLS, first.")]
Port = Annotated[int, typer.Option(help="Of HTTP and WebSockets.")]
WyomingPort = Annotated[int | None, typer.Option(help="Also speak the Wyoming protocol (Home Assistant), on this port.")]
Key = Annotated[
    list[str], typer.Option("--api-key", help="Who may ask. Other users see it in the list of processes.", show_default=False)
]
KeysFile = Annotated[Path | None, typer.Option(help="Keys in a file: one a line, or JSON with limits for each.")]
CertFile = Annotated[Path | None, typer.Option("--ssl-certfile", help="TLS: the certificate.")]
KeyFile = Annotated[Path | None, typer.Option("--ssl-keyfile", help="TLS: its key.")]
VoicesDir = Annotated[Path | None, typer.Option(help="Where voices are kept; by default with the data of your programs.")]
Device = Annotated[str, typer.Option(help='"cpu", "cuda:0", or "auto": a GPU if there is one.')]
Engine = Annotated[str, typer.Option(help='How steps run; "auto" is the best of this machine.')]
MaxStreams = Annotated[int, typer.Option(help="Requests that are spoken at once.")]
MaxWaiting = Annotated[int, typer.Option(help="Requests that may wait; more are refused with 429.")]
MaxText = Annotated[int, typer.Option(help="Characters of one text.")]
MaxBody = Annotated[int, typer.Option(help="Bytes of one request.")]
MaxSeconds = Annotated[float, typer.Option(help="Of audio that one request may get.")]
AllowPrivate = Annotated[
    bool, typer.Option("--allow-private", help="Fetch reference audio from addresses that are not public, too.")
]
Cors = Annotated[
    list[str], typer.Option("--cors-origin", help="Origins that browsers may call from; * for all.", show_default=False)
]
LogText = Annotated[bool, typer.Option("--log-text", help="Write what is spoken into the log.")]
MaxMemory = Annotated[
    float | None,
    typer.Option(help="GB of weights of all models together: loaded when asked for, the one unused for longest leaves."),
]
Grace = Annotated[float, typer.Option(help="Seconds that playing streams get when the server is stopped.")]


def serve(
    model: Models = [],  # noqa: B006  # typer's way to say "several, or none"
    host: Host = "127.0.0.1",
    port: Port = 8091,
    wyoming_port: WyomingPort = None,
    api_key: Key = [],  # noqa: B006
    api_keys_file: KeysFile = None,
    ssl_certfile: CertFile = None,
    ssl_keyfile: KeyFile = None,
    voices_dir: VoicesDir = None,
    device: Device = "auto",
    engine: Engine = "auto",
    max_streams: MaxStreams = 16,
    max_waiting: MaxWaiting = 64,
    max_text: MaxText = 10_000,
    max_body: MaxBody = 16 * 2**20,
    max_seconds: MaxSeconds = 900.0,
    allow_private: AllowPrivate = False,
    cors_origin: Cors = [],  # noqa: B006
    log_text: LogText = False,
    max_memory: MaxMemory = None,
    grace_seconds: Grace = 60.0,
) -> None:
    """Serve speech to clients of OpenAI, vLLM-Omni, DashScope and Wyoming."""
    try:
        import fastapi  # noqa: F401
        import prometheus_client  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise OptionError(f'the server needs {error.name}: pip install "qwen-tts[server]"') from None
    from ..server.settings import Settings, positive, read_keys
    from ..server.settings import api_key as made_key

    keys = [made_key(secret, f"key-{number}") for number, secret in enumerate(api_key, 1)]
    keys += read_keys(api_keys_file) if api_keys_file is not None else []
    settings = positive(
        Settings(
            tuple(keys), max_text, max_body, max_seconds, max_streams, max_waiting, allow_private=allow_private,
            cors=tuple(cors_origin), log_text=log_text, grace_seconds=grace_seconds,
            max_memory=None if max_memory is None else int(max_memory * 1e9),
        )
    )  # fmt: skip
    from ..server.run import Address, serve_models

    address = Address(host, port, ssl_certfile, ssl_keyfile, wyoming_port)
    serve_models(model or ["tiny"], address, settings, device, engine, voices_dir)
