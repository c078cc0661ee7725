"""Encodes every clip of a pack with a trained codec: DIR/codes.i16 [frames of all clips, Q], DIR/codes_start.npy."""

import argparse
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from qwen_tts.config import CodecConfig
from qwen_tts.train.codec import trained_codec
from qwen_tts.train.data import Pack, perplexity, write_codes

BATCH = 40.0  # seconds of sound, padding included


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
    frame, rate = codec.config.encode_downsample_rate, codec.config.input_sample_rate
    order = sorted(range(len(pack.clips)), key=lambda i: pack.clips[i].samples)
    codes: dict[int, np.ndarray] = {}
    with tqdm(total=len(order), mininterval=30) as bar:
        while order:
            longest = pack.clips[order[-1]].samples
            take = [order.pop() for _ in range(min(len(order), max(1, int(BATCH * rate / longest))))]
            waves = torch.from_numpy(np.stack([pack.wave(pack.clips[i], 0, longest) for i in take]))
            with torch.autocast("cpu", torch.bfloat16):
                made = codec.encode(waves)  # the encoder is causal: what pads the end of a clip changes nothing before it
            for row, clip in zip(made, take, strict=True):
                codes[clip] = row[: -(-pack.clips[clip].samples // frame)].numpy()
            bar.update(len(take))
    joined = write_codes([codes[i] for i in range(len(pack.clips))], args.pack)
    for q in range(joined.shape[1]):
        print(f"codebook {q}: {len(np.unique(joined[:, q]))} codes used, perplexity {perplexity(joined[:, q]):.0f}")


if __name__ == "__main__":
    main()
