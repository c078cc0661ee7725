"""The codec's façade: every input, every form of codes, and what is neither."""

import base64
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from qwen_tts import Qwen3TTSTokenizer
from qwen_tts.errors import AudioError, CheckpointError, OptionError
from scripts.run_document import serve

RATE, FRAME, GROUPS, CODES = 24_000, 1920, 4, 64


@pytest.fixture(scope="module")
def tokenizer(model_dir: Callable[[str], Path]) -> Qwen3TTSTokenizer:
    return Qwen3TTSTokenizer.from_pretrained(model_dir("base"))


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


def some_codes(frames: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(CODES, (frames, GROUPS), generator=torch.Generator().manual_seed(seed))


def test_a_model_s_codec_equals_the_stand_alone_one(model_dir: Callable[[str], Path], tokenizer: Qwen3TTSTokenizer) -> None:
    alone = Qwen3TTSTokenizer.from_pretrained(model_dir("base") / "speech_tokenizer", device_map="cpu", dtype=torch.bfloat16)
    wave = noise(FRAME * 5)
    assert torch.equal(alone.encode(wave, RATE).audio_codes[0], tokenizer.encode(wave, RATE).audio_codes[0])


def test_getters(tokenizer: Qwen3TTSTokenizer) -> None:
    assert tokenizer.get_model_type() == "qwen3_tts_tokenizer_12hz"
    assert tokenizer.get_input_sample_rate() == tokenizer.get_output_sample_rate() == RATE
    assert tokenizer.get_encode_downsample_rate() == tokenizer.get_decode_upsample_rate() == FRAME
    assert tokenizer.device == torch.device("cpu")


@pytest.mark.parametrize(("samples", "frames"), [(1, 1), (1919, 1), (1920, 1), (1921, 2), (19_200, 10)])
def test_a_frame_for_every_begun_1920_samples(tokenizer: Qwen3TTSTokenizer, samples: int, frames: int) -> None:
    codes = tokenizer.encode(noise(samples), sr=RATE).audio_codes
    assert [c.shape for c in codes] == [(frames, GROUPS)] and codes[0].dtype == torch.int64
    assert len({tuple(c) for c in tokenizer.encode(noise(19_200), sr=RATE).audio_codes[0].tolist()}) > 3


def test_every_kind_of_audio_gives_the_same_codes(tokenizer: Qwen3TTSTokenizer, tmp_path: Path) -> None:
    wave = noise(FRAME * 3)
    path = tmp_path / "a.wav"
    soundfile.write(path, wave, RATE, subtype="FLOAT")
    data = path.read_bytes()
    kinds = [str(path), path, data, io.BytesIO(data), base64.b64encode(data).decode(), (wave, RATE)]
    expected = tokenizer.encode(wave, sr=RATE).audio_codes[0]
    for kind in kinds:
        assert torch.equal(tokenizer.encode(kind).audio_codes[0], expected)
    with serve(tmp_path) as address, path.open("rb") as file:
        for kind in (f"{address}/a.wav", file, f"data:audio/wav;base64,{base64.b64encode(data).decode()}", bytearray(data)):
            assert torch.equal(tokenizer.encode(kind).audio_codes[0], expected)
        from_urls = tokenizer.encode([f"{address}/a.wav"] * 2).audio_codes
    assert all(torch.equal(codes, expected) for codes in from_urls) and len(from_urls) == 2
    batch = tokenizer.encode([str(path), (wave, RATE), wave], sr=RATE)
    assert all(torch.equal(codes, expected) for codes in batch["audio_codes"]) and len(batch.audio_codes) == 3
    assert torch.equal(tokenizer.encode(wave, RATE, return_dict=False)[0][0], expected)
    with pytest.raises(KeyError):
        batch["audio_values"]


def test_neighbours_of_other_lengths_leave_no_trace(tokenizer: Qwen3TTSTokenizer) -> None:
    waves = [noise(3000, 1), noise(20_000, 2), noise(9000, 3)]
    together = tokenizer.encode(waves, sr=RATE).audio_codes
    for wave, codes in zip(waves, together, strict=True):
        assert torch.equal(tokenizer.encode(wave, sr=RATE).audio_codes[0], codes)


def test_other_rates_are_resampled(tokenizer: Qwen3TTSTokenizer) -> None:
    for rate in (8_000, 44_100, 192_000):
        assert len(tokenizer.encode(noise(rate), sr=rate).audio_codes[0]) == 13  # 12.5 frames a second


def test_every_form_of_codes_gives_the_same_wave(tokenizer: Qwen3TTSTokenizer) -> None:
    codes = some_codes(6)
    (expected,), rate = tokenizer.decode({"audio_codes": codes})
    assert rate == RATE and expected.shape == (6 * FRAME,) and expected.dtype == np.float32 and expected.std() > 0.01
    padded = torch.cat((codes, torch.full((3, GROUPS), -1)))
    forms = [
        codes, codes.numpy(), codes.int(), [codes], codes[None], padded[None], {"audio_codes": [codes]},
        {"audio_codes": codes[None]}, {"audio_codes": codes.tolist()}, [{"audio_codes": codes}],
    ]  # fmt: skip
    for form in forms:
        waves, _ = tokenizer.decode(form)
        np.testing.assert_array_equal(waves[0], expected)
    two, _ = tokenizer.decode([{"audio_codes": codes}, {"audio_codes": some_codes(2)}])
    assert [len(wave) for wave in two] == [6 * FRAME, 2 * FRAME]


def test_what_was_encoded_decodes(tokenizer: Qwen3TTSTokenizer) -> None:
    waves, _ = tokenizer.decode(tokenizer.encode([noise(5000), noise(FRAME)], sr=RATE))
    assert [len(wave) for wave in waves] == [3 * FRAME, FRAME]


def test_no_frames_are_no_audio(tokenizer: Qwen3TTSTokenizer) -> None:
    waves, _ = tokenizer.decode({"audio_codes": [torch.zeros(0, GROUPS, dtype=torch.int64)]})
    assert waves[0].shape == (0,)


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        (torch.full((3, GROUPS), CODES), "legal are 0 to 63"),
        (torch.tensor([[1, -1, 0, 0]]), "legal are 0 to 63"),
        (torch.zeros(3, GROUPS + 1, dtype=torch.int64), r"expected integers \[T, 4\]"),
        (torch.zeros(3, dtype=torch.int64), r"expected integers \[T, 4\]"),
        (torch.zeros(3, GROUPS), "expected integers"),
        ({"codes": 1}, "audio_codes"),
        ([{"codes": 1}], "audio_codes"),
        ([], "audio_codes"),
        (None, "audio_codes"),
        ([["a", "b"]], "integers"),
        ([[1, 2, 3, 4], [1]], "integers"),
    ],
)
def test_what_are_no_codes(tokenizer: Qwen3TTSTokenizer, codes: object, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        tokenizer.decode(codes)


@pytest.mark.parametrize(
    ("audio", "rate", "words"),
    [
        (noise(100), None, "pass sr"),
        (np.zeros(0, np.float32), RATE, "no samples"),
        (np.full(100, np.nan, np.float32), RATE, "not finite"),
        ([], None, "empty"),
        (noise(100), 4000, "8000 to 192000"),
    ],
)
def test_what_is_no_audio(tokenizer: Qwen3TTSTokenizer, audio: np.ndarray, rate: int | None, words: str) -> None:
    with pytest.raises(AudioError, match=words):
        tokenizer.encode(audio, sr=rate)


def test_a_directory_without_weights(tmp_path: Path, model_dir: Callable[[str], Path]) -> None:
    (tmp_path / "config.json").write_text((model_dir("base") / "speech_tokenizer/config.json").read_text())
    with pytest.raises(CheckpointError, match=r"model.safetensors is missing"):
        Qwen3TTSTokenizer.from_pretrained(tmp_path)
