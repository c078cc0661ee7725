"""Model directories in the official layout -> modules with their weights, strictly: every tensor is accounted for.

    config.json  generation_config.json  vocab.json  merges.txt  tokenizer_config.json
    model.safetensors                        (or model.safetensors.index.json and its shards)
    speech_tokenizer/{config.json, model.safetensors}      (the stand-alone codec has these two at its root)

Modules are built on the meta device and take the file's memory-mapped tensors as they are: nothing is held twice.
"""

import os
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from .codec.codec import Codec
from .config import CodecConfig, GenerationConfig, ModelConfig, read_json
from .errors import CheckpointError, ConfigError, OptionError
from .resolve import HubKeywords, resolve
from .speaker.ecapa import SpeakerEncoder
from .talker.talker import Talker
from .text import TextTokenizer

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
MODEL_TYPES = ("base", "custom_voice", "voice_design")


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """Everything a model directory holds, ready to run. The talker has the asked dtype; what hears and speaks stays fp32."""

    config: ModelConfig
    generation: GenerationConfig
    text: TextTokenizer
    talker: Talker
    speaker_encoder: SpeakerEncoder | None
    codec: Codec

    @property
    def device(self) -> torch.device:
        return next(self.talker.parameters()).device


def resolve_device(device: str | int | torch.device | None) -> torch.device:
    """`device_map` as officially: "cpu", "cuda:0", a torch.device, "auto" (a GPU if there is one); None is the CPU.

    Raises:
        OptionError: no such device on this machine.
    """
    if device == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device("cpu" if device is None else device)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError, TypeError) as error:  # torch raises all three for devices it lacks
        reason = str(error).splitlines()[0]
        raise OptionError(f"device {device!r} cannot be used here ({reason}); legal are 'cpu', 'cuda:N' and 'auto'") from None
    return found


def resolve_dtype(dtype: str | torch.dtype | None, device: torch.device) -> torch.dtype:
    """A torch dtype or its name; None or "auto" is float32 on a CPU and bfloat16 elsewhere.

    Raises:
        OptionError: not a floating type that the talker can run in.
    """
    if dtype is None or dtype == "auto":
        return torch.float32 if device.type == "cpu" else torch.bfloat16
    names = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    found = names.get(str(dtype).removeprefix("torch."))
    if found is None:
        raise OptionError(f"unknown dtype {dtype!r}; legal are {', '.join(names)}")
    return found


def check_attention(name: str | None) -> None:
    """`attn_implementation` as officially. Attention is PyTorch's own in every case: it picks the kernel.

    Raises:
        OptionError: a name that is not legal.
    """
    legal = ("sdpa", "eager", "flash_attention_2")
    if name is not None and name not in legal:
        raise OptionError(f"unknown attn_implementation {name!r}; legal are {', '.join(legal)}")
    if name == "flash_attention_2":
        warnings.warn("flash-attn is not used: PyTorch's own attention (sdpa) takes its place", stacklevel=3)


def load_model(
    name: str | os.PathLike[str],
    device: str | int | torch.device | None = None,
    dtype: str | torch.dtype | None = None,
    *,
    as_stored: bool = False,
    **hub: Unpack[HubKeywords],
) -> LoadedModel:
    """Loads a model by its name or directory. With `as_stored`, the talker keeps its file's dtype and stays memory-mapped.

    Raises:
        OptionError: unknown name, device, dtype or keyword.
        DownloadError: the model cannot be had from a hub.
        ConfigError, CheckpointError: a file is missing, damaged, or does not fit the config; the message names it.
    """
    where = resolve_device(device)
    kind = resolve_dtype(dtype, where)
    path = resolve(name, **hub)  # after what can fail before a download
    config = ModelConfig.of(name, path)
    codec = load_codec(path / "speech_tokenizer", where)
    _check_codes(config, codec.config)
    modules = empty_modules(config)
    load_weights(modules, path, where, besides="speaker_encoder.")
    encoder = dict(modules.items()).get("speaker_encoder")
    return LoadedModel(
        config=config,
        generation=GenerationConfig.beside(path / "config.json"),
        text=TextTokenizer.from_dir(path),
        talker=modules["talker"] if as_stored else modules["talker"].to(kind),  # type: ignore[arg-type]
        speaker_encoder=None if encoder is None else encoder.float(),  # type: ignore[arg-type]
        codec=codec,
    )


