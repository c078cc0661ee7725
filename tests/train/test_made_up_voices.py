"""The same speech, packed in voices that are made up, and how a codec hears it."""

import json
from dataclasses import asdict
from pathlib import Path

import hear_pack
import numpy as np
import pytest
from codes import Codebooks
from kokoro import TIMBRE
from make_pack import APART, in_other_voices, vector
from score import Score

from qwen_tts.resolve import TINY
from qwen_tts.train.data import Clip, Codes, write_codes

KNOWN = Codebooks.from_file(Path(__file__).parents[2] / "recipes" / "tiny" / "books" / "codebooks.npz")


def spoken() -> Score:
    """Nothing but a voice."""
    nothing = np.zeros(0, np.float32)
    return Score("", "somebody", "English", *[nothing] * 4, voice=KNOWN.mean.astype(np.float32), spoken=nothing, key="one")


def test_voices_differ_in_all_that_is_heard_by_so_much_at_most() -> None:
    made = in_other_voices(spoken(), KNOWN, 400, np.random.default_rng(0))
    assert len({one.key for one in made}) == 400 and all(one.key.startswith("one~") for one in made)
    off = np.stack([KNOWN.heard(one.voice) for one in made]) / np.sqrt(np.square(KNOWN.voices[0]).mean(0))
    assert np.abs(off.mean(0)).max() < 0.1
    assert np.allclose(off.std(0), APART / np.sqrt(3), rtol=0.2), "evenly near and far"
    assert all(one.voice.shape == (TIMBRE,) and one.voice.dtype == np.float32 for one in made)


def test_a_vector_tells_the_voice_that_was_made_up() -> None:
    made = in_other_voices(spoken(), KNOWN, 20, np.random.default_rng(0))
    told = np.stack([vector(one, KNOWN) for one in made])
    codes = np.array([KNOWN.voice(one.voice) for one in made])
    assert len(np.unique(codes[:, 0])) > 5 and len(np.unique(codes, axis=0)) > 15
    same = codes[:, :1] == codes[None, :, 0]
    apart = np.linalg.norm(told[:, None] - told[None], axis=-1)
    assert apart[same & ~np.eye(20, dtype=bool)].mean() < apart[~same].mean()


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
