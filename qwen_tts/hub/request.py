"""What somebody wants from a hub."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .contents import needed


@dataclass(frozen=True, slots=True)
class Request:
    """A repository, and how to get it.

    Args:
        repo: OWNER/NAME.
        revision: a branch, tag or commit; None is the hub's main branch.
        cache_dir: in place of the hub's usual cache.
        local_dir: a plain directory in place of a cache.
        force: fetch again what is there.
        token: True is the stored one (as None is, where there is one), False none.
        keep: which files.
    """

    repo: str
    revision: str | None = None
    cache_dir: Path | None = None
    local_dir: Path | None = None
    force: bool = False
    token: str | bool | None = field(default=None, repr=False)
    keep: Callable[[str], bool] = needed
