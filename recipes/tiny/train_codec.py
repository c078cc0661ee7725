"""Trains what makes the codes of the built-in model: the encoder and the codebooks. Goes on where it was killed."""

import argparse
from pathlib import Path

import torch

from qwen_tts.codec.codec import Codec
from qwen_tts.config import CodecConfig
from qwen_tts.train.codec import CodecOptions, CodecTrainer, PhoneticTargets
from qwen_tts.train.data import Pack
from qwen_tts.train.loop import train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--config", type=Path, default=Path(__file__).parent / "config" / "codec.json")
    parser.add_argument("--steps", type=int, default=12000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--compiled", action="store_true", help="torch.compile: twice as fast after some minutes")
    parser.add_argument("--fp32", action="store_true")
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    options = CodecOptions(steps=args.steps, compiled=args.compiled, bf16=not args.fp32)
    codec = Codec(CodecConfig.from_file(args.config))
    train(CodecTrainer(codec, Pack(args.pack), PhoneticTargets(args.pack), options), args.steps, args.out)


if __name__ == "__main__":
    main()
