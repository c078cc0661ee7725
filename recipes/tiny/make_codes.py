"""The codes of every clip of a pack by a trained codec: DIR/codes.i16 [frames of all clips, Q], DIR/codes_start.npy.

Codes that were given are kept as they are. That the encoder, too, can find them, it is shown by some clips: OUT/state.pt.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from qwen_tts.codec.codec import Codec
from qwen_tts.config import CodecConfig
from qwen_tts.train.codec import trained_codec
from qwen_tts.train.data import Codes, Pack, perplexity, write_codes
from qwen_tts.train.given_codes import give_pairs, hear, place
from qwen_tts.train.loop import save_atomically
from qwen_tts.train.quantizer import QuantizerTrainer

BATCH = 40.0  # seconds of sound, padding included
LISTENED, CHECKED = 300, 40  # clips


@torch.no_grad()
def embedded(codec: Codec, pack: Pack, clips: list[int]) -> list[torch.Tensor]:
    """The encoder's vectors [width, T] of some clips. It is causal: what pads the end of a clip changes nothing before it."""
    longest = max(pack.clips[i].samples for i in clips)
    waves = torch.from_numpy(np.stack([pack.wave(pack.clips[i], 0, longest) for i in clips]))
    with torch.autocast("cpu", torch.bfloat16):
        z = codec.encoder.embed(waves).float()
    frame = codec.config.encode_downsample_rate
    return [row[:, : -(-pack.clips[i].samples // frame)] for row, i in zip(z, clips, strict=True)]


@torch.no_grad()
def listen(codec: Codec, pack: Pack, given: Codes) -> None:
    """Shows the encoder the way to the given codes, and prints how often it finds them in clips that it was not shown."""
    order = np.random.default_rng(0).permutation(len(pack.clips))[: LISTENED + CHECKED].tolist()
    z = [embedded(codec, pack, [i])[0].T for i in tqdm(order, desc="listening", mininterval=10)]
    right = [given.get(i) for i in order]
    for number in range(right[0].shape[1]):
        hear(codec, number, torch.cat(z[:LISTENED]), torch.cat(right[:LISTENED])[:, number])
        (chooser, _), index = place(codec, number)
        x = chooser.input_proj(torch.cat(z[LISTENED:]).T[None])[0].T
        found = chooser.codebooks()[index].nearest(x)
        hit = (found == torch.cat(right[LISTENED:])[:, number]).float().mean()
        print(f"codebook {number}: {hit:.0%} of the codes that were given are found from sound alone")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack", type=Path)
    parser.add_argument("codec", type=Path, help="state.pt of `qwen-tts train codec`")
    parser.add_argument("--given", type=Path, help="folder of the codes that it was given")
    parser.add_argument("--out", type=Path, help="where to write the codec that hears what was given")
    parser.add_argument("--config", type=Path, default=Path(__file__).parent / "config" / "codec.json")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    codec = trained_codec(CodecConfig.from_file(args.config), args.codec).eval()
    pack, rate = Pack(args.pack), codec.config.input_sample_rate
    given = None if args.given is None else Codes(args.given)
    if given is not None:
        pitches = np.load(args.pack / "pitch.npy") if given.rows.shape[1] > 1 else None
        give_pairs(codec, np.load(args.pack / "pairs.npy"), pitches)
    order = sorted(range(len(pack.clips)), key=lambda i: pack.clips[i].samples)
    quantise, codes = QuantizerTrainer(codec), dict[int, np.ndarray]()
    with tqdm(total=len(order), mininterval=30) as bar:
        while order:
            longest = pack.clips[order[-1]].samples
            take = [order.pop() for _ in range(min(len(order), max(1, int(BATCH * rate / longest))))]
            for clip, z in zip(take, embedded(codec, pack, take), strict=True):
                known = None if given is None else given.get(clip)[None]
                codes[clip] = quantise(z[None], None, None, known).codes[0].numpy()
            bar.update(len(take))
    joined = write_codes([codes[i] for i in range(len(pack.clips))], args.pack)
    for q in range(joined.shape[1]):
        print(f"codebook {q}: {len(np.unique(joined[:, q]))} codes used, perplexity {perplexity(joined[:, q]):.0f}")
    if given is not None and args.out is not None:
        listen(codec, pack, given)
        state = torch.load(args.codec, weights_only=True)
        trainer, kept = state["trainer"], codec.state_dict()
        average = {name: kept[name] for name in trainer["average"]}
        args.out.mkdir(parents=True, exist_ok=True)
        save_atomically(state | {"trainer": trainer | {"codec": kept, "average": average}}, args.out / "state.pt")


if __name__ == "__main__":
    main()
