"""The official calls: how arguments spread over a batch, what is refused, and that each is the sum of its stream."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from qwen_tts import Qwen3TTSModel
from qwen_tts.checkpoint import LoadedModel
from qwen_tts.engine.eager import EagerEngine
from qwen_tts.errors import CheckpointError, OptionError, TextError
from qwen_tts.talker.talker import Talker

RATE, FRAME = 24_000, 1920
SHORT: dict[str, Any] = {"seed": 1, "max_new_tokens": 12}
pytestmark = pytest.mark.filterwarnings("ignore:the speech of text")
VOICE = (0.1 * np.random.default_rng(0).standard_normal(RATE)).astype(np.float32), RATE


BY_VECTOR = {"ref_code": None, "ref_spk_embedding": [torch.zeros(32)], "x_vector_only_mode": True}


@pytest.fixture(scope="module")
def custom(loaded: Callable[[str], LoadedModel]) -> Qwen3TTSModel:
    return Qwen3TTSModel(loaded("custom_voice"))


@pytest.fixture(scope="module")
def design(loaded: Callable[[str], LoadedModel]) -> Qwen3TTSModel:
    return Qwen3TTSModel(loaded("voice_design"))


@pytest.fixture(scope="module")
def base(loaded: Callable[[str], LoadedModel]) -> Qwen3TTSModel:
    return Qwen3TTSModel(loaded("base"))


def same(one: tuple[list[np.ndarray], int], other: tuple[list[np.ndarray], int]) -> bool:
    return [len(w) for w in one[0]] == [len(w) for w in other[0]] and all(
        np.allclose(a, b, atol=1e-5) for a, b in zip(one[0], other[0], strict=True)
    )


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


def test_numpy_s_whole_numbers_are_seeds(custom: Qwen3TTSModel) -> None:
    for seed in (np.int64(1), [np.uint8(1)]):
        assert same(
            custom.generate_custom_voice("the house", "ryan", **(SHORT | {"seed": seed})),
            custom.generate_custom_voice("the house", "ryan", **SHORT),
        )


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
    for nothing in (None, "", " ", [None, ""]):
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


def test_a_voice_made_once_equals_one_made_in_the_call(base: Qwen3TTSModel) -> None:
    texts = ["the house", "the mouse"]
    now = base.generate_voice_clone(texts, "english", ref_audio=VOICE, ref_text="a mouse", **SHORT)
    items = base.create_voice_clone_prompt(VOICE, "a mouse")
    assert same(now, base.generate_voice_clone(texts, "english", voice_clone_prompt=items, **SHORT))
    assert same(now, base.generate_voice_clone(texts, "english", voice_clone_prompt=items * 2, **SHORT))
    assert same(now, base.generate_voice_clone(texts, "english", voice_clone_prompt=items[0], **SHORT))
    columns = {name: [getattr(items[0], name)] for name in items[0].__dataclass_fields__}
    assert same(now, base.generate_voice_clone(texts, "english", voice_clone_prompt=columns, **SHORT))


def test_each_text_its_own_voice_and_way(base: Qwen3TTSModel) -> None:
    other = (VOICE[0][::-1].copy() * 0.5, RATE)
    waves, _ = base.generate_voice_clone(
        ["the house", "the mouse"],
        ref_audio=[VOICE, other],
        ref_text=["a mouse", None],
        x_vector_only_mode=[False, True],
        **SHORT,
    )
    first = base.generate_voice_clone("the house", ref_audio=VOICE, ref_text="a mouse", **SHORT)
    second = base.generate_voice_clone("the mouse", ref_audio=other, x_vector_only_mode=True, seed=2, max_new_tokens=12)
    assert same((waves, RATE), (first[0] + second[0], RATE))


def test_the_voice_and_the_layout_are_heard(base: Qwen3TTSModel) -> None:
    def speak(**changes: Any) -> tuple[list[np.ndarray], int]:
        return base.generate_voice_clone(**({"text": "the house", "ref_audio": VOICE, "ref_text": "a mouse"} | SHORT | changes))

    plain = speak()
    for changes in (
        {"ref_text": "a house"},
        {"x_vector_only_mode": True},
        {"non_streaming_mode": True},
        {"language": "english"},
    ):
        assert not same(plain, speak(**changes)), changes


def test_the_speech_goes_on_from_the_reference(base: Qwen3TTSModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """The official way: decode reference and speech together, then cut the reference off."""
    seen = []
    embed_codes = Talker.embed_codes

    def spy(self: Talker, codes: torch.Tensor) -> torch.Tensor:
        seen.append(codes)
        return embed_codes(self, codes)

    (item,) = base.create_voice_clone_prompt(VOICE, "a mouse")
    assert item.ref_code is not None
    monkeypatch.setattr(Talker, "embed_codes", spy)
    model = Qwen3TTSModel(base.loaded, engine=EagerEngine(base.loaded.talker))  # which embeds where the spy sees it
    waves, _ = model.generate_voice_clone("the house", voice_clone_prompt=item, **SHORT)
    reference, *frames = seen
    assert torch.equal(reference[0], item.ref_code)
    whole = base.loaded.codec.decode(torch.cat((reference, *frames[: len(waves[0]) // FRAME]), dim=1))[0]
    np.testing.assert_allclose(waves[0], whole[len(item.ref_code) * FRAME :].numpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "give the voice once"),
        ({"ref_text": "a mouse"}, "give the voice once"),
        ({"ref_audio": VOICE, "voice_clone_prompt": []}, "give the voice once"),
        ({"voice_clone_prompt": [1]}, "names or paths of voices, not int"),
        ({"voice_clone_prompt": []}, "text has 1 item, voice_clone_prompt has 0"),
        ({"voice_clone_prompt": BY_VECTOR | {"icl_mode": [False]}}, "a list for each key, x_vector_only_mode is True"),
        ({"ref_audio": VOICE, "x_vector_only_mode": "yes"}, "x_vector_only_mode must be True or False"),
        ({"ref_audio": [VOICE, VOICE], "x_vector_only_mode": True}, "text has 1 item, ref_audio has 2"),
        ({"ref_audio": VOICE, "ref_text": ["a", "b"]}, "ref_audio has 1 item, ref_text has 2"),
    ],
)
def test_clones_that_are_not_told_their_voice(base: Qwen3TTSModel, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        base.generate_voice_clone("the house", **arguments)
