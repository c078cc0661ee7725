"""Which hub a model comes from, and when a copy on the disk will do.

                 reachable         not reachable             offline
Hugging Face     its answer        the copy in the cache     the copy in the cache
ModelScope       -                 its answer, or a copy     the copy in the cache
"""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from ..errors import DownloadError, OptionError
from . import huggingface, modelscope
from .contents import complete
from .http import RefusedError, UnreachableError
from .request import Request


class Hub(Protocol):
    """What the modules of both hubs offer."""

    @property
    def NAME(self) -> str: ...
    @staticmethod
    def cached(request: Request) -> Path | None: ...
    @staticmethod
    def get(request: Request) -> Path: ...


SOURCES: dict[str, Hub] = {"huggingface": huggingface, "modelscope": modelscope}
RELEASED = tuple(
    f"Qwen/Qwen3-TTS-{name}"
    for name in (
        "12Hz-0.6B-Base", "12Hz-0.6B-CustomVoice", "12Hz-1.7B-Base", "12Hz-1.7B-CustomVoice", "12Hz-1.7B-VoiceDesign",
        "Tokenizer-12Hz",
    )
)  # fmt: skip


def locate(request: Request, source: str | None = None, local_files_only: bool = False) -> Path:
    """The directory that holds the model, after a download if it takes one.

    Args:
        source: one of SOURCES; None is the order above.
    Raises:
        OptionError: no such source, or wishes that exclude each other.
        DownloadError: the model cannot be had; the message says why, and what to do.
    """
    if source not in (None, *SOURCES):
        raise OptionError(f"unknown source {source!r}; legal are {', '.join(SOURCES)}")
    offline = local_files_only or (source != "modelscope" and huggingface.offline())
    if offline and request.force:
        raise OptionError("force_download needs the network, local_files_only (HF_HUB_OFFLINE) forbids it: choose one")
    hubs = [SOURCES[source]] if source else list(SOURCES.values())
    if offline:
        return _offline(request, hubs)
    if source == "modelscope":
        return _from(modelscope, request)
    try:
        return _from(huggingface, request)
    except UnreachableError as error:
        return _instead(request, error, only=source is not None)


def _instead(request: Request, error: UnreachableError, only: bool) -> Path:
    """From ModelScope what the other hub would have given."""
    if only:
        raise DownloadError(
            f"{error}, and there is no copy in the cache; ModelScope may have it: source='modelscope'"
        ) from None
    if request.revision not in (None, huggingface.MAIN):
        raise DownloadError(
            f"{error}; revision {request.revision!r} is one of {huggingface.NAME}, so ModelScope was not asked instead"
        ) from None
    warnings.warn(f"{error}: taking {request.repo} from ModelScope", stacklevel=2)
    # The token is none of ModelScope's business.
    try:
        return _from(modelscope, replace(request, revision=None, token=None))
    except UnreachableError as second:
        raise DownloadError(f"{error}; {second}; and there is no copy of {request.repo} in the cache") from None


def _from(hub: Hub, request: Request) -> Path:
    """The hub's answer, or where it does not answer the copy in its cache."""
    try:
        return hub.get(request)
    except UnreachableError:
        copy = None if request.force or request.local_dir else hub.cached(request)
        if copy is None:
            raise
        return copy
    except RefusedError as error:
        raise DownloadError(_refusal(hub.NAME, request, error)) from None


def _offline(request: Request, hubs: list[Hub]) -> Path:
    if request.local_dir is not None:
        if complete(request.local_dir):
            return request.local_dir
        raise DownloadError(f"{request.local_dir} does not hold all of {request.repo}; the rest needs the network")
    for hub in hubs:
        if copy := hub.cached(request):
            return copy
    raise DownloadError(
        f"{request.repo} is not in the cache, and the network is not to be used (local_files_only, --offline, HF_HUB_OFFLINE); "
        f"fetch it once with: qwen-tts download {request.repo}"
    )


def _refusal(where: str, request: Request, error: RefusedError) -> str:
    repo = request.repo
    how = "pass token=... (--token), or for the Hugging Face hub log in once with: hf auth login"
    if "Gated" in error.code or error.status == 403:
        return f"{where} gives {repo} only to those who were admitted: ask for access on its page there, then {how}"
    if error.status == 404 and "Revision" in error.code:
        return f"{where} has {repo}, but not revision {request.revision!r}: leave it out, or name a branch, tag or commit"
    if error.status in (401, 404):
        known = "" if repo in RELEASED else f" Released are {', '.join(RELEASED)}."
        revision = f" with revision {request.revision!r}" if request.revision else ""
        return f"{where} shows no {repo}{revision} to us, and no directory has that name.{known} If it is private, {how}"
    return f"{where} does not give {repo} ({error}); try again later"
