"""Speech that falls silent and does not end is cut, and nothing else is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from qwen_tts.chunks import OutputRow

FRAME, RATE = 1920, 24_000


def frames(pattern: str) -> np.ndarray:
    """'#' a loud frame, '.' a silent one, ',' one just below the threshold, numbered so that none can be mixed up."""
    level = {"#": 0.1, ".": 0.0, ",": 0.003}
    return np.stack([np.full(FRAME, level[c] + i * 1e-9, np.float32) for i, c in enumerate(pattern)])


def listen(pattern: str, sizes: Sequence[int], max_silence: float | None = 4.0, end: str | None = "eos") -> tuple[str, Any]:
    """What passes a row when the pattern comes in chunks of these sizes, and the reason at its end."""
    row, sound, out, reason, start = OutputRow(0, RATE, FRAME, max_silence), frames(pattern), [], None, 0
    codes = np.arange(len(sound))[:, None]
    while start < len(pattern) and not row.ended:
        size = sizes[start % len(sizes)]
        last = start + size >= len(pattern)
        chunk = row.add(sound[start : start + size], codes[start : start + size], end if last else None)
        start += size
        if chunk is not None:
            np.testing.assert_array_equal(chunk.codes[:, 0], chunk.first_frame + np.arange(chunk.frames))
            out.append(chunk.samples)
            reason = chunk.finish_reason
    passed = np.concatenate(out)
    np.testing.assert_array_equal(passed, sound[: len(passed) // FRAME].ravel())
    return pattern[: len(passed) // FRAME], reason


@pytest.mark.parametrize("sizes", [[1], [8], [3, 1, 50], [1000]])
@pytest.mark.parametrize(
    ("pattern", "kept", "reason"),
    [
        ("#" * 30, 30, "eos"),
        ("#" * 10 + "." * 49 + "#" * 10, 69, "eos"),  # 3.9 s: a long pause
        ("#" * 10 + "." * 50 + "#" * 10, 22, "silence"),  # 4 s: one second of it stays
        ("." * 60, 12, "silence"),
        ("#" * 10 + ",." * 30, 22, "silence"),
        ("#" * 10 + "." * 40, 50, "eos"),  # an end that the model chose is kept as it is
        (("#" + "." * 30) * 4, 124, "eos"),  # the count starts anew after each sound
    ],
)
def test_only_silence_that_does_not_end_is_cut(pattern: str, kept: int, reason: str, sizes: list[int]) -> None:
    passed, why = listen(pattern, sizes)
    assert (len(passed), why) == (kept, reason)


def test_the_guard_can_be_set_and_switched_off() -> None:
    assert listen("#" + "." * 100, [8], max_silence=None) == ("#" + "." * 100, "eos")
    assert listen("#" + "." * 100, [8], max_silence=0.5) == ("#" + "." * 7, "silence")
