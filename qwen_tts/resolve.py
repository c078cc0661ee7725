"""Where a model lives: names -> directories. Knows nothing of what is inside them, and needs no torch."""

import os
import re
from pathlib import Path
from typing import TypedDict, Unpack

from .errors import OptionError

TINY = Path(__file__).parent / "tiny"
BUILT_IN = {  # one network that has learned it all: its name says which kind of model it is to be
    "tiny": "custom_voice",
    "tiny-voice-design": "voice_design",
}
ON_A_HUB = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*", re.ASCII)  # OWNER/NAME


class HubKeywords(TypedDict, total=False):
    """Keywords of `from_pretrained` for models that come from a hub; None, or leaving one out, is the default.

    revision: a branch, tag or commit of the hub.
    cache_dir: where downloads are kept, in place of the hub's usual cache.
    local_files_only: use what is on the disk, and no network.
    force_download: fetch again what is there.
    token: for private models; True is the one stored by `hf auth login`, which is also taken without a word; False is none.
    source: "huggingface" or "modelscope"; by default the first, and the other where the first cannot be reached.
    """

    revision: str | None
    cache_dir: str | os.PathLike[str] | None
    local_files_only: bool
    force_download: bool
    token: str | bool | None
    source: str | None


def resolve(name: str | os.PathLike[str], **hub: Unpack[HubKeywords]) -> Path:
    """The directory of a built-in model, of a path, or of a model from a hub, which is fetched if need be.

    Raises:
        OptionError: no such model, or keyword; the message lists what is legal.
        DownloadError: the hub's model cannot be had; the message says why.
    """
    unknown = [key for key in hub if key not in HubKeywords.__annotations__]
    if unknown:
        raise OptionError(f"unknown keyword {unknown[0]!r}; legal are {', '.join(HubKeywords.__annotations__)}")
    here = _here(name)
    if here is not None:
        if hub.get("source") or hub.get("revision") not in (None, "main"):
            raise OptionError(f"{os.fspath(name)!r} is on this disk: it has no source and no revision; leave them out")
        return here
    if not isinstance(name, str) or not ON_A_HUB.fullmatch(name):
        raise OptionError(
            f"unknown model {os.fspath(name)!r}: it is neither built in ({', '.join(BUILT_IN)}), nor a directory, nor a name "
            "on a hub (such as Qwen/Qwen3-TTS-12Hz-0.6B-Base)"
        )
    from .hub.request import Request
    from .hub.sources import locate

    cache_dir = hub.get("cache_dir")
    request = Request(
        name,
        revision=hub.get("revision"),
        cache_dir=None if cache_dir is None else Path(cache_dir).expanduser(),
        force=bool(hub.get("force_download")),
        token=hub.get("token"),
    )
    return locate(request, hub.get("source"), bool(hub.get("local_files_only")))


def _here(name: str | os.PathLike[str]) -> Path | None:
    if isinstance(name, str) and name in BUILT_IN:
        return TINY
    path = Path(name).expanduser()
    return path if os.fspath(name) and path.is_dir() else None
