"""Writes a model directory in the released layout, in fp16, from what the trainers left.

Chinese characters that were learned under another one's name (`mandarin.py`) get that one's vector.
"""

import argparse
import shutil
from pathlib import Path

import torch
from mandarin import namesakes
from safetensors.torch import load_file
from torch import Tensor

from qwen_tts.text import TextTokenizer
from qwen_tts.train.export import talker_and_ears, write_model

CONFIG = Path(__file__).parent / "config" / "config.json"


def read_alike(rows: Tensor, tokenizer: TextTokenizer) -> None:
    for character, name in namesakes().items():
        number, learned = tokenizer.encode(character), tokenizer.encode(name)
        if len(number) == len(learned) == 1:  # else the vocabulary has no characters
            rows[number] = rows[learned]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--talker", type=Path, nargs="+", required=True, help="state.pt of `qwen-tts train talker`; or the mean of some"
    )
    parser.add_argument("--codec", type=Path, required=True, help="folder of make_codec.py")
    parser.add_argument("--text", type=Path, required=True, help="folder of make_vocabulary.py")
    parser.add_argument("--speaker", type=Path, help="of fit_speaker.py")
    args = parser.parse_args()

    talkers = [talker_and_ears(path) for path in args.talker]
    tensors = {name: torch.stack([talker[name] for talker in talkers]).mean(0) for name in talkers[0]}
    read_alike(tensors["talker.model.text_embedding.weight"], TextTokenizer.from_dir(args.text))
    if args.speaker is not None:
        tensors |= {f"speaker_encoder.{name}": t for name, t in load_file(args.speaker).items()}
    shutil.rmtree(args.out, ignore_errors=True)
    write_model(args.out, CONFIG, args.text, tensors, args.codec)


if __name__ == "__main__":
    main()
