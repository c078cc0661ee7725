"""The official demo's `.pt` voice files, read without running anything.

Such a file is what `torch.save({"items": [{field: value, ...}, ...]})` makes: a zip of a pickle (its structure) and one raw
file a tensor. A pickle is a program, and PyTorch's own loader, even with `weights_only`, believes the sizes that it names.
So this reads the few instructions that dicts, lists, strings, flags and tensors need; any other is refused.

    archive/data.pkl  archive/data/0  archive/data/1 ..  archive/byteorder
"""

import io
import math
import pickletools
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import torch

from .errors import VoiceError

MAX_BYTES = 16 * 2**20  # of all parts, unpacked
MAX_PICKLE = 2**20
MAX_NUMBERS = 2**22  # of all tensors
STORAGES = {
    "FloatStorage": torch.float32, "DoubleStorage": torch.float64, "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16, "LongStorage": torch.int64, "IntStorage": torch.int32, "ShortStorage": torch.int16,
}  # fmt: skip
FIELDS = ("ref_code", "ref_spk_embedding", "x_vector_only_mode", "icl_mode", "ref_text")
REBUILD, ORDERED = "torch._utils _rebuild_tensor_v2", "collections OrderedDict"
CONSTANTS: dict[str, Callable[[], Any]] = {
    "EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple,
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False,
}  # fmt: skip
# What zipfile raises for files that are none, or are damaged.
DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, ValueError, RuntimeError)
LITERALS = ("BINUNICODE", "BINUNICODE8", "SHORT_BINUNICODE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT")


@dataclass(frozen=True, slots=True)
class _Name:
    """A name that the pickle asks for. It stands for itself: nothing is imported."""

    path: str


@dataclass(frozen=True, slots=True)
class _Storage:
    kind: torch.dtype
    part: str


def is_official(data: bytes) -> bool:
    """Whether the bytes look like a file of `torch.save`."""
    return data.startswith(b"PK\x03\x04")


def read_official(data: bytes, name: str) -> list[dict[str, Any]]:
    """The fields of each voice in the file.

    Raises:
        VoiceError: damaged, too large, hostile, or no voices in it.
    """
    try:
        parts = _Parts(data)
        payload = _Reader(parts).read()
        items = payload.get("items") if isinstance(payload, dict) else None
        if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
            raise _Refused("it holds no list of voices under 'items'")
        return [_fields(item) for item in items]
    except (_Refused, *DAMAGE) as error:
        raise VoiceError(f"{name} is no voice of the official demo, or is damaged: {error}") from None


def official_bytes(voices: list[dict[str, Any]]) -> bytes:
    """A file that the official demo reads, and `read_official`."""
    kept = [{name: voice[name] for name in FIELDS} for voice in voices]
    for voice in kept:
        voice |= {name: value.cpu() for name, value in voice.items() if isinstance(value, torch.Tensor)}
    buffer = io.BytesIO()
    torch.save({"items": kept}, buffer)
    return buffer.getvalue()


class _Refused(Exception):
    """Why a file is not read."""


def _fields(item: dict[Any, Any]) -> dict[str, Any]:
    """As the demo reads them: flags may be left out."""
    if set(item) - {*FIELDS, "made_with"} or item.get("ref_spk_embedding") is None:
        raise _Refused(f"a voice has the fields {', '.join(FIELDS)}; found {', '.join(item)[:200] or 'none'}")
    alone = bool(item.get("x_vector_only_mode", False))
    return {
        "ref_code": item.get("ref_code"), "ref_spk_embedding": item["ref_spk_embedding"],
        "x_vector_only_mode": alone, "icl_mode": bool(item.get("icl_mode", not alone)), "ref_text": item.get("ref_text"),
        "made_with": _origin(item.get("made_with")),
    }  # fmt: skip


def _origin(value: Any) -> dict[str, str] | None:
    if isinstance(value, dict) and all(isinstance(text, str) for pair in value.items() for text in pair):
        return value
    return None


class _Parts:
    """The files of the zip, none larger than it may be."""

    def __init__(self, data: bytes) -> None:
        self.zip = zipfile.ZipFile(io.BytesIO(data))
        infos = self.zip.infolist()
        if len({info.filename for info in infos}) != len(infos):
            raise _Refused("a part is there twice")
        if sum(info.file_size for info in infos) > MAX_BYTES:
            raise _Refused(f"unpacked it is larger than {MAX_BYTES >> 20} MiB")
        if any(info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for info in infos):
            raise _Refused("it is packed in an unusual way")
        roots = [info.filename.removesuffix("data.pkl") for info in infos if info.filename.endswith("/data.pkl")]
        if len(roots) != 1 or roots[0].count("/") != 1:
            raise _Refused("it has no data.pkl")
        self.root, self.sizes = roots[0], {info.filename: info.file_size for info in infos}
        self.seen: dict[str, bytes] = {}
        if f"{self.root}byteorder" in self.sizes and self.read("byteorder", 16) != b"little":
            raise _Refused("its numbers are not little-endian")

    def read(self, part: str, limit: int) -> bytes:
        size = self.sizes.get(self.root + part)
        if size is None or size > limit:
            raise _Refused(f"part {part[:40]!r} is missing or too large")
        if part not in self.seen:  # a hostile file may ask for one part a hundred thousand times
            self.seen[part] = self.zip.read(self.root + part)
        return self.seen[part]


