"""Long texts are spoken piece by piece: every piece as alone, pauses exact, voices anchored, errors before any sound."""

import gc
import weakref
from typing import Any

import numpy as np
import pytest

from qwen_tts import Qwen3TTSModel
from qwen_tts.arguments import utterances
from qwen_tts.chunks import AudioChunk
from qwen_tts.errors import OptionError, TextError
from qwen_tts.long_text import LongSpeech, Piece
from qwen_tts.reading.options import Reading
from qwen_tts.reading.plan import Pauses

RATE = 24_000
TEXT = "The house is out there. [pause:400ms] A mouse is about. The other house is not."
AS_IS = Reading(budget=30, pauses=Pauses(sentence=0.25), lead=None, trail=None)
FEW: dict[str, Any] = {"max_new_tokens": 12, "seed": 7}


@pytest.fixture(scope="module")
def model(loaded) -> Qwen3TTSModel:
    return Qwen3TTSModel(loaded("custom_voice"))


@pytest.fixture(scope="module")
def designer(loaded) -> Qwen3TTSModel:
    return Qwen3TTSModel(loaded("voice_design"))


def quiet(call: Any, *args: Any, **kwargs: Any) -> Any:
    """Miniature models never end by themselves; the warning that says so is not what is tested."""
    with pytest.warns(UserWarning, match="was ended by"):
        return call(*args, **kwargs)


def test_the_pieces_are_spoken_as_alone_with_exact_pauses_between(model) -> None:
    whole = quiet(model.generate_custom_voice, TEXT, "ryan", retries=0, reading=AS_IS, **FEW).waves[0]
    pieces = [piece for piece in AS_IS.plan(TEXT, None) if hasattr(piece, "text")]
    assert [piece.text for piece in pieces] == ["The house is out there.", "A mouse is about.", "The other house is not."]
    frames = 11 * 1920
    assert len(whole) == 3 * frames + round(0.4 * RATE) + round(0.25 * RATE)
    first = quiet(model.generate_custom_voice, pieces[0].text, "ryan", retries=0, **FEW).waves[0]
    inner = slice(200, frames - 200)  # the ends are faded
    np.testing.assert_array_equal(whole[:frames][inner], first[inner])
    assert not whole[frames : frames + round(0.4 * RATE)].any()


