"""Writes the small random checkpoints that both loaders read. Run under the official package's interpreter.

Names and shapes are those of the official modules.

    make_checkpoints.py OUT      OUT/<kind>/…, OUT/golden-<kind>/…
"""

import argparse
from pathlib import Path
from typing import Any

import checkpoints
import torch
from checkpoints import Shapes
from qwen_tts.core import Qwen3TTSTokenizerV2Config, Qwen3TTSTokenizerV2Model
from qwen_tts.core.models import Qwen3TTSConfig, Qwen3TTSForConditionalGeneration


def model_shapes(config: dict[str, Any]) -> Shapes:
    with torch.device("meta"):
        return checkpoints.shapes(Qwen3TTSForConditionalGeneration(Qwen3TTSConfig(**config)))


def codec_shapes(config: dict[str, Any]) -> Shapes:
    with torch.device("meta"):
        return checkpoints.shapes(Qwen3TTSTokenizerV2Model(Qwen3TTSTokenizerV2Config(**config)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("out", type=Path)
    out: Path = parser.parse_args().out
    for write in (checkpoints.write_all, checkpoints.write_golden):
        write(out, model_shapes, codec_shapes)


if __name__ == "__main__":
    main()
