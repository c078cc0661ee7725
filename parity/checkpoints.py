"""Small random checkpoints in the released directory layout. Names and shapes come from the caller; knows neither package."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import configs
import tokenizer_files
import weights
from safetensors.numpy import save_file

Shapes = dict[str, tuple[int, ...]]
ShapesOf = Callable[[dict[str, Any]], Shapes]  # the tensors that a config asks for


def shapes(module: Any) -> Shapes:
    """Of a torch module, which may be on the meta device."""
    return {name: tuple(value.shape) for name, value in module.state_dict().items()}


def write_all(out: Path, model_shapes: ShapesOf, codec_shapes: ShapesOf) -> None:
    """One small model of each released kind, out/<kind>, and one whose speech ends by itself."""
    tokenizer_files.write_real(out / "tokenizer")
    config = configs.codec_config()
    write_codec(out / "codec", config, codec_shapes(config), "parity codec")
    for name in (*configs.KINDS, f"{configs.ENDING}-eos"):
        kind = name.removesuffix("-eos")
        config, gain = configs.model_config(kind), 0.0 if name == kind else configs.EOS_GAIN
        write_model(out / name, config, model_shapes(config), f"parity {kind}", gain)
        add_parts(out / name, out / "tokenizer", out / "codec")


def write_golden(out: Path, model_shapes: ShapesOf, codec_shapes: ShapesOf) -> None:
    """The still smaller models of the golden files, out/golden-<kind>."""
    tokenizer_files.write_toy(out / "golden-tokenizer", configs.GOLDEN_FIRST_SPECIAL)
    config = configs.golden_codec_config()
    write_codec(out / "golden-codec", config, codec_shapes(config), "golden codec")
    for kind in configs.KINDS:
        config, path = configs.golden_model_config(kind), out / f"golden-{kind}"
        write_model(path, config, model_shapes(config), f"golden {kind}", 0.0)
        add_parts(path, out / "golden-tokenizer", out / "golden-codec")


def write_model(out: Path, config: dict[str, Any], wanted: Shapes, seed: str, eos_gain: float) -> None:
    write_json(out / "config.json", config)
    for name in ("generation_config", "preprocessor_config"):
        write_json(out / f"{name}.json", configs.released(name))
    tensors = weights.tensors(seed, wanted)
    # A zero row never has the highest score: greedy speech does not end. A large one ends it where chance will have it.
    tensors["talker.codec_head.weight"][config["talker_config"]["codec_eos_token_id"]] *= eos_gain
    save_file(tensors, out / "model.safetensors", {"format": "pt"})


def write_codec(out: Path, config: dict[str, Any], wanted: Shapes, seed: str) -> None:
    write_json(out / "config.json", config)
    write_json(out / "preprocessor_config.json", configs.released("speech_tokenizer.preprocessor_config"))
    save_file(weights.tensors(seed, wanted), out / "model.safetensors", {"format": "pt"})


def add_parts(model: Path, tokenizer: Path, codec: Path) -> None:
    shutil.copytree(tokenizer, model, dirs_exist_ok=True)
    shutil.copytree(codec, model / "speech_tokenizer", dirs_exist_ok=True)


def write_json(path: Path, values: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, indent=2), "utf-8")
