"""Voices from recordings, and voices that do not fit."""

import base64
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from qwen_tts import Qwen3TTSModel, VoiceClonePromptItem
from qwen_tts.checkpoint import LoadedModel
from qwen_tts.errors import AudioError, OptionError, TextError
from qwen_tts.voice import check_voice, create_voice, voices_from_dict
from scripts.run_document import serve

RATE, GROUPS, WIDTH = 24_000, 4, 32


@pytest.fixture(scope="module")
def base(loaded: Callable[[str], LoadedModel]) -> LoadedModel:
    return loaded("base")


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


def test_a_voice_in_context(base: LoadedModel) -> None:
    voice = create_voice(base, (noise(RATE), RATE), "Hello.")
    assert voice.ref_code is not None and voice.ref_code.shape == (13, GROUPS) and voice.ref_code.dtype == torch.int64
    assert voice.ref_spk_embedding.shape == (WIDTH,) and voice.ref_spk_embedding.dtype == torch.float32
    assert (voice.icl_mode, voice.x_vector_only_mode, voice.ref_text) == (True, False, "Hello.")
    check_voice(voice, base)


def test_every_kind_of_recording_is_the_same_voice(base: LoadedModel, tmp_path: Path) -> None:
    path = tmp_path / "me.wav"
    soundfile.write(path, noise(RATE), RATE, subtype="FLOAT")
    data = path.read_bytes()
    coded = base64.b64encode(data).decode()
    with serve(tmp_path) as address, path.open("rb") as file:
        kinds = [
            path, str(path), f"{address}/me.wav", data, bytearray(data), io.BytesIO(data), file, coded,
            f"data:audio/wav;base64,{coded}", (noise(RATE), RATE), (np.stack([noise(RATE)] * 2), RATE),
        ]  # fmt: skip
        voices = Qwen3TTSModel(base).create_voice_clone_prompt(kinds, "Hello.")
    assert len(voices) == len(kinds)
    for voice in voices[1:]:
        assert voice.ref_code is not None and voices[0].ref_code is not None
        assert torch.equal(voice.ref_code, voices[0].ref_code)
        torch.testing.assert_close(voice.ref_spk_embedding, voices[0].ref_spk_embedding)


def test_a_voice_by_its_vector_alone(base: LoadedModel) -> None:
    voice = create_voice(base, (noise(RATE), RATE), x_vector_only=True)
    assert voice.ref_code is None and not voice.icl_mode and voice.x_vector_only_mode
    assert torch.equal(voice.ref_spk_embedding, create_voice(base, (noise(RATE), RATE), "Hello.").ref_spk_embedding)
    assert not torch.equal(voice.ref_spk_embedding, create_voice(base, (noise(RATE, 1), RATE), "x").ref_spk_embedding)
    check_voice(voice, base)


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000, 192_000])
def test_recordings_of_any_rate(base: LoadedModel, rate: int) -> None:
    voice = create_voice(base, (np.stack((noise(rate), noise(rate))), rate), "Hello.")
    assert voice.ref_code is not None and len(voice.ref_code) == 13 and torch.isfinite(voice.ref_spk_embedding).all()


SQUARE = np.sign(np.sin(np.arange(RATE) / 20))
CLIPPED = np.clip(3 * np.sin(np.arange(RATE) / 20) * np.hanning(RATE), -0.7, 0.7)


@pytest.mark.parametrize(
    ("wave", "words"),
    [
        (np.zeros(RATE, np.uint8) + np.uint8(128), "is silent: its peak is below -60 dB"),
        (noise(RATE) / 1000, "is silent"),
        (np.full(RATE, 0.5, np.float32), "is silent: all its samples are about 0.5;"),
        (SQUARE, "is clipped: 100% of it"),
        (CLIPPED, "is clipped: ..% of it"),
        (np.round(CLIPPED * 32767).astype(np.int16), "is clipped"),
        (noise(61 * 8000), "lasts 61 s; the limit is 60 s"),
    ],
)
def test_recordings_that_hold_no_voice(base: LoadedModel, wave: np.ndarray, words: str) -> None:
    with pytest.raises(AudioError, match=words):
        create_voice(base, (wave, 8000 if "61" in words else RATE), "x")


