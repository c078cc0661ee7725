"""Encodes every clip of a pack with a trained codec: DIR/codes.i16 [frames of all clips, Q], DIR/codes_start.npy."""

import argparse
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from qwen_tts.config import CodecConfig
from qwen_tts.train.codec import trained_codec
from qwen_tts.train.data import Pack


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack", type=Path)
    parser.add_argument("codec", type=Path, help="state.pt of train_codec.py")
    parser.add_argument("--config", type=Path, default=Path(__file__).parent / "config" / "codec.json")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    codec = trained_codec(CodecConfig.from_file(args.config), args.codec).eval()
    pack = Pack(args.pack)
    rows, count = [], [0]
    for clip in tqdm(pack.clips, mininterval=30):
        codes = codec.encode(torch.from_numpy(pack.wave(clip))[None])[0]  # [T, Q]
        rows.append(codes.numpy().astype("<i2"))
        count.append(count[-1] + len(codes))
    joined = np.concatenate(rows)
    joined.tofile(args.pack / "codes.i16")
    np.save(args.pack / "codes_start.npy", np.array(count))
    for q in range(joined.shape[1]):
        share = np.bincount(joined[:, q]) / len(joined)
        share = share[share > 0]
        print(f"codebook {q}: {len(share)} codes used, perplexity {np.exp(-(share * np.log(share)).sum()):.0f}")


if __name__ == "__main__":
    main()
