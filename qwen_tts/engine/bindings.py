"""The native kernel's structures and functions, as native/model.h and native/frame.c declare them."""

import ctypes
from ctypes import POINTER, Structure, c_float, c_int, c_int32, c_int64, c_void_p
from pathlib import Path

from torch import Tensor


class Matrix(Structure):
    _fields_ = [
        ("bits", c_int32), ("tiles", c_int32), ("groups", c_int32), ("outputs", c_int32),
        ("weights", c_void_p), ("scales", c_void_p),
    ]  # fmt: skip


class Layer(Structure):
    _fields_ = [
        ("input_norm", c_void_p), ("post_norm", c_void_p), ("q_norm", c_void_p), ("k_norm", c_void_p),
        ("qkv", Matrix), ("o", Matrix), ("gate_up", Matrix), ("down", Matrix),
    ]  # fmt: skip


class Stack(Structure):
    _fields_ = [
        ("width", c_int32), ("ffn", c_int32), ("layers", c_int32), ("heads", c_int32), ("kv_heads", c_int32),
        ("head_dim", c_int32), ("eps", c_float), ("frequencies", c_void_p), ("norm", c_void_p), ("layer", POINTER(Layer)),
    ]  # fmt: skip


class Table(Structure):
    _fields_ = [("rows", c_void_p), ("bf16", c_int32)]


class Model(Structure):
    _fields_ = [
        ("talker", Stack), ("predictor", Stack), ("head", Matrix), ("heads", POINTER(Matrix)), ("projection", Matrix),
        ("projection_bias", c_void_p), ("tables", POINTER(Table)),
        ("groups", c_int32), ("acoustic", c_int32), ("eos", c_int32), ("quiet_frames", c_int32),
    ]  # fmt: skip


class Cache(Structure):
    _fields_ = [
        ("keys", c_void_p), ("values", c_void_p), ("layer_stride", c_int64), ("row_stride", c_int64), ("slots", c_int64),
    ]  # fmt: skip


class Sampling(Structure):
    _fields_ = [(name, c_void_p) for name in ("do_sample", "top_k", "temperature", "top_p", "penalty")]


class Frame(Structure):
    _fields_ = [
        ("count", c_int32), ("rows", c_void_p), ("cache", Cache), ("predictor_cache", Cache), ("pending", c_void_p),
        ("text", c_void_p), ("text_stride", c_int64), ("last", c_void_p), ("frame", c_void_p), ("position", c_void_p),
        ("seen", c_void_p), ("uniforms", c_void_p), ("codes", c_void_p), ("talker", Sampling), ("predictor", Sampling),
    ]  # fmt: skip


STRUCTURES = (Matrix, Layer, Stack, Table, Model, Cache, Sampling, Frame)
MOST_TOKENS = 16384  # of a vocabulary, as in native/sampling.h
MOST_HEAD_DIM = 256  # as in native/stack.c


def load(path: Path) -> ctypes.CDLL:
    """The kernel, with the types of its functions. Calls let other Python threads run."""
    kernel = ctypes.CDLL(str(path))
    sizes = (c_int32 * len(STRUCTURES))()
    kernel.measure(sizes)
    assert list(sizes) == [ctypes.sizeof(structure) for structure in STRUCTURES], "native/model.h and bindings.py differ"
    kernel.new_team.restype = c_void_p
    kernel.new_team.argtypes = [POINTER(Model), c_int32, c_int32, c_int32, c_void_p]
    kernel.free_team.argtypes = [c_void_p]
    kernel.run_stack.argtypes = [c_void_p, POINTER(Stack), POINTER(Cache), c_int32, *[c_void_p] * 4, c_int]
    kernel.run_product.argtypes = [c_void_p, POINTER(Matrix), c_int32, c_void_p, c_int32, c_void_p, c_int]
    kernel.run_frame.argtypes = [c_void_p, POINTER(Model), POINTER(Frame), c_int]
    for function in (kernel.free_team, kernel.run_stack, kernel.run_product, kernel.run_frame):
        function.restype = None
    return kernel


def address(tensor: Tensor | None) -> int | None:
    """Where the numbers of a contiguous tensor on the CPU are. The caller keeps the tensor alive."""
    if tensor is None:
        return None
    assert tensor.is_contiguous() and tensor.device.type == "cpu"
    return tensor.data_ptr()