def test_the_chunks_are_the_wave_and_count_the_codes(model) -> None:
    result = quiet(model.generate_custom_voice, TEXT, "ryan", retries=0, reading=AS_IS, **FEW)
    chunks = list(model.stream_custom_voice(TEXT, "ryan", reading=AS_IS, **FEW))
    np.testing.assert_array_equal(np.concatenate([chunk.samples for chunk in chunks]), result.waves[0])
    assert [chunk.finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["length"]
    assert result.details[0].frames == sum(chunk.frames for chunk in chunks) == 33
    starts = np.cumsum([0, *(chunk.frames for chunk in chunks)])[:-1]
    assert [chunk.first_frame for chunk in chunks] == starts.tolist()


def test_pieces_that_run_away_are_told_of_once_a_text(model, monkeypatch) -> None:
    monkeypatch.setattr("qwen_tts.talker.options.BASE_FRAMES", 3)
    with pytest.warns(UserWarning, match="was ended by") as caught:
        result = model.generate_custom_voice(["A house.", TEXT], "ryan", reading=AS_IS, frames_per_token=1e-6, seed=7)
    assert [str(warning.message)[:20] for warning in caught] == ["the speech of text 0", "the speech of text 1"]
    assert [(details.tries, details.seed) for details in result.details] == [(2, 7), (2, 8)]


def test_a_batch_of_long_texts_speaks_as_each_alone(model) -> None:
    texts = [TEXT, "A house.", "Out there. About the house and the mouse of it."]
    together = quiet(model.generate_custom_voice, texts, "ryan", retries=0, reading=AS_IS, max_new_tokens=9, seed=[1, 2, 3])
    for text, seed, wave in zip(texts, (1, 2, 3), together.waves, strict=True):
        alone = quiet(model.generate_custom_voice, text, "ryan", retries=0, reading=AS_IS, max_new_tokens=9, seed=seed)
        np.testing.assert_allclose(wave, alone.waves[0], atol=1e-5)


class Recorded:
    """In the place of an `AudioStream`: one chunk a piece, all alike, that end by themselves."""

    def __init__(self, pieces: list[Piece]) -> None:
        tone = np.full(1920, 0.1, np.float32)
        rows = enumerate(pieces)
        self.chunks = [AudioChunk(tone, RATE, row, 0, 1, "eos", np.full((1, 4), len(p.text))) for row, p in rows]

    def __iter__(self) -> Any:
        return iter(self.chunks)

    def __enter__(self) -> "Recorded":
        return self

    def __exit__(self, *error: Any) -> None:
        pass


def test_frames_whose_sound_is_trimmed_come_with_the_next_chunk() -> None:
    silence, tone = np.zeros(1920, np.float32), np.full(1920, 0.1, np.float32)

    def begin(pieces: list[Piece], after: Any) -> Any:
        speech = Recorded(pieces)
        heard = enumerate([(silence, None), (silence, None), (tone, None), (silence, None), (silence, "eos")])
        speech.chunks = [AudioChunk(wave, RATE, 0, i, 1, end, np.full((1, 4), i)) for i, (wave, end) in heard]
        return speech

    chunks = list(LongSpeech(begin, ["One house. Two houses here."], [None], [5], Reading(budget=20), RATE, [False]))
    assert all(len(chunk.samples) for chunk in chunks[:-1])
    assert np.concatenate([chunk.codes for chunk in chunks])[:, 0].tolist() == [0, 1, 2, 3, 4] * 2
    starts = np.cumsum([0, *(chunk.frames for chunk in chunks)])[:-1]
    assert [chunk.first_frame for chunk in chunks] == starts.tolist()


def test_an_anchored_row_goes_on_from_its_first_piece() -> None:
    asked: list[list[Piece]] = []

    def begin(pieces: list[Piece], after: Any) -> Any:
        asked.append(pieces)
        return Recorded(pieces)

    texts = ["One house. Two houses here. Three.", "A mouse is about. Another."]
    chunks = list(LongSpeech(begin, texts, [None, None], [5, 6], Reading(budget=20), RATE, [True, False]))
    assert [[piece.text for piece in pieces] for pieces in asked] == [
        ["One house.", "A mouse is about."],
        ["Two houses here.", "Another."],
        ["Three."],
    ]
    anchors = [piece.anchor for pieces in asked for piece in pieces]
    assert [anchor and anchor[0] for anchor in anchors] == [None, None, "One house.", None, "One house."]
    assert anchors[2] is not None
    assert anchors[2][1].tolist() == [[10] * 4]
    assert len({piece.seed for pieces in asked for piece in pieces}) == 5
    assert {chunk.row for chunk in chunks if chunk.finish_reason == "eos"} == {0, 1}


def test_what_an_anchor_does_is_what_cloning_in_context_does(designer) -> None:
    """The prompt of a later piece holds the anchor's text and frames."""
    codes = np.zeros((3, 4), np.int64)
    layouts: list[dict[str, Any]] = [{"instruct_ids": None}]
    one = utterances(designer.loaded, ["A mouse."], None, layouts, True, {}, anchors=[("The house.", codes)])[0]
    plain = utterances(designer.loaded, ["A mouse."], None, layouts, True, {})[0]
    more = len(designer.loaded.text.reference_ids("The house.")) + 3
    assert len(one.prompt.embeddings) == len(plain.prompt.embeddings) + more  # type: ignore[union-attr]
    assert one.reference is not None
    assert plain.reference is None


def test_closing_ends_the_work_and_frees_it(model) -> None:
    speech = model.stream_custom_voice(TEXT, "ryan", reading=AS_IS, **FEW)
    next(speech)
    piece = weakref.ref(speech._piece)
    speech.close()
    assert next(speech, None) is None
    del speech
    gc.collect()
    assert piece() is None


def test_what_is_wrong_is_said_before_any_sound(model) -> None:
    wrong: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"text": "…"}, TextError, "nothing to speak"),
        ({"speaker": "nobody"}, OptionError, "nobody"),
        ({"temperatur": 1}, OptionError, "temperatur"),
        ({"reading": "yes"}, OptionError, "reading must be"),
        ({"text": iter(["a"])}, OptionError, "still coming"),
        ({"text": "A [pause:2 parsecs] b."}, TextError, "pause"),
    ]
    for changes, error, message in wrong:
        with pytest.raises(error, match=message):
            model.stream_custom_voice(**({"text": TEXT, "speaker": "ryan", "reading": True} | changes))


def test_numbers_are_read_out_where_asked(model) -> None:
    told = quiet(model.generate_custom_voice, "The 3 houses.", "ryan", retries=0, reading=True, **FEW).details[0].codes
    same = quiet(model.generate_custom_voice, "The three houses.", "ryan", retries=0, **FEW).details[0].codes
    plain = quiet(model.generate_custom_voice, "The 3 houses.", "ryan", retries=0, **FEW).details[0].codes
    np.testing.assert_array_equal(told, same)
    assert not np.array_equal(plain, same)
