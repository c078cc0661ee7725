"""The same speech, packed in voices that are made up, and how a codec hears it."""

import json
from dataclasses import asdict
from pathlib import Path

import hear_pack
import numpy as np
import pytest
import thin_pack
from codes import Codebooks
from kokoro import TIMBRE
from make_pack import APART, alike, in_other_voices, vector
from score import Score

from qwen_tts.resolve import TINY
from qwen_tts.train.data import Alignment, Clip, Codes, Pack, write_codes
from qwen_tts.train.matching import check

KNOWN = Codebooks.from_file(Path(__file__).parents[2] / "recipes" / "tiny" / "books" / "codebooks.npz")


def spoken(key: str = "one", off: float = 0.0) -> Score:
    """Nothing but a voice."""
    nothing, voice = np.zeros(0, np.float32), (KNOWN.mean + off).astype(np.float32)
    return Score("", key, "English", *[nothing] * 4, voice=voice, spoken=nothing, key=key)


def test_voices_differ_in_all_that_is_heard_by_so_much_at_most() -> None:
    (made,) = in_other_voices([spoken()], KNOWN, 400, np.random.default_rng(0))
    assert len({one.key for one in made}) == 400 and all(one.key.startswith("one~") for one in made)
    off = np.stack([KNOWN.heard(one.voice) for one in made]) / np.sqrt(np.square(KNOWN.voices[0]).mean(0))
    assert np.abs(off.mean(0)).max() < 0.1
    assert np.allclose(off.std(0), APART / np.sqrt(3), rtol=0.2), "evenly near and far"
    assert all(one.voice.shape == (TIMBRE,) and one.voice.dtype == np.float32 for one in made)


def test_a_vector_tells_the_voice_that_was_made_up() -> None:
    (made,) = in_other_voices([spoken()], KNOWN, 20, np.random.default_rng(0))
    told = np.stack([vector(one, KNOWN) for one in made])
    codes = np.array([KNOWN.voice(one.voice) for one in made])
    assert len(np.unique(codes[:, 0])) > 5 and len(np.unique(codes, axis=0)) > 15
    same = codes[:, :1] == codes[None, :, 0]
    apart = np.linalg.norm(told[:, None] - told[None], axis=-1)
    assert apart[same & ~np.eye(20, dtype=bool)].mean() < apart[~same].mean()


def test_two_speeches_are_spoken_in_each_voice_that_is_made_up() -> None:
    one, other = in_other_voices([spoken("one", 0.1), spoken("other", 0.3)], KNOWN, 200, np.random.default_rng(0))
    assert len({made.speaker for made in (*one, *other)}) == 200 == len({made.voice.tobytes() for made in (*one, *other)})
    for first, second in zip(one, other, strict=True):
        assert first.speaker == second.speaker and np.array_equal(first.voice, second.voice)
        assert first.key.startswith("one~") and second.key.startswith("other~")
    between = np.mean([made.voice for made in one], 0) - KNOWN.mean
    assert abs(np.mean(between) - 0.2) < 0.02, "about as far from the one as from the other"


