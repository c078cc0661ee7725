"""Voice files: there and back, whose they are, and everything that only looks like one."""

import contextlib
import json
import os
import struct
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from qwen_tts import Qwen3TTSModel, VoiceClonePromptItem
from qwen_tts.checkpoint import LoadedModel
from qwen_tts.errors import QwenTTSError, VoiceError
from qwen_tts.fingerprint import fingerprint
from qwen_tts.voice import check_voice, create_voice
from tests.voice_items import GROUPS, WIDTH, item, same

RATE = 24_000
WAVE = (0.1 * np.random.default_rng(0).standard_normal(RATE)).astype(np.float32)
METADATA = {"format": "qwen_tts voice", "version": "1", "mode": "in_context", "ref_text": "Hé, 家."}


@pytest.fixture(scope="module")
def base(loaded: Callable[[str], LoadedModel]) -> LoadedModel:
    return loaded("base")


@pytest.mark.parametrize("name", ["me.safetensors", "me.pt"])
@pytest.mark.parametrize(
    "voice",
    [item(), item(ref_code=None, x_vector_only_mode=True, icl_mode=False, ref_text=None), item(ref_text="a" * 50_000)],
    ids=["in context", "vector alone", "long"],
)
def test_there_and_back(tmp_path: Path, name: str, voice: VoiceClonePromptItem) -> None:
    voice.save(tmp_path / name)
    again = VoiceClonePromptItem.load(str(tmp_path / name))
    assert same(voice, again) and os.listdir(tmp_path) == [name]


def test_what_made_a_voice_is_kept(tmp_path: Path, base: LoadedModel) -> None:
    voice = create_voice(base, (WAVE, RATE), "Hello.")
    assert voice.made_with == fingerprint(base) and set(voice.made_with) == {"model", "codec", "speaker_encoder"}
    voice.save(tmp_path / "me.safetensors")
    again = VoiceClonePromptItem.load(tmp_path / "me.safetensors")
    assert same(voice, again)
    model = Qwen3TTSModel(base)
    kept = model.generate_voice_clone("the house", voice_clone_prompt=tmp_path / "me.safetensors", seed=1, max_new_tokens=5)
    direct = model.generate_voice_clone("the house", voice_clone_prompt=voice, seed=1, max_new_tokens=5)
    np.testing.assert_array_equal(kept[0][0], direct[0][0])


def test_bfloat16_vectors_and_vectors_of_a_view_keep_their_values(tmp_path: Path) -> None:
    vector = torch.randn(2, WIDTH).bfloat16()[:, ::1][1]
    item(ref_spk_embedding=vector).save(tmp_path / "a.safetensors")
    assert torch.equal(VoiceClonePromptItem.load(tmp_path / "a.safetensors").ref_spk_embedding, vector.float())


# ---- whose voice it is


def test_a_fingerprint_knows_its_model_in_any_dtype(base: LoadedModel, model_dir: Callable[[str], Path]) -> None:
    again = Qwen3TTSModel.from_pretrained(model_dir("base"), dtype="bfloat16").loaded
    assert fingerprint(again) == fingerprint(base)


def test_another_talker_is_fine_and_another_speaker_encoder_or_codec_is_not(base: LoadedModel) -> None:
    voice = create_voice(base, (WAVE, RATE), "Hello.")
    assert voice.made_with is not None
    alone = replace(voice, x_vector_only_mode=True, icl_mode=False)
    check_voice(replace(voice, made_with={**voice.made_with, "model": "base tuned"}), base)
    check_voice(replace(voice, made_with=None), base)
    other_codec = {**voice.made_with, "model": "base 9b", "codec": "0"}
    check_voice(replace(alone, made_with=other_codec), base)
    with pytest.raises(VoiceError, match=r"another model \(base 9b\), whose codec is not this one's: its codes would"):
        check_voice(replace(voice, made_with=other_codec), base)
    for one in (voice, alone):
        with pytest.raises(VoiceError, match="whose speaker encoder is not this one's: its vector would"):
            check_voice(replace(one, made_with={**voice.made_with, "speaker_encoder": "0"}), base)


