"""Codes of a pack as the codec hears them when it has played them: what a talker is given of a recording to go on from.

Clips are drawn at random, and with them those of the same voice; the others have no frames. What is packed in other voices as
well is heard once, since of the voice the codec hears little. Killed, it begins again.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from make_pack import VERSION
from tqdm import tqdm

from qwen_tts.checkpoint import load_codec
from qwen_tts.train.data import Codes, Pack, write_codes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack", type=Path, help="of make_pack.py")
    parser.add_argument("codec", type=Path, help="of make_codec.py")
    parser.add_argument("out", type=Path)
    parser.add_argument("--clips", type=int, default=3000)
    args = parser.parse_args()

    torch.set_num_threads(1)
    codec, codes = load_codec(args.codec, torch.device("cpu")), Codes(args.pack)
    clips = Pack(args.pack).clips
    names = [clip.id.split(VERSION)[0] for clip in clips]
    made_up = {name: clip.speaker for name, clip in zip(names, clips, strict=True) if name != clip.id}
    voices = [made_up.get(name, name) for name in names]
    once = [number for number, clip in enumerate(clips) if names[number] == clip.id]
    order = np.random.default_rng(0).permutation(once).tolist()
    turn = {voices[clip]: place for place, clip in reversed(list(enumerate(order)))}
    drawn = sorted(order, key=lambda clip: turn[voices[clip]])  # those of one voice, one after the other
    found = {name: np.zeros((0, codes.rows.shape[1]), np.int64) for name in names}
    for clip in tqdm(drawn[: args.clips], mininterval=10):
        with torch.inference_mode():
            wave = codec.decode(codes.get(clip)[None])
            found[names[clip]] = codec.encode(wave)[0].numpy()
        assert len(found[names[clip]]) == codes.start[clip + 1] - codes.start[clip]
    write_codes([found[name] for name in names], args.out)


if __name__ == "__main__":
    main()
