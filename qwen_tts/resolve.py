"""Where a model lives: names -> directories. Knows nothing of what is inside them, and needs no torch."""

import os
from pathlib import Path

from .errors import OptionError

BUILT_IN = {"tiny": Path(__file__).parent / "tiny"}


def resolve(name: str | os.PathLike[str]) -> Path:
    """The directory of a built-in model, or of a path.

    Raises:
        OptionError: neither; the message lists what is legal.
    """
    if isinstance(name, str) and name in BUILT_IN:
        return BUILT_IN[name]
    path = Path(name).expanduser()
    if os.fspath(name) and path.is_dir():
        return path
    # A name on a hub (Qwen/...) would be looked up here.
    raise OptionError(
        f"unknown model {os.fspath(name)!r}: it is neither built in ({', '.join(BUILT_IN)}) nor a directory; "
        "a released model has to be downloaded first, then pass its directory"
    )