def empty_modules(config: ModelConfig) -> nn.ModuleDict:
    """What `model.safetensors` holds, on the meta device: "talker" and, in a base model, "speaker_encoder".

    Raises:
        ConfigError: the config describes no known kind of model.
    """
    if config.tts_model_type not in MODEL_TYPES:
        raise ConfigError(f"config.json: tts_model_type is {config.tts_model_type!r}; legal are {', '.join(MODEL_TYPES)}")
    with torch.device("meta"), Unfilled():
        modules = nn.ModuleDict({"talker": Talker(config.talker_config)})
        if config.tts_model_type == "base":
            if config.speaker_encoder_config is None:
                raise ConfigError("config.json: key 'speaker_encoder_config' is missing; a base model needs it")
            modules["speaker_encoder"] = SpeakerEncoder(config.speaker_encoder_config)
    return modules


class Unfilled(TorchFunctionMode):
    """New modules get no first numbers. To fill a tensor that has no memory, PyTorch would import its compiler: 1 s, 70 MB."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if getattr(func, "__module__", None) == "torch.nn.init":
            return kwargs["tensor"] if kwargs else args[0]
        return func(*args, **(kwargs or {}))


def codec_folder(model: Path) -> Path:
    """Where the codec of a model's directory lies; of a codec that stands alone its own directory."""
    inner = model / "speech_tokenizer"
    return inner if inner.is_dir() else model


def load_codec(path: Path, device: torch.device) -> Codec:
    """Loads the codec (fp32) from its own directory: `config.json` and weights."""
    config = CodecConfig.from_file(path / "config.json")
    with torch.device("meta"), Unfilled():
        codec = Codec(config)
    load_weights(codec, path, device)
    return codec.float()


def load_weights(module: nn.Module, directory: Path, device: torch.device, besides: str | None = None) -> None:
    """Gives a module that was built on the meta device its weights, in eval mode and without gradients.

    Tensors whose names begin with `besides` may be there, too: a model of one kind may share its files with another's.

    Raises:
        CheckpointError: a file is missing or damaged, or a tensor is missing, unknown or misshapen.
    """
    expected = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    tensors: dict[str, Tensor] = {}
    problems: list[str] = []
    for file in _weight_files(directory):
        try:
            with safe_open(file, framework="pt", device=str(device)) as reader:
                for name in reader.keys():  # noqa: SIM118 (the reader is no mapping)
                    if besides and name.startswith(besides) and name not in expected:
                        continue
                    problem = _problem(name, tuple(reader.get_slice(name).get_shape()), expected, tensors)
                    if problem:
                        problems.append(problem)
                    else:
                        tensors[name] = reader.get_tensor(name)
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"{file} cannot be read ({error}); it may be cut short: fetch it again") from None
    problems += [f"tensor {name!r} is missing" for name in expected if name not in tensors]
    if problems:
        more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise CheckpointError(f"{directory}: {'; '.join(problems[:3])}{more}; the weights do not belong to this config.json")
    module.load_state_dict(tensors, assign=True)
    module.eval().requires_grad_(False)


def _problem(name: str, shape: tuple[int, ...], expected: dict[str, tuple[int, ...]], found: Iterable[str]) -> str | None:
    if name not in expected:
        return f"unknown tensor {name!r}"
    if name in found:
        return f"tensor {name!r} is in two files"
    if shape != expected[name]:
        return f"tensor {name!r} has shape {list(shape)}, the config asks for {list(expected[name])}"
    return None


def _weight_files(directory: Path) -> list[Path]:
    """The one weight file, or the shards that the index names."""
    if (directory / WEIGHTS).exists():
        return [directory / WEIGHTS]
    if not (directory / INDEX).exists():
        raise CheckpointError(f"{directory / WEIGHTS} is missing (and there is no {INDEX}); fetch the model again")
    weight_map = read_json(directory / INDEX).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise CheckpointError(f"{directory / INDEX}: key 'weight_map' is missing or empty; fetch the file again")
    files = [directory / Path(str(name)).name for name in dict.fromkeys(weight_map.values())]
    for file in files:
        if not file.exists():
            raise CheckpointError(f"{file} is missing, {INDEX} names it; fetch the model again")
    return files


def _check_codes(config: ModelConfig, codec: CodecConfig) -> None:
    """The talker and the codec must speak of the same codes: neither file can know that of the other."""
    talker, predictor, decoder = config.talker_config, config.talker_config.code_predictor_config, codec.decoder_config
    pairs = {
        "code groups": (talker.num_code_groups, decoder.num_quantizers),
        "encoded code groups": (talker.num_code_groups, codec.encoder_valid_num_quantizers),
        "codes per group": (predictor.vocab_size, decoder.codebook_size),
    }
    for what, (ours, theirs) in pairs.items():
        if ours != theirs:
            raise ConfigError(
                f"config.json has {ours} {what}, speech_tokenizer/config.json {theirs}; they belong to other models"
            )