@pytest.mark.parametrize("count", [0, 1, 2, 7, 40])
def test_who_is_alike_is_paired(count: int) -> None:
    places = np.random.default_rng(count).permutation(count // 2 * 2) // 2 * 10.0
    rows = np.append(places, [1e4] * (count % 2))[:, None]
    pairs = alike(rows)
    assert sorted(number for pair in pairs for number in pair) == list(range(count))
    assert sum(len(pair) == 1 for pair in pairs) == count % 2
    if not count % 2:
        assert all(rows[first] == rows[second] for first, second in pairs)


def test_what_is_packed_in_other_voices_is_heard_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng, names = np.random.default_rng(0), ["a", "a~1", "b", "b~1", "b~2"]
    own = {name: rng.integers(1000, size=(4 + number, 8)) for number, name in enumerate("ab")}
    clips = [Clip(name, "", "somebody", "English", 0, 1920 * len(own[name[0]])) for name in names]
    (tmp_path / "clips.jsonl").write_text("".join(json.dumps(asdict(clip)) + "\n" for clip in clips), "utf-8")
    write_codes([own[name[0]] for name in names], tmp_path)
    out = tmp_path / "heard"
    arguments = ["hear_pack", str(tmp_path), str(TINY / "speech_tokenizer"), str(out)]
    monkeypatch.setattr("sys.argv", [*arguments, "--clips", "1"])
    hear_pack.main()
    lengths = np.diff(Codes(out).start).tolist()
    assert lengths in ([4, 4, 0, 0, 0], [0, 0, 5, 5, 5]), "clips that are not heard have no frames"
    monkeypatch.setattr("sys.argv", arguments)
    hear_pack.main()
    heard = [Codes(out).get(clip).tolist() for clip in range(5)]
    assert heard[0] == heard[1] and heard[2] == heard[3] == heard[4] and [len(rows) for rows in heard] == [4, 4, 5, 5, 5]
    assert heard[0] != own["a"].tolist(), "the codec does not hear codes as they were"


def test_a_thin_pack_has_what_is_heard_and_own_voices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names, heard = ["a", "a~1", "b", "b~1", "c~x"], [0, 0, 2, 2, 0]
    clips = [Clip(name, "ab", name, "English", 0, 1920 * 4) for name in names]
    (tmp_path / "clips.jsonl").write_text("".join(json.dumps(asdict(clip)) + "\n" for clip in clips), "utf-8")
    write_codes([np.full((2, 8), number) for number in range(5)], tmp_path)
    write_codes([np.full((count, 8), 9) for count in heard], tmp_path / "heard")
    np.arange(10, dtype="<f4").tofile(tmp_path / "aligned.f4")
    np.save(tmp_path / "aligned_start.npy", np.arange(0, 12, 2))
    np.save(tmp_path / "vectors.npy", np.arange(5)[:, None])
    monkeypatch.setattr("sys.argv", ["thin_pack", *map(str, (tmp_path, tmp_path / "heard", tmp_path / "out"))])
    thin_pack.main()
    out = Pack(tmp_path / "out")
    codes, again, alignment = Codes(out.folder), Codes(out.folder / "heard"), Alignment(out.folder)
    assert [clip.id for clip in out.clips] == ["a", "b", "b~1"]
    assert [int(codes.get(n)[0, 0]) for n in range(3)] == [0, 2, 3] and np.diff(again.start).tolist() == [0, 2, 2]
    assert alignment.times_of(1).tolist() == [4, 5] and np.load(out.folder / "vectors.npy").tolist() == [[0], [2], [3]]
    check(out, codes, alignment, np.load(out.folder / "vectors.npy"), None, again)


def test_who_speak_in_one_voice_are_heard_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = "abcdef"
    speaker = {"a": "a", "b": "b", "c": "a", "d": "b", "e": "Ryan", "f": "Ryan"}  # a name is no reason to be heard together
    clips = [(name, name if speaker[name] != "Ryan" else "Ryan") for name in names]
    clips += [(f"{name}~1", f"{speaker[name]}~1") for name in "abcd"]
    lines = [json.dumps(asdict(Clip(name, "", whose, "English", 0, 1920 * 4))) + "\n" for name, whose in clips]
    (tmp_path / "clips.jsonl").write_text("".join(lines), "utf-8")
    write_codes([np.zeros((4, 8), np.int64)] * len(clips), tmp_path)
    arguments = ["hear_pack", str(tmp_path), str(TINY / "speech_tokenizer"), str(tmp_path / "heard"), "--clips"]
    order = []  # in which they are heard
    for count in range(1, 7):
        monkeypatch.setattr("sys.argv", [*arguments, str(count)])
        hear_pack.main()
        frames = np.diff(Codes(tmp_path / "heard").start)
        heard = [name for (name, _), some in zip(clips, frames, strict=True) if some and name in names]
        order += [name for name in heard if name not in order]
        assert len(order) == len(heard) == count
    place = {name: order.index(name) for name in names}
    assert abs(place["a"] - place["c"]) == 1 == abs(place["b"] - place["d"])
    assert order != sorted(order)
