"""Which engine runs a model: by name, or the best that this machine has.

To add one: a builder in `BUILDERS`, and a line in `_best` if "auto" may take it. Builders import what they need themselves.
"""

from collections.abc import Callable

from ..errors import OptionError
from ..talker.talker import Talker
from . import Engine
from .eager import EagerEngine

BUILDERS: dict[str, Callable[[Talker], Engine]] = {"eager": EagerEngine}
ENGINES = ("auto", *BUILDERS)


def check_engine(name: str) -> None:
    """To be called before anything is loaded.

    Raises:
        OptionError: no engine has this name.
    """
    if name not in ENGINES:
        raise OptionError(f"unknown engine {name!r}; legal are {', '.join(ENGINES)}")


def choose_engine(name: str, talker: Talker) -> Engine:
    """The engine of this name, for this talker where it is.

    Args:
        name: of `ENGINES`; "auto" is the fastest whose speech is as good as that of "eager".
    Raises:
        OptionError: no engine has this name, or it cannot run here; the message says what it lacks.
    """
    check_engine(name)
    return BUILDERS[_best(talker) if name == "auto" else name](talker)


def _best(talker: Talker) -> str:
    return "eager"
