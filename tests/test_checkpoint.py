"""The loader takes what fits exactly, and names whatever does not."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from qwen_tts.checkpoint import check_attention, load_codec, load_model, resolve_device, resolve_dtype
from qwen_tts.errors import CheckpointError, ConfigError, OptionError
from qwen_tts.resolve import TINY, resolve

CPU = torch.device("cpu")


@pytest.fixture
def copy(tmp_path: Path, model_dir: Callable[[str], Path]) -> Path:
    """A base model to spoil."""
    return Path(shutil.copytree(model_dir("base"), tmp_path / "model"))


def change(directory: Path, **tensors: torch.Tensor | None) -> None:
    """Replaces (or, with None, removes) tensors in a directory's weight file."""
    file = directory / "model.safetensors"
    changed = load_file(file) | tensors
    save_file({name: tensor for name, tensor in changed.items() if tensor is not None}, file)


@pytest.mark.parametrize("kind", ["base", "custom_voice", "voice_design"])
def test_every_kind_loads(model_dir: Callable[[str], Path], kind: str) -> None:
    model = load_model(model_dir(kind))
    stored = load_file(model_dir(kind) / "model.safetensors")
    name = "model.layers.1.mlp.up_proj.weight"
    assert torch.equal(model.talker.state_dict()[name], stored[f"talker.{name}"].float())
    assert (model.speaker_encoder is not None) == (kind == "base")
    assert model.generation.max_new_tokens == 200 and model.config.tts_model_type == kind
    for module in (model.talker, model.codec):
        assert not module.training and not any(p.requires_grad for p in module.parameters())
        assert {t.dtype for t in module.state_dict().values()} == {torch.float32}


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="reads Linux's list of mapped files")
def test_fp32_weights_are_mapped_not_copied(model_dir: Callable[[str], Path]) -> None:
    codec = load_codec(model_dir("base") / "speech_tokenizer", CPU)
    file = str(model_dir("base") / "speech_tokenizer/model.safetensors")
    maps = [line.split()[0].split("-") for line in Path("/proc/self/maps").read_text().splitlines() if line.endswith(file)]
    spans = [(int(start, 16), int(end, 16)) for start, end in maps]
    for name, tensor in codec.state_dict().items():
        assert any(start <= tensor.data_ptr() < end for start, end in spans), name


@pytest.mark.parametrize("dtype", ["bfloat16", "torch.float16", torch.bfloat16])
def test_only_the_talker_takes_another_dtype(model_dir: Callable[[str], Path], dtype: str | torch.dtype) -> None:
    model = load_model(model_dir("base"), dtype=dtype)
    assert model.speaker_encoder is not None
    assert model.talker.codec_head.weight.dtype == resolve_dtype(dtype, CPU) != torch.float32
    assert {t.dtype for m in (model.codec, model.speaker_encoder) for t in m.state_dict().values()} == {torch.float32}


