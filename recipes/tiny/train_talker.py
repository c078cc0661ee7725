"""Trains the talker and the code predictor of the built-in model on a pack with codes. Goes on where it was killed."""

import argparse
from pathlib import Path

import torch

from qwen_tts.config import ModelConfig
from qwen_tts.talker.talker import Talker
from qwen_tts.text import TextTokenizer
from qwen_tts.train.data import Alignment, Codes, Pack
from qwen_tts.train.loop import saved_trainer, train
from qwen_tts.train.talker import TalkerOptions, TalkerTrainer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack", type=Path)
    parser.add_argument("text", type=Path, help="folder of make_vocabulary.py")
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--guessed", type=Path, help="folder of guess_codes.py: the past of half of the clips is drawn from there"
    )
    parser.add_argument("--start", type=Path, help="state.pt of an earlier training to begin with; its rates begin anew")
    parser.add_argument("--config", type=Path, default=Path(__file__).parent / "config" / "config.json")
    parser.add_argument("--steps", type=int, default=10000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--compiled", action="store_true", help="torch.compile: a fifth faster after two minutes")
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    config = ModelConfig.from_file(args.config)
    talker = Talker(config.talker_config)
    text = TextTokenizer.from_dir(args.text)
    options = TalkerOptions(steps=args.steps, compiled=args.compiled)
    guessed = None if args.guessed is None else Codes(args.guessed)
    trainer = TalkerTrainer(talker, config, text, Pack(args.pack), Codes(args.pack), options, Alignment(args.pack), guessed)
    if args.start is not None:
        trainer.begin_with(saved_trainer(args.start))
    train(trainer, args.steps, args.out)


if __name__ == "__main__":
    main()
