"""The native kernel: its C sources, translated once for this machine by a C compiler that is here, and kept.

Compilers are tried in this order: `cc`, `gcc`, `clang`, and the one that the package `ziglang` (extra `cpu`) brings.
"""

import hashlib
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from ..errors import OptionError
from ..files import cache_root, whole_file

SOURCES = Path(__file__).parent
FLAGS = ("-O3", "-std=gnu11", "-fopenmp-simd", "-ffp-contract=fast", "-fno-math-errno", "-Wno-psabi", "-shared", "-fPIC")
SUFFIX = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
ADVICE = "install a C compiler, or the extra: pip install 'qwen-tts[cpu]'"


def compilers() -> Iterator[list[str]]:
    """Commands of all C compilers that are here."""
    for name in ("cc", "gcc", "clang"):
        if found := shutil.which(name):
            yield [found]
    if find_spec("ziglang") is not None:
        yield [sys.executable, "-m", "ziglang", "cc"]


@cache
def obstacle() -> str | None:
    """Why there is no kernel here, or None."""
    try:
        library()
    except OptionError as error:
        return str(error)
    return None


@cache
def library() -> Path:
    """The compiled kernel, made now if it is not there yet.

    Raises:
        OptionError: there is no compiler, or none of them can translate the kernel.
    """
    path = cache_root() / "kernel" / f"{_key()}{SUFFIX}"
    if not path.exists():
        build(path, processor_flags())
    return path


def build(path: Path, processor: tuple[str, ...]) -> None:
    """Translates the sources to `path` with the first compiler that can.

    Args:
        processor: flags that say for which processor.
    """
    failures = []
    path.parent.mkdir(parents=True, exist_ok=True)
    files = [str(file) for file in sorted(SOURCES.glob("*.c"))]
    for compiler in compilers():
        with TemporaryDirectory() as folder:
            made = Path(folder) / path.name
            command = [*compiler, *FLAGS, *processor, *files, "-o", str(made), "-lm"]
            run = subprocess.run(command, capture_output=True, text=True, check=False)
            if run.returncode == 0:
                with whole_file(path) as partial:
                    shutil.copyfile(made, partial)
                return
            told = [line for line in run.stderr.splitlines() if "error" in line] or ["no message"]
            failures.append(f"{' '.join(compiler)}: {told[0]}")
    reason = "; ".join(failures) or "there is no C compiler"
    raise OptionError(f"the native kernel cannot be built here: {reason}; {ADVICE}, or use engine='eager'")


def processor_flags() -> tuple[str, ...]:
    """What tells a compiler to translate for the processor that is here."""
    return ("-march=native",) if platform.machine().lower() in ("x86_64", "amd64", "i686") else ("-mcpu=native",)


def _key() -> str:
    """Of the sources, the flags and the processor: a cache may be shared by machines."""
    digest = hashlib.sha256(repr((FLAGS, processor_flags(), sys.platform, platform.machine(), _processor())).encode())
    for file in sorted(SOURCES.glob("*.[ch]")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _processor() -> str:
    """What distinguishes processors that run different instructions."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")