class _Reader:
    """Follows the instructions of the pickle with a stack of plain values."""

    def __init__(self, parts: _Parts) -> None:
        self.parts = parts
        self.stack: list[Any] = []
        self.marks: list[int] = []  # where the open groups begin
        self.numbers = 0
        self.memo: dict[int, Any] = {}

    def read(self) -> Any:
        pickle = self.parts.read("data.pkl", MAX_PICKLE)
        try:
            for opcode, argument, _ in pickletools.genops(pickle):
                if opcode.name == "STOP":
                    return self.stack.pop()
                self._step(opcode.name, argument)
        except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:  # how malformed pickles show
            raise _Refused(f"its structure is damaged ({str(error)[:200]})") from None
        raise _Refused("its structure does not end")

    def _step(self, name: str, argument: Any) -> None:
        stack = self.stack
        if name in CONSTANTS:
            stack.append(CONSTANTS[name]())
        elif name in LITERALS:
            stack.append(argument)
        elif name == "MARK":
            self.marks.append(len(stack))
        elif name in ("BINPUT", "LONG_BINPUT"):
            self.memo[argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(self.memo[argument])
        elif name == "GLOBAL":
            stack.append(_allowed(argument))
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            stack.append(tuple(self._pop(int(name[-1]))))
        elif name == "TUPLE":
            stack.append(tuple(self._group()))
        elif name in ("APPEND", "APPENDS"):
            values = self._group() if name == "APPENDS" else self._pop(1)
            _expect(stack[-1], list).extend(values)
        elif name in ("SETITEM", "SETITEMS"):
            values = self._group() if name == "SETITEMS" else self._pop(2)
            names = [_expect(name, str) for name in values[::2]]
            _expect(stack[-1], dict).update(zip(names, values[1::2], strict=True))
        elif name == "BINPERSID":
            stack.append(_storage(stack.pop()))
        elif name == "REDUCE":
            made, arguments = self._pop(2)
            stack.append(self._make(_expect(made, _Name).path, arguments))
        elif name != "PROTO":
            raise _Refused(f"it has an instruction that no voice needs ({name}); nothing of it was run")

    def _pop(self, count: int) -> list[Any]:
        start = len(self.stack) - count
        if start < (self.marks[-1] if self.marks else 0):
            raise IndexError("too few values")
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def _group(self) -> list[Any]:
        return self._pop(len(self.stack) - self.marks.pop())

    def _make(self, what: str, arguments: Any) -> Any:
        if what == ORDERED and arguments == ():
            return {}  # a tensor's hooks: none
        if what != REBUILD or len(_expect(arguments, tuple)) < 4:
            raise _Refused(f"it calls {what[:80]!r}; nothing of it was run")
        storage, offset, shape, strides = arguments[:4]
        whole = (offset, *_expect(shape, tuple), *_expect(strides, tuple))
        if not isinstance(storage, _Storage) or any(type(n) is not int or n < 0 for n in whole) or len(shape) != len(strides):
            raise _Refused("a tensor in it makes no sense")
        self.numbers += math.prod(shape[:8])
        if self.numbers > MAX_NUMBERS or len(shape) > 8:
            raise _Refused(f"its tensors hold more than {MAX_NUMBERS:,} numbers")
        raw = self.parts.read(f"data/{storage.part}", MAX_BYTES)
        count = len(raw) // storage.kind.itemsize
        reach = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
        if 0 in shape:
            return torch.zeros(shape, dtype=storage.kind)
        if reach >= count:
            raise _Refused("a tensor in it is cut short")
        numbers = torch.frombuffer(bytearray(raw), dtype=storage.kind, count=count)
        return numbers.as_strided(shape, strides, offset).clone()


def _expect(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"found a {type(value).__name__} in place of a {kind.__name__}")
    return value


def _allowed(path: str) -> _Name:
    module, _, name = path.partition(" ")
    if path not in (REBUILD, ORDERED) and not (module == "torch" and name in STORAGES):
        _hostile(path)
    return _Name(path)


def _hostile(path: str) -> NoReturn:
    raise _Refused(f"it asks for {path.replace(' ', '.')[:80]!r}, which no voice needs; nothing of it was run")


def _storage(reference: Any) -> _Storage:
    """Of ("storage", type, part, device, numbers); the numbers are counted in the part itself."""
    _, kind, part, _, _ = _expect(reference, tuple)
    if not isinstance(part, str) or not part.isdecimal() or not isinstance(kind, _Name):
        raise _Refused("a tensor in it makes no sense")
    return _Storage(STORAGES[kind.path.removeprefix("torch ")], part)