def test_shards_equal_one_file(copy: Path, model_dir: Callable[[str], Path]) -> None:
    tensors = load_file(copy / "model.safetensors")
    names = sorted(tensors)
    parts = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    for file, part in parts.items():
        save_file({name: tensors[name] for name in part}, copy / file)
    weight_map = {name: file for file, part in parts.items() for name in part}
    (copy / "model.safetensors").unlink()
    (copy / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    one, several = load_model(model_dir("base")).talker.state_dict(), load_model(copy).talker.state_dict()
    assert all(torch.equal(one[name], several[name]) for name in one)

    (copy / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"model-00002-of-00002\.safetensors is missing"):
        load_model(copy)
    save_file(dict(tensors), copy / "model-00002-of-00002.safetensors")
    with pytest.raises(CheckpointError, match="is in two files"):
        load_model(copy)
    (copy / "model.safetensors.index.json").write_text("{}")
    with pytest.raises(CheckpointError, match="weight_map"):
        load_model(copy)


def test_a_missing_tensor_is_named(copy: Path) -> None:
    change(copy, **{"talker.model.norm.weight": None})
    with pytest.raises(CheckpointError, match=r"tensor 'talker.model.norm.weight' is missing"):
        load_model(copy)


def test_an_unknown_tensor_is_named(copy: Path) -> None:
    change(copy, **{"talker.model.extra.weight": torch.zeros(1)})
    with pytest.raises(CheckpointError, match=r"unknown tensor 'talker.model.extra.weight'"):
        load_model(copy)


def test_a_misshapen_tensor_is_named_with_both_shapes(copy: Path) -> None:
    change(copy, **{"talker.codec_head.weight": torch.zeros(95, 32)})
    with pytest.raises(
        CheckpointError, match=r"'talker.codec_head.weight' has shape \[95, 32\], the config asks for \[96, 32\]"
    ):
        load_model(copy)


def test_many_problems_are_counted(copy: Path) -> None:
    save_file({"a": torch.zeros(1)}, copy / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"unknown tensor 'a'; tensor .* is missing; tensor .* is missing; and \d+ more"):
        load_model(copy)


@pytest.mark.parametrize("file", ["model.safetensors", "speech_tokenizer/model.safetensors"])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_file_that_is_cut_short(copy: Path, file: str, share: float) -> None:
    whole = (copy / file).read_bytes()
    (copy / file).write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(CheckpointError, match=r"model\.safetensors cannot be read .* fetch it again"):
        load_model(copy)


@pytest.mark.parametrize(
    "file",
    "config.json vocab.json merges.txt tokenizer_config.json model.safetensors".split()
    + "speech_tokenizer/config.json speech_tokenizer/model.safetensors".split(),
)
def test_a_missing_file_is_named(copy: Path, file: str) -> None:
    (copy / file).unlink()
    with pytest.raises((ConfigError, CheckpointError), match=rf"{file.rpartition('/')[2]} is missing"):
        load_model(copy)


@pytest.mark.parametrize("file", ["config.json", "generation_config.json", "vocab.json", "speech_tokenizer/config.json"])
def test_json_that_is_cut_short_is_named(copy: Path, file: str) -> None:
    text = (copy / file).read_text()
    (copy / file).write_text(text[: len(text) // 2])
    with pytest.raises(ConfigError, match=rf"{file.rpartition('/')[2]} is not valid JSON"):
        load_model(copy)


def test_without_generation_config_the_official_values_hold(copy: Path) -> None:
    (copy / "generation_config.json").unlink()
    assert load_model(copy).generation.max_new_tokens == 2048


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tts_model_type": "singer"}, "base, custom_voice, voice_design"),
        ({"speaker_encoder_config": None}, "speaker_encoder_config"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_config_that_makes_no_model(copy: Path, changes: dict[str, object], words: str) -> None:
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | changes))
    with pytest.raises(ConfigError, match=words):
        load_model(copy)


def test_a_codec_of_another_model_is_refused(copy: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    config["talker_config"]["num_code_groups"] = config["talker_config"]["code_predictor_config"]["num_code_groups"] = 5
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(ConfigError, match=r"5 code groups, speech_tokenizer/config.json 4"):
        load_model(copy)


def test_names_resolve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve("tiny") == TINY and resolve(str(tmp_path)) == resolve(tmp_path) == tmp_path
    monkeypatch.setenv("HOME", str(tmp_path.parent))
    assert resolve(f"~/{tmp_path.name}") == tmp_path
    for name in ("Qwen3-TTS-12Hz-1.7B-Base", "Tiny", "", str(tmp_path / "none"), "nul\0"):
        with pytest.raises(OptionError, match=r"unknown model .* built in \(tiny, tiny-voice-design\)"):
            resolve(name)


@pytest.mark.parametrize("device", [None, "cpu", torch.device("cpu"), "auto"])
def test_devices(device: str | torch.device | None) -> None:
    assert resolve_device(device).type in ("cpu", "cuda")


@pytest.mark.parametrize("device", ["gpu", "cuda:99", 99, ""])
def test_unknown_devices(device: str | int) -> None:
    with pytest.raises(OptionError, match="'cpu', 'cuda:N' and 'auto'"):
        resolve_device(device)


def test_dtypes() -> None:
    assert resolve_dtype(None, CPU) == resolve_dtype("auto", CPU) == resolve_dtype("float32", CPU) == torch.float32
    assert resolve_dtype(None, torch.device("cuda")) == torch.bfloat16
    for dtype in ("int8", torch.int8, "fp32"):
        with pytest.raises(OptionError, match="float32, bfloat16, float16"):
            resolve_dtype(dtype, CPU)


def test_attention_names() -> None:
    for name in (None, "sdpa", "eager"):
        check_attention(name)
    with pytest.warns(UserWarning, match="sdpa"):
        check_attention("flash_attention_2")
    with pytest.raises(OptionError, match="flash_attention_2"):
        check_attention("flash")
