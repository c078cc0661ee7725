"""Trains the decoder below audio rates on the codes of make_codes.py. Goes on where it was killed."""

import argparse
from pathlib import Path

import torch

from qwen_tts.config import CodecConfig
from qwen_tts.train.codec import CodecOptions, CodecTrainer, PhoneticTargets, trained_codec
from qwen_tts.train.context import ContextOptions, ContextTrainer
from qwen_tts.train.data import Codes, Pack
from qwen_tts.train.loop import train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack", type=Path)
    parser.add_argument("codec", type=Path, help="state.pt of train_codec.py")
    parser.add_argument("phonetic", type=Path, help="the pack that train_codec.py used")
    parser.add_argument("out", type=Path)
    parser.add_argument("--guessed", type=Path, help="folder of guess_codes.py: half of the clips are drawn from there")
    parser.add_argument("--config", type=Path, default=Path(__file__).parent / "config" / "codec.json")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    codes = [Codes(folder) for folder in (args.pack, args.guessed) if folder]
    codec = trained_codec(CodecConfig.from_file(args.config), args.codec)
    stage = CodecTrainer(codec, Pack(args.pack), PhoneticTargets(args.phonetic), CodecOptions(steps=0))
    state = torch.load(args.codec, weights_only=True)["trainer"]
    stage.spectral.load_state_dict(state["spectral"])
    train(ContextTrainer(stage, codes, ContextOptions(steps=args.steps)), args.steps, args.out)


if __name__ == "__main__":
    main()
