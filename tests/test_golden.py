"""This package against what the official package computed once, kept in tests/golden (see parity/README.md).

The models are made again from their seeds; no official package is needed.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "parity"))

import checkpoints
import golden
import make_voice
import run_ours
import tasks
from tasks import Task

from qwen_tts import Qwen3TTSModel, VoiceClonePromptItem
from qwen_tts.codec.codec import Codec
from qwen_tts.config import CodecConfig, ModelConfig
from qwen_tts.speaker.ecapa import SpeakerEncoder
from qwen_tts.talker.talker import Talker
from qwen_tts.voice_file import read_voices

BOUND = 1e-4
pytestmark = pytest.mark.filterwarnings("ignore:the speech of text")  # ended by max_new_tokens


def model_shapes(values: dict[str, Any]) -> checkpoints.Shapes:
    config = ModelConfig.from_dict(values)
    with torch.device("meta"):
        parts: dict[str, torch.nn.Module] = {"talker": Talker(config.talker_config)}
        if config.speaker_encoder_config is not None:
            parts["speaker_encoder"] = SpeakerEncoder(config.speaker_encoder_config)
    return {f"{part}.{name}": shape for part, module in parts.items() for name, shape in checkpoints.shapes(module).items()}


def codec_shapes(values: dict[str, Any]) -> checkpoints.Shapes:
    with torch.device("meta"):
        return checkpoints.shapes(Codec(CodecConfig.from_dict(values)))


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """The models are so small that more threads only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("golden")
    checkpoints.write_golden(out, model_shapes, codec_shapes)
    return out


def assert_same(official: golden.Arrays, ours: golden.Arrays) -> None:
    assert official, "the golden file lacks these results"
    for name, wanted in official.items():
        found = golden.kept(name, ours[name])
        assert found.shape == wanted.shape, name
        if np.issubdtype(wanted.dtype, np.integer):
            np.testing.assert_array_equal(found, wanted, name)
        elif name.startswith("mel"):
            # Logarithms of next to nothing tell how an FFT rounds: double precision is 1.7e-4 from the official ones.
            np.testing.assert_allclose(np.exp(found), np.exp(wanted), rtol=BOUND, atol=1e-8, err_msg=name)
        else:
            np.testing.assert_allclose(found, wanted, rtol=0, atol=BOUND, err_msg=name)


@pytest.mark.parametrize("task", tasks.golden_tasks(), ids=lambda task: task.file)
def test_task(models: Path, task: Task) -> None:
    """Ids, prompt, hidden states, logits, generated codes and waves of every kind of model, in batches of two."""
    official = golden.read(task.file)
    model = Qwen3TTSModel.from_pretrained(models / task.model, engine="eager")
    engine = run_ours.RecordingEngine(model.engine)
    model = Qwen3TTSModel(model.loaded, engine=engine)  # type: ignore[arg-type]
    assert_same(official, run_ours.run_task(task, model, engine, official))


def test_codec(models: Path) -> None:
    """Codes of sounds, alone and in a padded batch, and waves of codes."""
    assert_same(golden.read("codec"), run_ours.run_codec(models / "golden-codec", *tasks.GOLDEN_CODEC))


def test_speaker(models: Path) -> None:
    """Mel spectrogram and speaker vector."""
    assert_same(golden.read("speaker"), run_ours.run_speaker(models / "golden-1.7B-Base", tasks.GOLDEN_SECONDS))


def test_text(models: Path) -> None:
    """Ids of texts in many scripts, with a vocabulary that knows little more than bytes, under both splits."""
    assert_same(golden.read("text"), run_ours.run_text(models / "golden-1.7B-Base", tasks.GOLDEN_TEXTS))


def test_voice_file(models: Path) -> None:
    """The official demo's file of two voices holds what we take from the same recording."""
    stored = [VoiceClonePromptItem(**fields) for fields in read_voices(golden.FILE.with_name("official_voice.pt"))]
    recording = tasks.sound(int(make_voice.SECONDS * tasks.RATE)), tasks.RATE
    model = Qwen3TTSModel.from_pretrained(models / "golden-1.7B-Base", engine="eager")
    ours = model.create_voice_clone_prompt([recording] * 2, [make_voice.TEXT, None], [False, True])
    for theirs, voice in zip(stored, ours, strict=True):
        assert (theirs.icl_mode, theirs.x_vector_only_mode, theirs.ref_text) == (
            voice.icl_mode,
            voice.x_vector_only_mode,
            voice.ref_text,
        )
        np.testing.assert_allclose(theirs.ref_spk_embedding.numpy(), voice.ref_spk_embedding.numpy(), rtol=0, atol=BOUND)
        assert (theirs.ref_code is None) == (voice.ref_code is None)
        if theirs.ref_code is not None and voice.ref_code is not None:
            assert torch.equal(theirs.ref_code, voice.ref_code)
    model.generate_voice_clone(["One.", "Two."], voice_clone_prompt=stored, max_new_tokens=4)


def test_golden_files_are_small() -> None:
    assert sum(path.stat().st_size for path in golden.FILE.parent.iterdir()) < 300_000
