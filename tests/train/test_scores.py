"""What the teacher plans, as codes: no phone is lost, the pitch's phase fits together, voices are told apart."""

from pathlib import Path

import numpy as np
import pytest
from codes import BOOKS, EARLY, ROUGH, SPEEDS, UNTOLD, Codebooks, knots, turns
from kokoro import Plan
from score import LEAD, PHONES, SILENCE, TAIL, UNITS, Reading, Score, early, following, halves, load, save, score
from some_codebooks import some_codebooks
from synthesiser import BENDS, FASTEST, SLOWEST
from synthesiser import UNITS as SIXTHS
from ways import Way


def some_plan(rng: np.random.Generator, phones: str) -> Plan:
    durations = np.r_[14, rng.integers(1, 6, len(phones)), 5]
    count = 2 * int(durations.sum())
    pitch = 150 + 40 * np.sin(np.arange(count) / 9)
    pitch[rng.random(count) < 0.2] = 7
    return Plan(durations, np.zeros((1, 512, count // 2)), pitch[None], rng.normal(size=(1, count)))


@pytest.fixture
def made() -> Score:
    rng, text, phones = np.random.default_rng(0), "the house is out there", "ðə hˈWs ɪz ˌWt ðˈɛɹ."
    words = [(0, 3, 0, 2), (4, 9, 3, 7), (10, 12, 8, 10), (13, 16, 11, 14), (17, 22, 15, 20)]
    return score(Reading(text, phones, words), some_plan(rng, phones), "Ryan", "English", rng.normal(size=256))


def test_every_phone_is_told(made: Score) -> None:
    told = halves(made).ravel()
    runs = [kind for kind, before in zip(told, np.r_[255, told[:-1]], strict=True) if kind != before]
    assert "".join(PHONES[kind] for kind in runs if kind != SILENCE) == "ðəhaʊsɪzaʊtðɛɹ"


def test_it_begins_with_a_silent_frame_before_anything_is_heard() -> None:
    rng, phones = np.random.default_rng(0), "aba."
    plan = some_plan(rng, phones)
    plan.energy[0] = -8
    plan.energy[0, 2 * 11 : 2 * 20] = 6  # three units before the first phone is said to begin
    made = score(Reading("a", phones, [(0, 1, 0, 3)]), plan, "Ryan", "English", rng.normal(size=256))
    assert made.begin == 11 - LEAD and made.units == LEAD + 9 + TAIL
    assert (made.energy[: 2 * LEAD] == -8).all() and (made.energy[2 * LEAD :][: 2 * 9] == 6).all()
    assert halves(made)[0].tolist() == [SILENCE, SILENCE]


def test_phones_that_are_too_short_for_half_a_frame_are_told_all_the_same(made: Score) -> None:
    made.ends = np.arange(1, len(made.ends) + 1) * 0.7 + 2  # units of 25 ms
    told = halves(made).ravel()
    assert set(told) >= set(made.phones[: len(told) - 4]) - {SILENCE}


def test_what_comes_next_is_the_phone_after_those_that_are_told(made: Score) -> None:
    told, then = halves(made), following(made)
    for frame in range(made.frames - 1):
        later = told[frame + 1 :].ravel()
        changed = np.flatnonzero(later != told[frame, 1])
        if len(changed) and SILENCE not in (told[frame, 1], later[changed[0]]):  # a short silence is not told
            assert then[frame] == later[changed[0]]


def test_phones_of_half_a_frame_begin_when_they_are_told(made: Score) -> None:
    made.ends = (np.arange(len(made.ends)) + 1) * UNITS / 2
    whole = len(made.ends) // 2
    assert not early(made)[:whole].any()
    made.ends = made.ends - UNITS / 4 + 0.01
    assert (early(made)[: whole - 1] == [0, 1, 0, 1]).all()
    made.ends = made.ends + UNITS / 2 - 0.02
    assert (early(made)[1 : whole - 1] == [-1, 0, -1, 0]).all()


def test_code_7_tells_the_next_phone_and_when_phones_begin(made: Score) -> None:
    codes = some_codebooks(np.random.default_rng(1)).codes(made)[:, 7]
    phone, when = np.divmod(codes, len(EARLY))
    assert (phone == np.append(following(made)[1:], SILENCE)).all()  # code 0 is a frame ahead
    near = early(made)
    known = (near[:, None] == EARLY).all(-1).any(1)
    assert known.any() and (EARLY[when][known] == near[known]).all()
    assert len(PHONES) * len(EARLY) <= UNTOLD


def test_text_is_spoken_in_order_and_in_time(made: Score) -> None:
    assert len(made.spoken) == len(made.text.encode())
    assert (np.diff(made.spoken) >= 0).all()
    assert made.spoken[0] >= 0
    assert made.spoken[-1] <= made.units


def test_the_phase_of_each_frame_follows_from_the_codes_before_it(made: Score) -> None:
    done, speed = turns(made, 4)
    before = (done[:-1] + speed[:-1]) % SIXTHS
    assert (done[1:] == before).all()
    codes = some_codebooks(np.random.default_rng(1)).codes(made, 4)
    assert codes.shape == (made.frames, BOOKS)
    assert (codes[:, 1] == done * SPEEDS + speed - SLOWEST).all()
    assert (codes[:, 2] // ROUGH + BENDS[0] == 0).all()


def test_a_straight_pitch_is_met_within_what_codes_can_say(made: Score) -> None:
    ends = (np.arange(made.frames) + 1) * UNITS * 2
    slope = 100 / len(made.pitch)
    made.pitch = (120 + slope * np.arange(len(made.pitch))).astype(np.float32)
    _, speed = turns(made, 0)
    wanted = 120 + slope * (ends - 0.5)
    assert np.abs(speed / SIXTHS / 0.08 - wanted)[1:-1].max() <= 0.5 / SIXTHS / 0.08 + 0.1


def test_lines_follow_a_bent_pitch_better_than_lines_through_it(made: Score) -> None:
    places = np.arange(len(made.pitch))
    made.pitch = (180 + 60 * np.cos(2 * np.pi * places / (5 * UNITS * 2))).astype(np.float32)  # once in five frames
    ends = (np.arange(made.frames) + 1) * UNITS * 2 - 0.5
    heard = slice(int(2 * UNITS * 2), int(ends[-2]))
    through_it, along = (
        np.interp(places, ends, row) - made.pitch for row in (np.interp(ends, places, made.pitch), knots(made))
    )
    assert np.square(along[heard]).mean() < 0.4 * np.square(through_it[heard]).mean()


def test_pitch_stays_within_what_codes_can_say(made: Score) -> None:
    made.pitch[::7] = 900
    _, speed = turns(made, 0)
    assert speed.min() >= SLOWEST and speed.max() <= FASTEST


def test_a_voice_keeps_its_codes(made: Score) -> None:
    codes = some_codebooks(np.random.default_rng(1)).codes(made)
    assert (codes[:, 4:7] == codes[0, 4:7]).all()
    made.voice = -made.voice
    assert (some_codebooks(np.random.default_rng(1)).codes(made)[0, 4:7] != codes[0, 4:7]).any()


def test_ways_change_what_they_say(made: Score) -> None:
    high, quiet, whispered = (way.applied(made) for way in (Way(pitch=1.2), Way(loud=-6), Way(whispered=True)))
    assert np.allclose(high.pitch, made.pitch * 1.2)
    assert (quiet.energy < made.energy).all()
    assert not whispered.pitch.any()


def test_files_bring_back_what_was_saved(made: Score, tmp_path: Path) -> None:
    assert save([made, made], tmp_path / "some.npz") == 2
    for found in load(tmp_path / "some.npz"):
        assert found.text == made.text
        assert np.array_equal(found.pitch, made.pitch)
        assert np.array_equal(found.phones, made.phones)


def test_codebooks_are_read_as_they_were_written(made: Score, tmp_path: Path) -> None:
    known = some_codebooks(np.random.default_rng(2))
    known.save(tmp_path / "codebooks.npz")
    assert np.array_equal(Codebooks.from_file(tmp_path / "codebooks.npz").codes(made), known.codes(made))
