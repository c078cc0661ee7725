"""Who goes first. Plain functions of numbers: no threads, no clock, no tensors.

A listener who plays has `left` seconds of audio. Whoever has least goes first; a request that waits is let in when the time
that this takes from the others is time that they have.
"""

import math
from collections.abc import Sequence

from .costs import Costs

SPARE = 2  # times real time that all rows must reach: each chunk may be twice as long as the one that plays meanwhile
MOST = 8  # frames that a listener waits for at first
CALL_SECONDS = 0.25  # one call of the codec should not take longer: an urgent row may be waiting for it to end


def opening(rows: int, frame: float, costs: Costs) -> int:
    """Frames that a listener must have before it begins to play beside others, so that it is not silent right after.

    While k frames play, 2 k must be made for all, and a call of the codec that is under way must end.

    Args:
        rows: that are spoken, this one among them.
        frame: seconds of audio.
    """
    if costs.frame(1) > frame:  # slower than real time even alone: waiting saves nobody
        return 1
    gained = frame - SPARE * costs.frame(rows)
    wait = rows * (costs.decoded or 0.0)
    return MOST if wait > MOST * gained else max(1, math.ceil(wait / gained))


def due(pending: int, size: int, left: float, ended: bool, rows: int, costs: Costs) -> bool:
    """Whether a row's frames are decoded now: a chunk is full, there will be no more, or the listener is about to run dry.

    Args:
        pending: frames that are not decoded.
        size: the most frames in the next chunk.
        left: seconds of audio that the listener has; infinite before the first chunk. Who has run dry already gets whole
            chunks: small ones cost more, and it would never catch up.
        ended: whether the row makes no more frames.
        rows: that are spoken, this one among them: all may be due at once.
    """
    needed = costs.frame(rows) + rows * pending * (costs.decoded or 0.0) / costs.decoders
    return ended or pending >= size or (pending > 0 and 0 < left < needed)


def together(rows: Sequence[tuple[float, int]], soon: float, costs: Costs) -> list[int]:
    """Which rows to decode in one call: the most urgent one, and others with as many frames, the most urgent first.

    Args:
        rows: of each row, which is due, seconds left and number of frames.
        soon: seconds that are left to the most urgent row that is not due yet; by half of it the call should be over.
    Returns:
        Places in `rows`: no more than its share, if several threads decode.
    """
    order = sorted(range(len(rows)), key=lambda place: rows[place])
    frames = rows[order[0]][1]
    alike = [place for place in order if rows[place][1] == frames]
    seconds = frames * (costs.decoded or 0.0)
    share = -(-len(rows) // costs.decoders)
    allowed = min(CALL_SECONDS, max(0.0, soon) / 2)
    most = share if share * seconds <= allowed else int(allowed / seconds)
    return alike[: max(1, most)]


def may_enter(lefts: Sequence[float], positions: int, rows: int, frame: float, costs: Costs) -> bool:
    """Whether a request may begin beside others.

    Args:
        lefts: seconds that each listener has who plays, with the frames that are made but not decoded.
        positions: of the request's prompt.
        rows: in use.
        frame: seconds of audio.
    """
    if not rows:
        return True
    if costs.frame(1) > frame:  # slower than real time even alone: nobody's buffer can be kept, all speak as fast as they can
        return True
    delay = positions * (costs.position or 0.0) + costs.frame(rows + 1)
    return SPARE * costs.frame(rows + 1) <= frame and min(lefts, default=delay) >= delay


def retry_after(waiting: int, rows: int, costs: Costs) -> float:
    """Seconds until about half of those who wait have been let in; at least one."""
    return max(1.0, (costs.utterance or 0.0) * waiting / (2 * rows))
