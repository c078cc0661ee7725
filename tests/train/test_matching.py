"""What lies beside a pack must be of its clips."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from miniature import GROUPS

from qwen_tts.errors import DataError
from qwen_tts.train import spread
from qwen_tts.train.data import Alignment, Codes, Pack, write_codes
from qwen_tts.train.matching import check, check_targets


def codes(folder: Path, frames: list[int]) -> Codes:
    write_codes([np.zeros((count, GROUPS), np.int64) for count in frames], folder)
    return Codes(folder)


def test_what_is_of_other_clips_is_refused(pack: Pack, tmp_path: Path) -> None:
    own, alignment = Codes(pack.folder), Alignment(pack.folder)
    frames = np.diff(own.start).tolist()
    longer = [frames[0], frames[1] + 1, frames[2]]
    vectors = np.zeros((3, 4), np.float32)
    check(pack, own, alignment, vectors, codes(tmp_path / "said", frames), codes(tmp_path / "heard", [0, frames[1], 0]))
    wrong: list[tuple[str, Callable[[], None]]] = [
        ("vectors.npy is of 2 clips, the pack has 3", lambda: check(pack, own, None, vectors[:2], None, None)),
        ("is of 2 clips", lambda: check(pack, codes(tmp_path / "a", frames[:2]), None, None, None, None)),
        ("frames for '1'", lambda: check(pack, own, None, None, codes(tmp_path / "b", longer), None)),
        ("frames for '0'", lambda: check(pack, own, None, None, codes(tmp_path / "c", [0, *frames[1:]]), None)),
        ("frames for '1'", lambda: check(pack, own, None, None, None, codes(tmp_path / "d", [0, longer[1], 0]))),
    ]
    alignment.start = np.concatenate((alignment.start[:1], alignment.start[1:] + 1))
    wrong.append(("bytes of text for '0', which has 9", lambda: check(pack, own, alignment, None, None, None)))
    for words, call in wrong:
        with pytest.raises(DataError, match=words):
            call()


def test_phonetic_targets_of_other_clips_are_refused(pack: Pack) -> None:
    start = np.load(pack.folder / "phonetic_start.npy")
    check_targets(pack, start, 1920)
    for wrong, words in ((start[:-1], "is of 2 clips"), (start + (np.arange(4) == 1), "rows for '0'")):
        with pytest.raises(DataError, match=f"phonetic_start.npy .*{words}"):
            check_targets(pack, wrong, 1920)


def test_what_no_process_learns_does_not_decay() -> None:
    learned, left = torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.AdamW([learned, left], lr=0.1, weight_decay=0.5)
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        learned.sum().backward()
        spread.average_gradients([learned, left])
    finally:
        dist.destroy_process_group()
    optimizer.step()
    assert torch.equal(left, torch.ones(2)) and (learned < 1).all()
