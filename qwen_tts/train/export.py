"""A model directory in the released layout, of what trainings left."""

import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from ..checkpoint import load_model
from ..codec.codec import Codec
from ..config import ModelConfig
from ..errors import DataError, OptionError
from ..files import whole_folder
from ..hub.contents import TEXT_FILES
from .loop import fill, saved_trainer
from .talker import averaged


def talker_and_ears(state_file: Path) -> dict[str, Tensor]:
    """What `train talker` left, averaged, under a model file's names: talker and, if it learned one, speaker encoder."""
    state = saved_trainer(state_file, "talker")
    parts = [name for name in ("talker", "speaker_encoder") if name in state]
    return {f"{part}.{name}": tensor for part in parts for name, tensor in averaged(state, part).items()}


def codec_that_speaks(codec: Codec, decoder: Path) -> Codec:
    """A trained encoder's codec, given the decoder that `train decoder` left, averaged."""
    state = saved_trainer(decoder, "decoder")
    fill(codec.decoder, state["decoder"] | state["average"], decoder)
    return codec


def write_model(out: Path, config: Path, text: Path, tensors: dict[str, Tensor], codec: Path | tuple[Path, Codec]) -> None:
    """Writes a whole directory that can be loaded, or nothing.

    Args:
        config: the model's config.json; a generation_config.json beside it is taken along.
        text: folder of vocab.json, merges.txt and tokenizer_config.json.
        tensors: of model.safetensors; they are written in fp16.
        codec: a codec's own directory, which is copied; or its config.json and the codec, which is written in fp32.

    Raises:
        OptionError: there is something at `out` already.
        DataError: a number is too large for fp16.
        ConfigError, CheckpointError: the parts do not fit together, or one is missing.
    """
    if out.exists():
        raise OptionError(f"{out} is there already: choose another name")
    ModelConfig.from_file(config)
    with whole_folder(out) as partial:
        save_half(tensors, partial / "model.safetensors")
        shutil.copyfile(config, partial / "config.json")
        if (sampling := config.with_name("generation_config.json")).is_file():
            shutil.copyfile(sampling, partial / sampling.name)
        for name in TEXT_FILES:
            if not (text / name).is_file():
                raise OptionError(
                    f"{text} is no text tokenizer: it has no {name}; that of any model will do, of the built-in one, too"
                )
            shutil.copyfile(text / name, partial / name)
        inner = partial / "speech_tokenizer"
        if isinstance(codec, tuple):
            inner.mkdir()
            shutil.copyfile(codec[0], inner / "config.json")
            whole = {name: t.detach().float().cpu().contiguous().clone() for name, t in codec[1].state_dict().items()}
            save_file(whole, inner / "model.safetensors", metadata={"format": "pt"})
        else:
            shutil.copytree(codec, inner)
        load_model(partial, "cpu")


def save_half(tensors: dict[str, Tensor], path: Path) -> None:
    """Raises DataError where fp16 does not hold a number."""
    half = {name: tensor.detach().half().cpu().contiguous().clone() for name, tensor in tensors.items()}
    if bad := [name for name, tensor in half.items() if not torch.isfinite(tensor).all()]:
        raise DataError(f"not finite in fp16: {', '.join(bad[:5])}")
    save_file(half, path, metadata={"format": "pt"})
