"""Which engine runs a model: by name, or the best that this machine has.

To add one: a builder in `BUILDERS`, and a line in `_best` if "auto" may take it. Builders import what they need themselves.
"""

import warnings
from collections.abc import Callable
from functools import cache, partial

import torch

from ..codec.codec import Codec
from ..codec.packed import pack
from ..errors import OptionError
from ..nn.mapped import give_back
from ..nn.packed import missing
from ..talker.talker import Talker
from . import Engine
from .eager import EagerEngine


def _cuda_graph(talker: Talker) -> Engine:
    from .cuda_graph import CudaGraphEngine

    if not talker.codec_head.weight.is_cuda:
        where = talker.codec_head.weight.device
        raise OptionError(f"engine 'cuda-graph' needs the model on a GPU, it is on {where}: load it with device_map='cuda:0'")
    return CudaGraphEngine(talker)


def _cpu(bits: int, talker: Talker) -> Engine:
    from .cpu import CpuEngine

    return CpuEngine(talker, bits)


CPU_BITS = {"cpu-int8": 8, "cpu-int6": 6, "cpu-int4": 4, "cpu-fp32": 32}
BUILDERS: dict[str, Callable[[Talker], Engine]] = {"eager": EagerEngine, "cuda-graph": _cuda_graph}
BUILDERS |= {name: partial(_cpu, bits) for name, bits in CPU_BITS.items()}
ENGINES = ("auto", *BUILDERS)
LARGE = 100e6  # parameters of the layers: from here on fewer bits are worth their small error


def check_engine(name: str) -> None:
    """To be called before anything is loaded.

    Raises:
        OptionError: no engine has this name.
    """
    if name not in ENGINES:
        raise OptionError(f"unknown engine {name!r}; legal are {', '.join(ENGINES)}")


def choose_engine(name: str, talker: Talker, dtype: torch.dtype | None = None, asked: bool = False) -> Engine:
    """The engine of this name, for this talker where it is.

    Args:
        name: of `ENGINES`; "auto" is the fastest whose speech `benchmarks/engine_speech.py` cannot tell from that of "eager".
        talker: as its file stores it, or in the dtype that it is to run in. Its parameters are brought to `dtype`, but for
            engines that have numbers of their own: these take its matrices as they are.
        dtype: None leaves it as it is.
        asked: the dtype is the caller's wish: "auto" then takes an engine that computes in it.
    Raises:
        OptionError: no engine has this name, or it cannot run here; the message says what it lacks.
    """
    check_engine(name)
    chosen = _best(talker, asked) if name == "auto" else name
    if chosen not in CPU_BITS:
        return BUILDERS[chosen](talker if dtype is None else talker.to(dtype))
    if asked:
        raise OptionError(f"engine {chosen!r} has number types of its own; leave out dtype, or use engine='eager'")
    if dtype is not None:
        _read_in_fp32(talker)
    engine = BUILDERS[chosen](talker)
    give_back(talker)  # its matrices are packed now
    return engine


def _best(talker: Talker, asked: bool) -> str:
    if talker.codec_head.weight.is_cuda:
        return "cuda-graph"
    if asked or talker.codec_head.weight.device.type != "cpu":
        return "eager"
    from ..native.compile import obstacle
    from .cpu import unfit

    if unfit(talker):
        return "eager"
    if reason := obstacle():
        _say_once(f"the fast CPU engines cannot be used ({reason}); speaking with engine 'eager', which is slower")
        return "eager"
    layers = (*talker.model.layers, *talker.code_predictor.model.layers)
    large = sum(p.numel() for layer in layers for p in layer.parameters()) >= LARGE
    return "cpu-int6" if large else "cpu-fp32"


@cache
def _say_once(what: str) -> None:
    warnings.warn(what, stacklevel=4)


def _read_in_fp32(talker: Talker) -> None:
    """What prompts are made of is brought to fp32, but for the large table of text, whose rows are when they are read."""
    talker.text_projection.float()
    talker.model.codec_embedding.float()


def codec_beside(engine: Engine, codec: Codec) -> Codec:
    """The codec as it runs beside this engine: the reference beside the reference, else with graphs or packed weights."""
    where = codec.decoder.device.type
    if type(engine) is EagerEngine or where not in ("cuda", "cpu"):
        return codec
    if where == "cpu":
        if missing():
            return codec
        packed = pack(codec)
        give_back(codec.decoder)
        return packed
    from .cuda_codec import graph_codec

    return graph_codec(codec)
