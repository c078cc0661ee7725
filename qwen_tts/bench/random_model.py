"""Model directories with random weights in known shapes (`shapes/`): they load, and speak noise at the speed of the real ones.

The vocabulary is single bytes and the words of one sentence, so that its prompt is as long as a real one.
"""

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers.pre_tokenizers import ByteLevel
from torch import Tensor

from ..checkpoint import empty_modules
from ..codec.codec import Codec
from ..config import CodecConfig, ModelConfig

SHAPES = Path(__file__).parent / "shapes"
NAMES = tuple(sorted(folder.name for folder in SHAPES.iterdir() if folder.is_dir()))
SENTENCE = "The old man walks along the shore and counts the small boats."
NOISE = 1 << 22  # numbers that are drawn; all weights are made of them


def write_random_model(shape: str, directory: Path) -> None:
    """Writes a whole model directory, of some gigabytes for the large shapes: bfloat16, as released, and a codec in float32.

    Args:
        shape: of `NAMES`.
        directory: is there, and empty.
    """
    source = SHAPES / shape
    shutil.copy(source / "config.json", directory)
    shutil.copy(source / "generation_config.json", directory)
    config = ModelConfig.from_file(source / "config.json")
    _write_vocabulary(config, directory)
    save_file(_random(empty_modules(config).state_dict()), directory / "model.safetensors")
    codec = directory / "speech_tokenizer"
    codec.mkdir()
    shutil.copy(source / "codec.json", codec / "config.json")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = Codec(CodecConfig.from_file(codec / "config.json"))
    save_file({name: tensor.contiguous() for name, tensor in made.state_dict().items()}, codec / "model.safetensors")


def _random(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Gains of 1, biases of 0, and matrices that keep the size of what they are multiplied with."""
    noise = torch.randn(NOISE, generator=torch.Generator().manual_seed(0)).bfloat16()
    made = {}
    for number, (name, like) in enumerate(state.items()):
        if like.dim() == 1:
            made[name] = torch.full(like.shape, 0.0 if name.endswith("bias") else 1.0, dtype=torch.bfloat16)
            continue
        rolled = noise.roll(number * 7919) * like.shape[-1] ** -0.5
        made[name] = rolled.repeat(-(-like.numel() // NOISE))[: like.numel()].view(like.shape)
    return made


def _write_vocabulary(config: ModelConfig, directory: Path) -> None:
    vocab = {symbol: number for number, symbol in enumerate(sorted(ByteLevel.alphabet()))}
    merges = []
    for word in SENTENCE.rstrip(".").replace(" ", " Ġ").split():
        for end in range(2, len(word) + 1):
            if word[:end] not in vocab:
                vocab[word[:end]] = len(vocab)
                merges.append(f"{word[: end - 1]} {word[end - 1]}\n")
    control = {
        "<|im_start|>": config.im_start_token_id, "<|im_end|>": config.im_end_token_id,
        "assistant": config.assistant_token_id, "<tts_pad>": config.tts_pad_token_id,
    }  # fmt: skip
    added = {str(number): {"content": token, "special": True} for token, number in control.items()}
    (directory / "vocab.json").write_text(json.dumps(vocab), "utf-8")
    (directory / "merges.txt").write_text("".join(merges), "utf-8")
    (directory / "tokenizer_config.json").write_text(json.dumps({"added_tokens_decoder": added}), "utf-8")
