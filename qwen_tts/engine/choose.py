"""Which engine runs a model: by name, or the best that this machine has.

To add one: a builder in `BUILDERS`, and a line in `_best` if "auto" may take it. Builders import what they need themselves.
"""

from collections.abc import Callable

from ..codec.codec import Codec
from ..errors import OptionError
from ..talker.talker import Talker
from . import Engine
from .eager import EagerEngine


def _cuda_graph(talker: Talker) -> Engine:
    from .cuda_graph import CudaGraphEngine

    if not talker.codec_head.weight.is_cuda:
        where = talker.codec_head.weight.device
        raise OptionError(f"engine 'cuda-graph' needs the model on a GPU, it is on {where}: load it with device_map='cuda:0'")
    return CudaGraphEngine(talker)


BUILDERS: dict[str, Callable[[Talker], Engine]] = {"eager": EagerEngine, "cuda-graph": _cuda_graph}
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
    return "cuda-graph" if talker.codec_head.weight.is_cuda else "eager"


def codec_beside(engine: Engine, codec: Codec) -> Codec:
    """The codec as it runs beside this engine: with graphs of its own where the engine has them."""
    if not codec.decoder.pre_conv.conv.weight.is_cuda or isinstance(engine, EagerEngine):
        return codec
    from .cuda_codec import graph_codec

    return graph_codec(codec)