def test_a_voice_of_another_size_says_of_which(base: LoadedModel) -> None:
    with pytest.raises(VoiceError, match=r"64 values, this model needs 32: .* another size \(base 0b6\); make it again"):
        check_voice(item(ref_spk_embedding=torch.zeros(64), made_with={"model": "base 0b6"}), base)


# ---- files that are no voices


def write(path: Path, tensors: dict[str, torch.Tensor] | None = None, **metadata: Any) -> Path:
    given = {"ref_spk_embedding": torch.zeros(WIDTH), "ref_code": torch.zeros(3, GROUPS, dtype=torch.int32)}
    save_file(given if tensors is None else tensors, path, {k: v for k, v in (METADATA | metadata).items() if v is not None})
    return path


VECTOR, CODES = torch.zeros(WIDTH), torch.zeros(3, GROUPS, dtype=torch.int32)


@pytest.mark.parametrize(
    ("tensors", "metadata", "words"),
    [
        (None, {"version": "2"}, "format version '2'; this package reads 1; update it"),
        (None, {"version": "x" * 5000}, "format version 'x{20}'; this package reads 1$"),
        (None, {"version": "9" * 5000}, "format version '9{20}'"),
        (None, {"version": None}, "format version ''"),
        (None, {"format": "pt"}, "not a voice that was saved by"),
        (None, {"format": None}, "not a voice"),
        (None, {"mode": None}, "legal are in_context, x_vector_only"),
        (None, {"mode": "x" * 999}, "mode is 'x{40}'"),
        (None, {"ref_text": None}, "needs ref_code and ref_text"),
        (None, {"ref_text": " "}, "needs ref_code and ref_text"),
        (None, {"evil": "1"}, "unknown entry 'evil'"),
        ({"ref_code": CODES}, {}, "no ref_spk_embedding"),
        ({"ref_spk_embedding": VECTOR}, {}, "needs ref_code and ref_text"),
        ({"ref_spk_embedding": VECTOR, "ref_code": CODES, "x": VECTOR + 1}, {}, "unknown tensor 'x'"),
        ({"ref_spk_embedding": VECTOR.double(), "ref_code": CODES}, {}, "type F64, expected F32"),
        ({"ref_spk_embedding": VECTOR, "ref_code": CODES.long()}, {}, "type I64, expected I32"),
        ({"ref_spk_embedding": VECTOR * np.nan, "ref_code": CODES}, {}, "finite"),
        ({"ref_spk_embedding": torch.zeros(1, WIDTH), "ref_code": CODES}, {}, r"of shape \[1, 32\]"),
        ({"ref_spk_embedding": torch.zeros(0), "ref_code": CODES}, {}, r"of shape \[0\]"),
        ({"ref_spk_embedding": torch.zeros(70_000), "ref_code": CODES}, {}, r"of shape \[70000\]"),
        ({"ref_spk_embedding": VECTOR, "ref_code": CODES[0]}, {}, r"of shape \[4\]"),
        ({"ref_spk_embedding": VECTOR, "ref_code": CODES[:0]}, {}, r"shape \[0, 4\]"),
        ({"ref_spk_embedding": VECTOR, "ref_code": torch.zeros(2, 300, dtype=torch.int32)}, {}, r"shape \[2, 300\]"),
    ],
)
def test_what_only_looks_like_a_voice(tmp_path: Path, tensors: Any, metadata: Any, words: str) -> None:
    path = write(tmp_path / "a.safetensors", tensors, **metadata)
    with pytest.raises(VoiceError, match=words) as caught:
        VoiceClonePromptItem.load(path)
    assert len(str(caught.value)) < 600


def test_a_file_that_was_cut_anywhere(tmp_path: Path) -> None:
    whole = tmp_path / "a.safetensors"
    item().save(whole)
    data = whole.read_bytes()
    for end in range(0, len(data), 7):
        whole.write_bytes(data[:end])
        with pytest.raises(VoiceError, match="no voice, or was cut short"):
            VoiceClonePromptItem.load(whole)


