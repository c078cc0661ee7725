"""`qwen-tts download`: a released model to the disk, to be used where there is no network."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import OptionError

Model = Annotated[str, typer.Argument(help="A name on the hubs, such as Qwen/Qwen3-TTS-12Hz-0.6B-Base.", show_default=False)]
LocalDir = Annotated[
    Path | None, typer.Option("--local-dir", "--local_dir", help="A plain directory; by default the hub's cache.")
]
From = Annotated[
    str | None,
    typer.Option("--from", help="huggingface or modelscope; by default the first, and the other where that cannot be reached."),
]
Revision = Annotated[str | None, typer.Option(help="A branch, tag or commit.")]
CacheDir = Annotated[Path | None, typer.Option("--cache-dir", "--cache_dir", help="In place of the hub's usual cache.")]
Offline = Annotated[bool, typer.Option("--offline", help="No network: only say where the model is.")]
Force = Annotated[bool, typer.Option("--force", help="Fetch again what is there.")]
Token = Annotated[str | None, typer.Option(help="For private models. Other users see it in the list of processes.")]


def download(
    model: Model,
    local_dir: LocalDir = None,
    source: From = None,
    revision: Revision = None,
    cache_dir: CacheDir = None,
    offline: Offline = False,
    force: Force = False,
    token: Token = None,
) -> None:
    """Fetch all files of a model, and print the directory that holds them."""
    from ..resolve import BUILT_IN, ON_A_HUB

    if model in BUILT_IN:
        raise OptionError(f"{model} is built in: there is nothing to download")
    if not ON_A_HUB.fullmatch(model):
        raise OptionError(f"{model!r} is no name on a hub: OWNER/NAME, such as Qwen/Qwen3-TTS-12Hz-0.6B-Base")
    if local_dir is not None and cache_dir is not None:
        raise OptionError("--local-dir and --cache-dir both say where the files go: choose one")
    from ..hub.request import Request
    from ..hub.sources import locate

    request = Request(model, revision, cache_dir, local_dir, force, token, keep=lambda path: True)
    typer.echo(locate(request, source, offline))
