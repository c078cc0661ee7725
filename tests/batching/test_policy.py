"""Decisions on a simulated clock: who is decoded first, who is let in, what a listener has left."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_tts.batching.costs import Costs
from qwen_tts.batching.playback import Playback
from qwen_tts.batching.policy import CALL_SECONDS, MOST, due, may_enter, opening, retry_after, together

FRAME = 0.08


def costs(step: float = 0.01, decoded: float = 0.005, position: float = 0.001) -> Costs:
    made = Costs(position=position, decoded=decoded)
    for rows in (1, 8, 16):
        made.steps[rows] = step * (1 + rows / 16)
    return made


def test_a_listener_who_runs_dry_waits_and_plays_on() -> None:
    playback = Playback()
    assert playback.left(5.0) == 0.0 and playback.add(0.08, 10.0) == 0.0
    assert playback.left(10.02) == pytest.approx(0.06)
    assert playback.add(0.16, 10.05) == 0.0 and playback.left(10.05) == pytest.approx(0.19)
    assert playback.left(11.0) == pytest.approx(-0.76)
    assert playback.add(0.08, 11.0) == pytest.approx(0.76) and playback.left(11.0) == pytest.approx(0.08)


def test_chunks_are_decoded_when_they_are_full_or_needed() -> None:
    c = costs()
    assert due(8, 8, 10.0, False, 1, c) and due(0, 8, 10.0, True, 1, c) and due(1, 1, math.inf, False, 1, c)
    assert not due(7, 8, 10.0, False, 1, c) and not due(7, 8, math.inf, False, 1, c)
    assert due(3, 8, 0.02, False, 1, c) and not due(0, 8, 0.02, False, 1, c)
    assert not due(3, 8, 0.2, False, 1, c) and due(3, 8, 0.2, False, 16, c)  # sixteen may be due at once
    assert not due(3, 8, -0.1, False, 1, c)  # too late to save: no small chunks, which cost more


def test_beside_many_a_listener_begins_with_more() -> None:
    c = costs(decoded=0.002)
    assert opening(1, FRAME, Costs()) == 1 and opening(1, FRAME, c) == 1
    many = [opening(rows, FRAME, c) for rows in range(1, 40)]
    assert many == sorted(many) and many[15] == 2 and many[-1] == MOST
    c.decoders = 2
    assert opening(19, FRAME, c) < many[18]
    assert opening(4, FRAME, costs(step=0.2)) == 1  # slower than real time alone: waiting saves nobody


def test_a_call_ends_before_others_run_dry_and_leaves_work_for_other_threads() -> None:
    rows, c = [(0.5, 8)] * 6, costs(decoded=0.002)  # 16 ms each
    assert len(together(rows, math.inf, c)) == 6
    assert len(together(rows, 0.1, c)) == 3 and len(together(rows, 0.0, c)) == 1 and len(together(rows, -1.0, c)) == 1
    c.decoders = 2
    assert len(together(rows, math.inf, c)) == 3 and len(together(rows[:1], math.inf, c)) == 1


def test_the_most_urgent_goes_first_with_its_likes() -> None:
    rows = [(2.0, 8), (0.5, 1), (0.1, 8), (0.0, 1), (-0.3, 8)]
    assert together(rows, math.inf, Costs()) == [4, 2, 0]
    assert together([row for row in rows if row[0] >= 0], math.inf, Costs()) == [3, 1]
    slow = costs(decoded=CALL_SECONDS / 20)
    assert together(rows, math.inf, slow) == [4, 2]  # three would take too long for whoever comes next
    assert together(rows, math.inf, costs(decoded=10.0)) == [4]


def test_requests_enter_while_nobody_runs_dry() -> None:
    c = costs()
    assert may_enter([], 10_000, 0, FRAME, c)
    assert may_enter([0.5, 0.3], 50, 2, FRAME, c) and not may_enter([0.5, 0.05], 50, 2, FRAME, c)
    assert may_enter([0.5, 0.05], 10, 2, FRAME, c)  # a shorter prompt takes less from the others
    assert may_enter([9.0] * 7, 50, 7, FRAME, c) and not may_enter([9.0] * 8, 50, 8, FRAME, c)  # 9 x 5 ms: over half of 80
    assert may_enter([-1.0], 50, 1, FRAME, costs(step=0.2))  # slower than real time alone: all as fast as they can
    assert may_enter([0.01], 50, 1, FRAME, Costs())  # nothing is known yet


def test_costs_follow_what_is_measured() -> None:
    c = Costs()
    assert c.step(4) == 0 and retry_after(10, 4, c) == 1
    c.stepped(4, 0.02)
    assert (c.step(4), c.step(2), c.step(8)) == (0.02, 0.02, 0.04)
    c.stepped(8, 0.04)
    assert (c.step(6), c.step(16), c.step(1)) == (pytest.approx(0.03), pytest.approx(0.08), 0.02)
    for _ in range(100):
        c.stepped(4, 0.04)
        c.sounded(10, 0.5)
        c.spoken(8.0)
    assert c.step(4) == pytest.approx(0.04) and c.frame(4) == pytest.approx(0.2) and c.frame(1) == pytest.approx(0.05)
    assert retry_after(8, 4, c) == pytest.approx(8.0)


@given(st.lists(st.tuples(st.floats(-5, 20), st.integers(1, 8)), min_size=1, max_size=30), st.floats(0, 1))
def test_any_choice_is_of_alike_rows_around_the_most_urgent(rows: list[tuple[float, int]], decoded: float) -> None:
    chosen = together(rows, math.inf, Costs(decoded=decoded))
    assert min(rows) == rows[chosen[0]] and len({rows[place][1] for place in chosen}) == 1
    assert len(set(chosen)) == len(chosen)
    assert len(chosen) == 1 or len(chosen) * rows[chosen[0]][1] * decoded <= CALL_SECONDS


def test_everybody_is_heard_in_turn_on_a_machine_that_keeps_up() -> None:
    """Sixteen listeners, a frame of all in 40 ms, a frame of one decoded in 2 ms: nobody runs dry, whoever comes late."""
    c, now, busy_until = costs(decoded=0.002), 0.0, 0.0
    playback, pending, size = [Playback() for _ in range(16)], [0] * 16, [0] * 16
    dry = 0.0
    for _ in range(500):
        now += 0.04
        for row in range(min(16, 1 + int(now / 0.3))):
            pending[row] += 1
        while busy_until < now:
            sizes = [(1, 2, 4, 8)[min(size[row], 3)] for row in range(16)]
            lefts = [p.left(now) if p.end is not None else math.inf for p in playback]
            ready = [row for row in range(16) if due(pending[row], sizes[row], lefts[row], False, 1, c)]
            if not ready:
                break
            keys = [(playback[row].left(now), min(sizes[row], pending[row])) for row in ready]
            busy_until = max(busy_until, now - 0.04)
            for place in together(keys, math.inf, c):
                row, frames = ready[place], keys[place][1]
                busy_until += frames * 0.002
                pending[row] -= frames
                size[row] += 1
                dry += playback[row].add(frames * FRAME, max(now, busy_until))
    assert dry < 1e-9 and all(p.left(now) > 0.5 for p in playback)