def header(text: str | dict[str, Any], size: int | None = None) -> bytes:
    data = (text if isinstance(text, str) else json.dumps(text)).encode()
    return struct.pack("<Q", len(data) if size is None else size) + data


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\x00" * 8, header("{}", 2**63), header("{}", 2**40), header("[" * 100_000), header('{"a": ' * 50_000),
        header({"ref_spk_embedding": {"dtype": "F32", "shape": [2**62, 2**62], "data_offsets": [0, 8]}}) + b"\0" * 8,
        header({"ref_spk_embedding": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}) + b"\0" * 8,
        header({"ref_spk_embedding": {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}}) + b"\0" * 8,
        header({"__metadata__": {"format": 3}}), header({"__metadata__": []}), header({"__metadata__": None}),
        b"not a voice at all, but long enough to have a header", b"\x80\x04\x95" + b"\0" * 100,
    ],
    ids=range(14),
)  # fmt: skip
def test_hostile_headers(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.safetensors").write_bytes(data)
    with pytest.raises(VoiceError):
        VoiceClonePromptItem.load(tmp_path / "a.safetensors")


@settings(max_examples=150, deadline=None)
@given(where=st.floats(0, 1), value=st.integers(0, 255), name=st.sampled_from(["me.safetensors", "me.pt"]))
def test_a_changed_byte_is_a_voice_or_a_typed_error(
    tmp_path_factory: pytest.TempPathFactory, where: float, value: int, name: str
) -> None:
    path = tmp_path_factory.mktemp("flip") / name
    item().save(path)
    data = bytearray(path.read_bytes())
    data[int(where * (len(data) - 1))] = value
    path.write_bytes(data)
    with contextlib.suppress(VoiceError):
        assert isinstance(VoiceClonePromptItem.load(path).ref_spk_embedding, torch.Tensor)


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.safetensors")  # nobody will ever write to it
    (tmp_path / "huge.safetensors").touch()
    os.truncate(tmp_path / "huge.safetensors", 2**40)
    for name, words in (
        ("none", "No such file"),
        ("pipe", "plain file"),
        ("huge", "larger than 16 MiB"),
        ("a\0b", "cannot read"),
    ):
        with pytest.raises(VoiceError, match=words):
            VoiceClonePromptItem.load(tmp_path / f"{name}.safetensors")
    with pytest.raises(VoiceError, match="directory|Permission"):
        VoiceClonePromptItem.load(tmp_path)


@pytest.mark.parametrize(
    ("changes", "name", "words"),
    [
        ({}, "me.voice", "ends in .safetensors, or .pt"),
        ({}, "no/me.safetensors", "does not exist"),
        ({"ref_text": None}, "me.safetensors", "needs ref_code and ref_text"),
        ({"ref_text": "\ud800"}, "me.safetensors", "half characters"),
        ({"ref_text": 3}, "me.safetensors", "expected a string"),
        ({"icl_mode": False}, "me.safetensors", "exactly one"),
        ({"icl_mode": 1}, "me.safetensors", "exactly one"),
        ({"ref_spk_embedding": [0.0]}, "me.safetensors", "is a list"),
        ({"ref_code": torch.zeros(3, GROUPS)}, "me.safetensors", "expected integers"),
        ({"ref_code": torch.full((3, GROUPS), 2**40)}, "me.safetensors", "larger than any codebook"),
    ],
)
def test_what_cannot_be_saved(tmp_path: Path, changes: dict[str, Any], name: str, words: str) -> None:
    with pytest.raises(VoiceError, match=words):
        item(**changes).save(tmp_path / name)
    assert os.listdir(tmp_path) == []


def test_of_many_who_make_the_same_new_file_one_succeeds(tmp_path: Path) -> None:
    path, won, lost = tmp_path / "me.safetensors", [], []
    start = threading.Barrier(8)

    def make(number: int) -> None:
        start.wait()
        try:
            item(ref_text=f"number {number}").save(path, replace=False)
            won.append(number)
        except VoiceError:
            lost.append(number)

    threads = [threading.Thread(target=make, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1 and len(lost) == 7 and os.listdir(tmp_path) == ["me.safetensors"]
    assert VoiceClonePromptItem.load(path).ref_text == f"number {won[0]}"


def test_every_error_is_of_the_package() -> None:
    assert issubclass(VoiceError, QwenTTSError)
