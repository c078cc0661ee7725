"""Gives codebook 0 to the phones of align.py: OUT/state.pt is the codec with that codebook, DIR/codes.i16 gets its codes."""

import argparse
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from qwen_tts.config import CodecConfig
from qwen_tts.train.codec import trained_codec
from qwen_tts.train.data import Codes, Pack, perplexity, write_codes
from qwen_tts.train.loop import save_atomically
from qwen_tts.train.phone_codes import frequent_pairs, hear, pair_vectors, set_codebook
from qwen_tts.train.quantizer import QuantizerTrainer

LISTENED, CHECKED = 220, 40  # clips


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack", type=Path)
    parser.add_argument("codec", type=Path, help="state.pt of train_codec.py")
    parser.add_argument("out", type=Path)
    parser.add_argument("--config", type=Path, default=Path(__file__).parent / "config" / "codec.json")
    args = parser.parse_args()

    pack, codes = Pack(args.pack), Codes(args.pack)
    halves = np.fromfile(args.pack / "phones.u1", "u1").reshape(-1, 2)
    codec = trained_codec(CodecConfig.from_file(args.config), args.codec).eval()
    (codebook,) = QuantizerTrainer(codec).halves[0][0].codebooks()
    size, dim = codebook.vectors().shape
    pairs, code0 = frequent_pairs(halves, size)
    rows = np.concatenate((code0[:, None], codes.rows[:, 1:]), 1)
    write_codes([rows[a:b] for a, b in zip(codes.start, codes.start[1:], strict=False)], args.pack)
    set_codebook(codec, pair_vectors(pairs, size, dim, float(codebook.vectors().norm(dim=1).mean())))

    heard, right = [], []
    for i in tqdm(np.random.default_rng(0).permutation(len(pack.clips))[: LISTENED + CHECKED], mininterval=30):
        with torch.no_grad():
            z = codec.encoder.embed(torch.from_numpy(pack.wave(pack.clips[i]))[None])[0].T  # [T, width]
        heard.append(z)
        right.append(torch.from_numpy(code0[codes.start[i] : codes.start[i + 1]]))
    hear(codec, torch.cat(heard[:LISTENED]), torch.cat(right[:LISTENED]))
    chooser = QuantizerTrainer(codec).halves[0][0]
    z, wanted = torch.cat(heard[LISTENED:]), torch.cat(right[LISTENED:])
    found = codebook.nearest(chooser.input_proj(z.T[None])[0].T)
    second = torch.from_numpy(pairs[:, 1])
    whole, half = (found == wanted).float().mean(), (second[found] == second[wanted]).float().mean()
    print(f"{len(pairs)} pairs of {halves.max() + 1} classes; perplexity {perplexity(code0):.0f}")
    print(f"from sound alone {whole:.0%} are heard right, the second phone of {half:.0%}")

    state = torch.load(args.codec, weights_only=True)
    trainer, kept = state["trainer"], codec.state_dict()
    average = {name: kept[name] for name in trainer["average"]}
    args.out.mkdir(parents=True, exist_ok=True)
    save_atomically(state | {"trainer": trainer | {"codec": kept, "average": average}}, args.out / "state.pt")


if __name__ == "__main__":
    main()
