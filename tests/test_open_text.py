"""Text that comes while it is spoken sounds as if it had been there from the start, laid out beside the speech."""

import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from qwen_tts import Qwen3TTSModel
from qwen_tts.chunks import AudioChunk
from qwen_tts.engine import EngineState
from qwen_tts.engine.eager import EagerEngine
from qwen_tts.errors import OptionError, TextError
from qwen_tts.prompt import ids_before_speech
from tests.test_model import RATE

TEXT = "The mouse of the house, the louse: about 12 of them. Theirs!"
SHORT: dict[str, Any] = {"seed": 3, "max_new_tokens": 70, "frames_per_token": 1.0, "stop_loops": False, "max_silence": None}
VOICE = (0.1 * np.random.default_rng(0).standard_normal(RATE // 2)).astype(np.float32), RATE
LONG_VOICE = (0.1 * np.random.default_rng(1).standard_normal(3 * RATE)).astype(np.float32), RATE


def cut(text: str, *places: int) -> Iterator[str]:
    for start, end in zip((0, *places), (*places, len(text)), strict=True):
        yield text[start:end]


CUTS = [(), (1, 2, 3), tuple(range(1, len(TEXT))), (4, 9, 9, 30, 31, 33)]


def heard(chunks: Iterator[AudioChunk]) -> tuple[np.ndarray, np.ndarray, str]:
    """Codes, samples and the reason to end of one row."""
    parts = list(chunks)
    codes, wave = (np.concatenate(list(some)) for some in ((p.codes for p in parts), (p.samples for p in parts)))
    return codes, wave, str(parts[-1].finish_reason)


def calls(loaded: Callable[[str], Any]) -> list[tuple[Callable[..., Any], dict[str, Any]]]:
    base = Qwen3TTSModel(loaded("base"))
    return [
        (Qwen3TTSModel(loaded("custom_voice")).stream_custom_voice, {"speaker": "ryan", "instruct": "slowly"}),
        (Qwen3TTSModel(loaded("voice_design")).stream_voice_design, {"instruct": "low", "language": "english"}),
        (base.stream_voice_clone, {"ref_audio": VOICE, "ref_text": "a mouse"}),
        (base.stream_voice_clone, {"ref_audio": VOICE, "ref_text": "a mouse that is rather long for what was said"}),
        (base.stream_voice_clone, {"ref_audio": VOICE, "x_vector_only_mode": True}),
    ]


@pytest.mark.parametrize("number", range(5))
def test_any_pieces_are_as_good_as_the_whole(loaded: Callable[[str], Any], number: int) -> None:
    call, arguments = calls(loaded)[number]
    codes, wave, reason = heard(call(TEXT, **arguments, **SHORT, non_streaming_mode=False))
    assert len(codes) > 40
    for places in CUTS:
        open_codes, open_wave, open_reason = heard(call(cut(TEXT, *places), **arguments, **SHORT))
        assert open_reason == reason
        np.testing.assert_array_equal(open_codes, codes)
        np.testing.assert_allclose(open_wave, wave, atol=1e-5)


def test_a_text_that_ends_within_the_reference(loaded: Callable[[str], Any]) -> None:
    clone, voice = Qwen3TTSModel(loaded("base")).stream_voice_clone, {"ref_audio": LONG_VOICE, "ref_text": "a mouse"}
    whole = heard(clone("the house", **voice, **SHORT))
    np.testing.assert_array_equal(heard(clone(cut("the house", 2, 5), **voice, **SHORT))[0], whole[0])


def test_rows_of_a_batch_may_have_either_kind_of_text(loaded: Callable[[str], Any]) -> None:
    speak = Qwen3TTSModel(loaded("custom_voice")).stream_custom_voice
    options = SHORT | {"seed": [3, 4, 5], "non_streaming_mode": False, "speaker": "ryan"}
    texts = [TEXT, "the house", "a mouse"]
    chunks = list(speak([cut(TEXT, 7, 20), "the house", cut("a mouse", 1)], **options))
    for row, whole in enumerate(texts):
        alone = heard(speak(whole, **(options | {"seed": 3 + row})))
        np.testing.assert_array_equal(heard(iter([c for c in chunks if c.row == row]))[0], alone[0])


def test_audio_comes_out_while_words_come_in(loaded: Callable[[str], Any]) -> None:
    """Each frame takes one more id, and no more of the text is asked for than that."""
    asked = 0

    def words() -> Iterator[str]:
        nonlocal asked
        for letter in "xyz" * 30:
            asked += 1
            yield f"{letter} "

    speak = Qwen3TTSModel(loaded("custom_voice")).stream_custom_voice
    seen = []
    with speak(words(), "ryan", schedule=[1], **SHORT) as chunks:
        for _, chunk in zip(range(12), chunks, strict=False):
            assert chunk.frames == 1
            seen.append(asked)
    assert seen[0] == 1, "the first id is enough to begin"
    assert all(0 <= later - earlier <= 1 for earlier, later in itertools.pairwise(seen)) and asked < 12


def test_a_text_that_stalls_is_waited_for(loaded: Callable[[str], Any]) -> None:
    class Counted(EagerEngine):
        steps = 0

        def step(self, state: EngineState, uniforms: Tensor) -> Tensor:
            self.steps += 1
            return super().step(state, uniforms)

    engine = Counted(loaded("custom_voice").talker)
    model = Qwen3TTSModel(loaded("custom_voice"), engine=engine)
    go_on, made = threading.Event(), []

    def words() -> Iterator[str]:
        yield "x y "
        assert go_on.wait(30)
        yield "z"

    chunks = model.stream_custom_voice(words(), "ryan", schedule=[1], **SHORT)
    worker = threading.Thread(target=lambda: made.extend(chunks))
    worker.start()
    worker.join(1.0)
    assert worker.is_alive() and engine.steps == 3, "two words and the blank between them are there: no pad instead of more"
    go_on.set()
    worker.join(60)
    np.testing.assert_array_equal(
        heard(iter(made))[0], heard(model.stream_custom_voice("x y z", "ryan", non_streaming_mode=False, **SHORT))[0]
    )


def test_the_budget_grows_with_the_text(loaded: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qwen_tts.engine.eager.MIN_FRAMES", 10**6)  # never ends by itself
    speak = Qwen3TTSModel(loaded("custom_voice")).stream_custom_voice
    options = SHORT | {"max_new_tokens": 300, "frames_per_token": 2.0}
    whole = heard(speak("x" * 25, "ryan", non_streaming_mode=False, **options))
    assert (len(whole[0]), whole[2]) == (100, "budget")
    assert heard(speak(iter("x" * 25), "ryan", **options))[2] == "budget"
    assert len(heard(speak((letter for letter in "x" * 25), "ryan", **options))[0]) == 100


@pytest.mark.parametrize(
    ("pieces", "words"), [([], "empty"), ([" ", "\n"], "empty"), (["a ", 3], "pieces of a text must be strings, not int")]
)
def test_pieces_that_cannot_be_spoken(loaded: Callable[[str], Any], pieces: list[Any], words: str) -> None:
    chunks = Qwen3TTSModel(loaded("custom_voice")).stream_custom_voice(iter(pieces), "ryan", **SHORT)
    with pytest.raises(TextError, match=words):
        list(chunks)


def test_what_does_not_depend_on_the_text_is_refused_before_it_comes(loaded: Callable[[str], Any]) -> None:
    model = Qwen3TTSModel(loaded("custom_voice"))
    with pytest.raises(OptionError, match="auto, chinese, english"):
        model.stream_custom_voice(iter(["a"]), "ryan", "Klingon")
    with pytest.raises(OptionError, match="schedule"):
        model.stream_custom_voice(iter(["a"]), "ryan", schedule=[0])

    async def letters() -> Any:
        yield "a"

    with pytest.raises(TextError, match="astream_"):
        model.stream_custom_voice(letters(), "ryan")


def test_how_much_text_a_reference_needs() -> None:
    assert [ids_before_speech(ids, frames) for ids, frames in ((None, 0), ([1, 2], 2), ([1, 2], 5), ([1] * 9, 5))] == [
        1,
        1,
        4,
        1,
    ]
