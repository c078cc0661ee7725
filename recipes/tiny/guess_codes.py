"""What a trained talker would have said in place of a pack's codes: code 0 as it is, the others by the code predictor.

The decoder then learns (`--guessed` of `qwen-tts train context` and `decoder`) to make of these the sound that they stand for,
and so what of the predictor's choices is to be relied on. Writes OUT/codes.i16 and OUT/codes_start.npy.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from qwen_tts.config import ModelConfig
from qwen_tts.sampling import SamplingOptions, SamplingRows
from qwen_tts.talker.talker import Talker
from qwen_tts.text import TextTokenizer
from qwen_tts.train.data import Codes, Pack, write_codes
from qwen_tts.train.loop import saved_trainer
from qwen_tts.train.talker import TalkerOptions, TalkerTrainer, averaged


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack", type=Path)
    parser.add_argument("text", type=Path, help="folder of make_vocabulary.py")
    parser.add_argument("talker", type=Path, help="state.pt of `qwen-tts train talker`")
    parser.add_argument("out", type=Path)
    parser.add_argument("--config", type=Path, default=Path(__file__).parent / "config" / "config.json")
    parser.add_argument("--temperature", type=float, default=0.6)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    config = ModelConfig.from_file(args.config)
    talker = Talker(config.talker_config).eval()
    talker.load_state_dict(averaged(saved_trainer(args.talker)))
    pack, codes = Pack(args.pack), Codes(args.pack)
    options = TalkerOptions(steps=0, streaming_share=0, spelled=0, hidden=0)
    trainer = TalkerTrainer(talker, config, TextTokenizer.from_dir(args.text), pack, codes, options)
    rng, generator = np.random.default_rng(args.seed), torch.Generator().manual_seed(args.seed)
    guessed = [codes.get(i).numpy() for i in range(len(pack.clips))]  # a voice that the talker has not keeps its codes
    with torch.no_grad():
        for clips in tqdm(trainer.grouped(np.flatnonzero(trainer.often), rng), mininterval=30):
            batch = trainer.assemble(clips, rng)
            with torch.autocast("cpu", torch.bfloat16):
                hidden = talker(batch.inputs)
            spans = [hidden[b, p : p + len(c)] for b, (p, c) in enumerate(zip(batch.first, batch.codes, strict=True))]
            first = torch.cat(batch.codes)[:, 0]
            rows = SamplingRows([SamplingOptions(temperature=args.temperature)] * len(first))
            uniforms = torch.rand(len(first), config.talker_config.num_code_groups - 1, generator=generator)
            rest = talker.code_predictor.generate(torch.cat(spans).float(), talker.embed_code0(first), uniforms, rows)
            whole = torch.cat((first[:, None], rest), 1).split([len(c) for c in batch.codes])
            for clip, frames in zip(clips, whole, strict=True):
                guessed[clip] = frames.numpy()
    write_codes(guessed, args.out)


if __name__ == "__main__":
    main()