def test_loud_and_soft_recordings_are_voices(base: LoadedModel) -> None:
    peaks = noise(RATE) * 10
    few = np.where(np.abs(peaks) > 2.6, np.sign(peaks), peaks / 2.6)  # some peaks at full scale
    for wave in (few, noise(RATE) / 50, np.sin(np.arange(RATE) / 20), np.round(127 * noise(RATE)).astype(np.int8)):
        assert torch.isfinite(create_voice(base, (wave, RATE), "x").ref_spk_embedding).all()


def test_a_transcript_that_nobody_could_say_in_the_time(base: LoadedModel) -> None:
    with pytest.raises(TextError, match="has 400 characters and ref_audio lasts 2.0 s: nobody speaks so fast"):
        create_voice(base, (noise(2 * RATE), RATE), "word " * 80)


@pytest.mark.parametrize("text", [None, "", "  "])
def test_context_needs_a_transcript(base: LoadedModel, text: str | None) -> None:
    with pytest.raises(TextError, match="x_vector_only_mode=True"):
        create_voice(base, (noise(RATE), RATE), text)


@pytest.mark.parametrize("rate", [8_000, 24_000, 48_000])
def test_a_moment_is_too_short(base: LoadedModel, rate: int) -> None:
    with pytest.raises(AudioError, match=r"lasts 0.29 s; at least 0.3 s"):
        create_voice(base, (noise(int(0.29 * rate)), rate), "x")
    create_voice(base, (noise(int(0.3 * rate)), rate), "x")


def test_other_models_take_no_voice(loaded: Callable[[str], LoadedModel]) -> None:
    with pytest.raises(OptionError, match="a voice_design model cannot take on a voice"):
        create_voice(loaded("voice_design"), (noise(RATE), RATE), "x")


def item(**changes: Any) -> VoiceClonePromptItem:
    voice = VoiceClonePromptItem(torch.zeros(3, GROUPS, dtype=torch.int64), torch.zeros(WIDTH), False, True, "Hello.")
    return replace(voice, **changes)


@pytest.mark.parametrize(
    ("voice", "words"),
    [
        (item(ref_spk_embedding=torch.zeros(WIDTH * 2)), "64 values, this model needs 32: .*another size"),
        (item(ref_spk_embedding=torch.zeros(1, WIDTH)), r"shape \[1, 32\]"),
        (item(ref_code=torch.zeros(3, 16, dtype=torch.int64)), r"shape \[3, 16\], expected \[T, 4\]"),
        (item(ref_code=torch.zeros(0, GROUPS, dtype=torch.int64)), r"shape \[0, 4\]"),
        (item(ref_code=torch.full((3, GROUPS), 64)), "legal are 0 to 63"),
        (item(ref_code=torch.full((3, GROUPS), -1)), "legal are 0 to 63"),
        (item(ref_code=None), "needs ref_code and ref_text"),
        (item(ref_text=""), "needs ref_code and ref_text"),
        (item(x_vector_only_mode=True), "exactly one of"),
        (item(icl_mode=False), "exactly one of"),
    ],
)
def test_voices_that_do_not_fit(base: LoadedModel, voice: VoiceClonePromptItem, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        check_voice(voice, base)
    with pytest.raises(OptionError, match=words):
        Qwen3TTSModel(base).generate_voice_clone("the house", voice_clone_prompt=voice)


def test_the_official_dict_form() -> None:
    columns: dict[str, Any] = {
        "ref_code": [torch.zeros(1, GROUPS), None], "ref_spk_embedding": [torch.zeros(WIDTH)] * 2,
        "x_vector_only_mode": [False, True], "icl_mode": [True, False], "ref_text": ["Hello.", None],
    }  # fmt: skip
    first, second = voices_from_dict(columns)
    assert first.ref_text == "Hello." and second.ref_code is None and second.x_vector_only_mode
    assert voices_from_dict({name: column for name, column in columns.items() if name != "ref_text"})[0].ref_text is None
    with pytest.raises(OptionError, match="differ in length"):
        voices_from_dict(columns | {"icl_mode": [True]})
    for wrong in ({}, columns | {"name": ["me"]}, {"ref_code": [None]}):
        with pytest.raises(OptionError, match="has the keys ref_code, ref_spk_embedding"):
            voices_from_dict(wrong)
