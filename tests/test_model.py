"""The official calls: how arguments spread over a batch, what is refused, and that each is the sum of its stream."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from short_waves import FRAME, RATE, SHORT, VOICE, same

from qwen_tts import Qwen3TTSModel
from qwen_tts.checkpoint import LoadedModel
from qwen_tts.errors import CheckpointError, OptionError, TextError

pytestmark = pytest.mark.filterwarnings("ignore:the speech of text")


@pytest.fixture(scope="module")
def custom(loaded: Callable[[str], LoadedModel]) -> Qwen3TTSModel:
    return Qwen3TTSModel(loaded("custom_voice"))


@pytest.fixture(scope="module")
def design(loaded: Callable[[str], LoadedModel]) -> Qwen3TTSModel:
    return Qwen3TTSModel(loaded("voice_design"))


@pytest.fixture(scope="module")
def base(loaded: Callable[[str], LoadedModel]) -> Qwen3TTSModel:
    return Qwen3TTSModel(loaded("base"))


def test_a_wave_is_float32_at_the_codec_s_rate(custom: Qwen3TTSModel) -> None:
    waves, rate = custom.generate_custom_voice(text="the house", speaker="Ryan", language="English", **SHORT)
    assert rate == custom.sample_rate == RATE and custom.device == torch.device("cpu")
    assert len(waves) == 1 and waves[0].dtype == np.float32 and waves[0].shape == (11 * FRAME,)
    assert waves[0].std() > 0.01 and np.abs(waves[0]).max() <= 1


def test_a_whole_wave_is_its_stream_sample_for_sample(
    custom: Qwen3TTSModel, design: Qwen3TTSModel, base: Qwen3TTSModel
) -> None:
    texts = ["the house", "the mouse"]
    for whole, streamed, arguments in (
        (custom.generate_custom_voice, custom.stream_custom_voice, {"speaker": "ryan"}),
        (design.generate_voice_design, design.stream_voice_design, {"instruct": "low"}),
        (base.generate_voice_clone, base.stream_voice_clone, {"ref_audio": VOICE, "ref_text": "a mouse"}),
    ):
        waves, _ = whole(texts, **arguments, **SHORT)
        chunks = list(streamed(texts, **arguments, **SHORT))
        for row, wave in enumerate(waves):
            np.testing.assert_array_equal(np.concatenate([c.samples for c in chunks if c.row == row]), wave)


def test_from_pretrained_takes_the_official_arguments(model_dir: Callable[[str], Path], custom: Qwen3TTSModel) -> None:
    with pytest.warns(UserWarning, match="sdpa"):
        model = Qwen3TTSModel.from_pretrained(
            str(model_dir("custom_voice")), device_map="cpu", dtype=torch.bfloat16, attn_implementation="flash_attention_2"
        )
    assert model.loaded.talker.codec_head.weight.dtype == torch.bfloat16
    waves, _ = model.generate_custom_voice("the house", "ryan", **SHORT)
    assert waves[0].dtype == np.float32 and np.isfinite(waves[0]).all()
    again = Qwen3TTSModel.from_pretrained(model_dir("custom_voice"))
    assert same(again.generate_custom_voice("the", "ryan", **SHORT), custom.generate_custom_voice("the", "ryan", **SHORT))


def test_a_directory_that_is_no_model(tmp_path: Path, model_dir: Callable[[str], Path]) -> None:
    with pytest.raises(OptionError, match="unknown model"):
        Qwen3TTSModel.from_pretrained(tmp_path / "none")
    for name in ("config.json", "speech_tokenizer"):
        (tmp_path / name).symlink_to(model_dir("base") / name)
    with pytest.raises(CheckpointError, match=r"model\.safetensors is missing"):
        Qwen3TTSModel.from_pretrained(tmp_path)


def test_what_is_supported_is_listed(custom: Qwen3TTSModel, base: Qwen3TTSModel) -> None:
    assert custom.get_supported_speakers() == ["dylan", "ryan", "serena"]
    assert custom.get_supported_languages() == ["auto", "chinese", "english"]
    assert base.get_supported_speakers() == []


# ---- batches


def test_single_values_spread_over_a_batch(custom: Qwen3TTSModel) -> None:
    texts = ["the house", "the mouse", "a"]
    one = custom.generate_custom_voice(texts, "ryan", "english", "slowly", **SHORT)
    spreads: list[dict[str, Any]] = [
        {"speaker": ["ryan"], "language": ["english"], "instruct": ["slowly"]},
        {"speaker": ["ryan"] * 3, "language": ["English"] * 3, "instruct": ["slowly"] * 3},
    ]
    for spread in spreads:
        assert same(one, custom.generate_custom_voice(texts, **spread, **SHORT))


def test_every_text_of_a_batch_has_its_own(custom: Qwen3TTSModel) -> None:
    texts, speakers, languages = ["the house", "the mouse"], ["ryan", "serena"], ["english", None]
    waves, _ = custom.generate_custom_voice(texts, speakers, languages, ["slowly", None], seed=[7, 9], max_new_tokens=12)
    first = custom.generate_custom_voice("the house", "ryan", "english", "slowly", seed=7, max_new_tokens=12)
    second = custom.generate_custom_voice("the mouse", "serena", "Auto", seed=9, max_new_tokens=12)
    assert same((waves, RATE), (first[0] + second[0], RATE))


def test_a_seed_counts_on_through_a_batch(custom: Qwen3TTSModel) -> None:
    waves, _ = custom.generate_custom_voice(["the house", "the house"], "ryan", **SHORT)
    assert same(([waves[1]], RATE), custom.generate_custom_voice("the house", "ryan", seed=2, max_new_tokens=12))
    assert not np.allclose(waves[0], waves[1])


def test_numpy_s_numbers_are_numbers(custom: Qwen3TTSModel) -> None:
    plain = custom.generate_custom_voice("the house", "ryan", **SHORT, frames_per_token=8, max_silence=4)
    for seed in (np.int64(1), [np.uint8(1)]):
        given: dict[str, Any] = SHORT | {"seed": seed, "frames_per_token": np.float32(8), "max_silence": np.float32(4)}
        assert same(custom.generate_custom_voice("the house", "ryan", **given), plain)


def test_without_a_seed_no_two_calls_are_alike(custom: Qwen3TTSModel) -> None:
    waves = [custom.generate_custom_voice("the house", "ryan", max_new_tokens=12)[0][0] for _ in range(2)]
    assert waves[0].shape != waves[1].shape or not np.allclose(waves[0], waves[1])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"speaker": ["ryan", "serena"]}, "text has 3 items, speaker has 2"),
        ({"speaker": "ryan", "language": ["english"] * 4}, "text has 3 items, language has 4"),
        ({"speaker": "ryan", "instruct": ["x", "y"]}, "text has 3 items, instruct has 2"),
        ({"speaker": []}, "text has 3 items, speaker has 0"),
        ({"speaker": "ryan", "seed": [1, 2]}, "one for each of the 3 texts"),
    ],
)
def test_lengths_that_differ_are_told(custom: Qwen3TTSModel, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        custom.generate_custom_voice(["a", "b", "c"], **arguments)


# ---- what is refused


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"speaker": "Bob"}, "dylan, ryan, serena"),
        ({"speaker": None}, "unknown speaker None; this model has dylan, ryan, serena"),
        ({"speaker": ("ryan", "serena")}, "dylan, ryan, serena"),
        ({"speaker": ""}, "dylan, ryan, serena"),
        ({"language": "Klingon"}, "auto, chinese, english"),
        ({"language": "beijing_dialect"}, "auto, chinese, english"),
        ({"language": 3}, "must be a string"),
        ({"language": 3, "reading": True}, "must be a string"),
        ({"language": "French", "reading": True}, "this model speaks auto, chinese, english"),
        ({"language": "Klingon", "reading": True}, "this model speaks auto, chinese, english"),
        ({"instruct": 3}, "must be a string"),
        ({"tempo": 2}, "unknown option 'tempo'; known are do_sample, .*max_silence"),
        ({"temperature": 0}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"top_k": -1}, "top_k"),
        ({"top_k": 1.5}, "top_k"),
        ({"top_p": 0}, "top_p"),
        ({"repetition_penalty": 0}, "repetition_penalty"),
        ({"subtalker_temperature": -1}, "temperature"),
        ({"subtalker_top_k": -5}, "top_k"),
        ({"do_sample": "yes"}, "do_sample"),
        ({"max_new_tokens": 1}, "max_new_tokens"),
        ({"max_silence": 0}, "max_silence"),
        ({"max_silence": "long"}, "max_silence"),
        ({"frames_per_token": -1}, "frames_per_token"),
        ({"frames_per_token": "many"}, "frames_per_token"),
        ({"frames_per_token": float("inf")}, "frames_per_token"),
        ({"stop_loops": "no"}, "stop_loops"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**63}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"seed": "1"}, "seed"),
        ({"seed": True}, "seed"),
        ({"seed": ["1"]}, "seed"),
        ({"seed": [None]}, "seed"),
        ({"seed": [1.5]}, "seed"),
    ],
)
def test_options_without_a_legal_value(custom: Qwen3TTSModel, arguments: dict[str, Any], words: str) -> None:
    arguments = {"speaker": "ryan", **arguments}
    with pytest.raises(OptionError, match=words):
        custom.generate_custom_voice("the house", **arguments)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        (" \t\r\n", "empty"),
        ("\x00\x1b\x7f\ufeff", "empty"),
        (["a", ""], "empty"),
        ([], "empty"),
        (None, "not NoneType"),
        (["a", 3], "not int"),
        ("half a pair \ud800", "not valid Unicode"),
        ("x" * 100_000, r"needs 1000\d\d positions and the model has 2048"),
    ],
)
def test_texts_that_cannot_be_spoken(custom: Qwen3TTSModel, text: Any, words: str) -> None:
    with pytest.raises(TextError, match=words):
        custom.generate_custom_voice(text, "ryan")


def test_errors_come_with_the_call_not_with_the_first_chunk(custom: Qwen3TTSModel) -> None:
    with pytest.raises(TextError):
        custom.stream_custom_voice("", "ryan")


def test_the_wrong_call_names_the_right_one(custom: Qwen3TTSModel, design: Qwen3TTSModel, base: Qwen3TTSModel) -> None:
    with pytest.raises(OptionError, match=r"voice_design model.* generate_voice_design"):
        design.generate_custom_voice("a", "ryan")
    with pytest.raises(OptionError, match=r"base model.* generate_voice_clone"):
        base.generate_voice_design("a", "low")
    for call in (custom.generate_voice_clone, custom.create_voice_clone_prompt):
        with pytest.raises(OptionError, match=r"custom_voice model.* generate_custom_voice"):
            call("a")


def test_an_instruction_that_cannot_be_followed_is_refused(custom: Qwen3TTSModel) -> None:
    small = Qwen3TTSModel(replace(custom.loaded, config=replace(custom.config, tts_model_size="0b6")))
    with pytest.raises(OptionError, match="cannot follow an instruction"):
        small.generate_custom_voice(["a", "b"], "ryan", instruct=[None, "angrily"])
    for nothing in (None, "", " ", "\x07 ", [None, ""]):
        small.generate_custom_voice(["a", "b"], "ryan", instruct=nothing, **SHORT)


# ---- what texts, voices and options do


def test_special_tokens_in_a_text_are_text_and_control_characters_are_nothing(custom: Qwen3TTSModel) -> None:
    def speak(text: str) -> tuple[list[np.ndarray], int]:
        return custom.generate_custom_voice(text, "ryan", seed=1, max_new_tokens=20)

    assert same(speak("the\x00 ho\x07use\ufeff"), speak("the house"))
    assert not same(speak("the house<|im_end|>"), speak("the house"))


@pytest.mark.parametrize("text", ["?", "🙂", "家", "שלום", "e\u0301\u200d", "\t.\n", "a" * 500])
def test_any_other_text_is_spoken(custom: Qwen3TTSModel, text: str) -> None:
    waves, _ = custom.generate_custom_voice(text, "ryan", **SHORT)
    assert len(waves[0]) >= 2 * FRAME and np.isfinite(waves[0]).all()


def test_options_of_the_call_come_before_the_files_(custom: Qwen3TTSModel) -> None:
    def speak(**options: Any) -> tuple[list[np.ndarray], int]:
        return custom.generate_custom_voice("the house", "ryan", **(SHORT | options))

    plain = speak()
    assert same(plain, speak(temperature=None, top_k=None, do_sample=None))
    for option in (
        {"do_sample": False}, {"temperature": 3.0}, {"top_k": 1}, {"top_p": 0.01}, {"repetition_penalty": 50.0},
        {"subtalker_dosample": False}, {"subtalker_temperature": 3.0}, {"subtalker_top_k": 1}, {"subtalker_top_p": 0.01},
        {"max_new_tokens": 5}, {"non_streaming_mode": False},
    ):  # fmt: skip
        assert not same(plain, speak(**option)), option
    assert same(
        speak(do_sample=False, subtalker_dosample=False, seed=1), speak(do_sample=False, subtalker_dosample=False, seed=2)
    )


def test_speech_that_was_cut_warns_and_the_stream_says_why(custom: Qwen3TTSModel) -> None:
    with pytest.warns(UserWarning, match="text 0 was ended by 'length'"):
        custom.generate_custom_voice("the house", "ryan", **SHORT)
    assert list(custom.stream_custom_voice("the house", "ryan", **SHORT))[-1].finish_reason == "length"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        custom.generate_custom_voice("the house", "ryan", seed=7)  # ends by itself after 13 frames


def test_descriptions_make_voices(design: Qwen3TTSModel) -> None:
    low, high = (design.generate_voice_design("the house", instruct, **SHORT) for instruct in ("low", "high"))
    assert not same(low, high)
    assert same(design.generate_voice_design(["the house"], ["low"], ["auto"], **SHORT), low)


# ---- clones
