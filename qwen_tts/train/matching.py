"""Whether what lies beside a pack, or comes with it, is of its clips. Else a talker would learn nonsense without a word."""

from pathlib import Path

import numpy as np

from ..errors import DataError
from .data import Alignment, Codes, Pack


def check(
    pack: Pack,
    codes: Codes,
    alignment: Alignment | None = None,
    vectors: np.ndarray | None = None,
    guessed: Codes | None = None,
    heard: Codes | None = None,
) -> None:
    """Raises DataError where it is not; the message names the file and the first clip that differs."""
    frames = np.diff(codes.start)
    _clips(codes.folder / "codes_start.npy", pack, len(frames))
    if alignment is not None:
        size = np.array([len(clip.text.encode()) for clip in pack.clips])
        _lengths(alignment.folder / "aligned_start.npy", pack, size, alignment.start, "bytes of text")
    if vectors is not None:
        _clips(pack.folder / "vectors.npy", pack, len(vectors))
    if guessed is not None:
        _lengths(guessed.folder / "codes_start.npy", pack, frames, guessed.start, "frames")
    if heard is not None:
        _lengths(heard.folder / "codes_start.npy", pack, frames, heard.start, "frames", may_lack=True)


def check_targets(pack: Pack, start: np.ndarray, frame: int) -> None:
    """Raises DataError where phonetic targets, a row for each `frame` samples, are of other clips."""
    rows = np.array([-(-clip.samples // frame) for clip in pack.clips])
    _lengths(pack.folder / "phonetic_start.npy", pack, rows, start, "rows")


def _clips(file: Path, pack: Pack, found: int) -> None:
    if found != len(pack.clips):
        raise DataError(f"{file} is of {found} clips, the pack has {len(pack.clips)}: make it anew from this pack")


def _lengths(file: Path, pack: Pack, expected: np.ndarray, start: np.ndarray, what: str, may_lack: bool = False) -> None:
    """`may_lack`: clips may have nothing there."""
    found = np.diff(start)
    _clips(file, pack, len(found))
    for clip in np.flatnonzero((found != expected) & ~(may_lack & (found == 0))):
        name = pack.clips[clip].id
        raise DataError(
            f"{file} has {found[clip]} {what} for {name!r}, which has {expected[clip]}: make it anew from this pack"
        )
