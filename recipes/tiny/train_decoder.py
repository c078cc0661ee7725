"""Trains the codec's decoder against discriminators, on the codes of make_codes.py. Goes on where it was killed."""

import argparse
from pathlib import Path

import torch

from qwen_tts.config import CodecConfig
from qwen_tts.train.codec import trained_codec
from qwen_tts.train.data import Codes, Pack
from qwen_tts.train.decoder import DecoderOptions, DecoderTrainer
from qwen_tts.train.loop import saved_trainer, train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack", type=Path)
    parser.add_argument("codec", type=Path, help="state.pt of train_codec.py")
    parser.add_argument("context", type=Path, help="state.pt of train_context.py")
    parser.add_argument("out", type=Path)
    parser.add_argument("--guessed", type=Path, help="folder of guess_codes.py: half of the clips are drawn from there")
    parser.add_argument("--start", type=Path, help="state.pt of an earlier training to begin with; its rates begin anew")
    parser.add_argument("--config", type=Path, default=Path(__file__).parent / "config" / "codec.json")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--warmup", type=int, default=4000, help="steps before the discriminators have a say")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--compiled", action="store_true", help="torch.compile: twice as fast after some minutes")
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    codes = [Codes(folder) for folder in (args.pack, args.guessed) if folder]
    codec = trained_codec(CodecConfig.from_file(args.config), args.codec)
    state = torch.load(args.context, weights_only=True)["trainer"]
    codec.decoder.load_state_dict(state["decoder"] | state["average"])
    options = DecoderOptions(steps=args.steps, warmup=args.warmup, compiled=args.compiled)
    trainer = DecoderTrainer(codec, Pack(args.pack), codes, options)
    if args.start is not None:
        trainer.begin_with(saved_trainer(args.start))
    train(trainer, args.steps, args.out)


if __name__ == "__main__":
    main()
