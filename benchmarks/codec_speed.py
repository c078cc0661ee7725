"""How fast the codec's decoder is on a CPU: milliseconds of a step and RTF, reference and packed, taken in turns.

RTF = computing time / audio time of all rows together. Released shapes with random weights, or the built-in model's.
"""

import argparse
import statistics
import time
from pathlib import Path

import torch
from report import publish, table

from qwen_tts.codec.codec import Codec
from qwen_tts.codec.decoder import Decoder
from qwen_tts.codec.packed import pack
from qwen_tts.config import CodecConfig

ROOT = Path(__file__).parent.parent
SHAPES = {
    "released": ROOT / "tests" / "released" / "speech_tokenizer.config.json",
    "tiny": ROOT / "recipes" / "tiny" / "config" / "codec.json",
}
FRAME_SECONDS = 0.08


def random_codec(shape: str) -> Codec:
    """Weights at which a signal keeps its size; every element of a small pool, since drawing 100 million takes longer."""
    config = CodecConfig.from_file(SHAPES[shape])
    with torch.device("meta"):
        codec = Codec(config)
    codec.decoder.to_empty(device="cpu").requires_grad_(False)
    pool = torch.randn(1 << 18, generator=torch.Generator().manual_seed(0))
    for name, value in codec.decoder.state_dict().items():
        if value.dim() > 1:
            fan = 1 if name.endswith("embedding_sum") else value[0].numel()
            value.view(-1).copy_(pool.repeat(-(-value.numel() // len(pool)))[: value.numel()]).mul_(fan**-0.5)
        else:
            value.fill_(0.1 if name.endswith(("scale", "gamma")) else 1.0 if name.endswith(("usage", "norm.weight")) else 0.0)
    return codec


class Stream:
    """Steps of one decoder at one size. The first ones choose kernels and are not counted."""

    def __init__(self, decoder: Decoder, codes: torch.Tensor) -> None:
        self.decoder, self.codes, self.state = decoder, codes, decoder.init_state(len(codes))
        self.seconds: list[float] = []
        self.step()
        self.seconds.clear()

    @torch.inference_mode()
    def step(self) -> None:
        start = time.perf_counter()
        self.decoder(self.codes, self.state)
        self.seconds.append(time.perf_counter() - start)


def numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="released")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--frames", type=numbers, default=[1, 2, 4, 8, 25])
    parser.add_argument("--rows", type=numbers, default=[1, 4, 16])
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    codec = random_codec(args.shape)
    packed = pack(codec)
    groups, size = codec.config.decoder_config.num_quantizers, codec.config.decoder_config.codebook_size
    rows, rtf = [], {}
    for batch in args.rows:
        for frames in args.frames:
            codes = torch.randint(0, size, (batch, frames, groups), generator=torch.Generator().manual_seed(1))
            pair = [Stream(made.decoder, codes) for made in (codec, packed)]
            for _ in range(args.runs):
                for stream in pair:
                    stream.step()
            before, after = (statistics.median(stream.seconds) for stream in pair)
            audio = batch * frames * FRAME_SECONDS
            rtf[f"{batch}x{frames}"] = round(after / audio, 3)
            cells = [f"{before * 1e3:.1f}", f"{before / audio:.3f}", f"{after * 1e3:.1f}", f"{after / audio:.3f}"]
            rows.append([f"{batch} x {frames}", *cells, f"{before / after:.1f}"])
    head = ["rows x frames", "reference, ms", "RTF", "packed, ms", "RTF", "times faster"]
    result = {"shape": args.shape, "threads": args.threads, "dtype": str(getattr(packed.decoder, "dtype", "")), "rtf": rtf}
    name = "codec_speed" if args.shape == "released" else f"codec_speed_{args.shape}"
    publish(name, f"The codec's decoder, {args.shape} shapes, medians of {args.runs}", table(head, rows), result)


if __name__ == "__main__":
    main()
