"""The codec as a directory in the released layout, of the decoder of train_controls.py and the encoder of train_encoder.py."""

import argparse
import math
import shutil
from pathlib import Path

import numpy as np
import torch
from choosers import audible_vectors, give_codebooks
from harmonics import BANDS, HARMONICS, mel_places
from kept import ADDS
from safetensors.torch import save_file
from synthesiser import levels
from torch import Tensor
from train_controls import trained as trained_decoder
from train_encoder import trained as trained_encoder

from qwen_tts.codec.codec import Codec
from qwen_tts.codec.decoder import Decoder
from qwen_tts.config import CodecConfig

NEAR = 2  # harmonics on each side
SHARPER = ((1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 21, 48), (0.45, 0.45, 0.3, 0.3, 0.35, 0.5, 0.55, 0.6, 0.95, 0.7, 0.8, 0.9))
LIFT = 4.0  # dB
NOISE = ((3000, 4500), (2.0, 3.5))  # Hz, dB


def strengthened(decibels: Tensor) -> Tensor:
    """By what levels are multiplied, whose square strength is."""
    return 10 ** (decibels / 40)


def sharper() -> Tensor:
    """How much of its difference to its neighbours is added to each harmonic [HARMONICS]: as harmonics then differ from their
    neighbours, so do true ones. (Of low ones the differences are mostly right; of those from the tenth on they are chance.)
    """
    return torch.from_numpy(np.interp(np.arange(1, HARMONICS + 1), *SHARPER)).float()


def lifted() -> Tensor:
    """By how much the levels of harmonics are raised [HARMONICS]: not up to the third, by LIFT from the fifteenth on."""
    share = (torch.log(torch.arange(1, HARMONICS + 1) / 3) / math.log(5)).clamp(0, 1)
    return strengthened(LIFT * share)


def noisier() -> Tensor:
    """By how much the levels of noise are raised [BANDS]."""
    return strengthened(torch.from_numpy(np.interp(mel_places(BANDS), *NOISE)).float())


@torch.no_grad()
def sharpen(decoder: Decoder, *, undo: bool = False) -> None:
    """Moves the level of each harmonic away from the mean of its neighbours', and raises those that are hard to guess. What was
    learned is a little too smooth, and too soft where the truth varies most: the mean of levels has less power than they have.
    """
    conv = decoder.decoder[0].conv  # type: ignore[union-attr]
    near = torch.ones(HARMONICS, HARMONICS).tril(NEAR).triu(-NEAR)
    away = torch.eye(HARMONICS) - near / near.sum(1, keepdim=True)
    voice = lifted()[:, None] * (torch.eye(HARMONICS) + sharper()[:, None] * away)
    mix = torch.block_diag(voice, torch.diag(noisier()))
    mix = mix.inverse() if undo else mix
    conv.weight[levels()] = torch.einsum("ij,jck->ick", mix, conv.weight[levels()])
    conv.bias[levels()] = mix @ conv.bias[levels()]


def mean(decoders: list[Decoder]) -> dict[str, Tensor]:
    """The mean of their weights, of a run and one that went on from it: it is better than both. Layers that only the deepest
    have add nothing in the others.
    """
    states = [decoder.state_dict() for decoder in decoders]
    found = {}
    for name in max(states, key=len):
        told = [state[name] for state in states if name in state]
        found[name] = torch.stack(told).sum(0) / (len(states) if name.endswith(ADDS) else len(told))
    return found


def write(codec: Codec, path: Path) -> None:
    """fp16, but for what turns phases and angles into waves: there a thousandth of a turn is heard."""
    tensors = {}
    for name, tensor in codec.state_dict().items():
        half = tensor.half()
        if not half.isfinite().all():
            raise SystemExit(f"not finite in fp16: {name}")
        exact = name.startswith("decoder.decoder.") and not torch.equal(half.float(), tensor)
        tensors[name] = (tensor if exact else half).contiguous().clone()
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, metadata={"format": "pt"})
    print(f"{path}: {len(tensors)} tensors, {path.stat().st_size / 1e6:.1f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("decoder", type=Path, nargs="+", help="state.pt of train_controls.py; of several their mean is taken")
    parser.add_argument("--encoder", type=Path, help="state.pt of train_encoder.py")
    parser.add_argument("--config", type=Path, default=Path(__file__).parent / "config" / "codec.json")
    args = parser.parse_args()

    codec = Codec(CodecConfig.from_file(args.config)).eval()
    codec.decoder.load_state_dict(mean([trained_decoder(codec.config, path) for path in args.decoder]))
    sharpen(codec.decoder)
    if args.encoder is not None:
        codec.encoder.load_state_dict(trained_encoder(args.encoder))
    give_codebooks(codec, audible_vectors(codec))
    write(codec, args.out / "model.safetensors")
    shutil.copyfile(args.config, args.out / "config.json")


if __name__ == "__main__":
    main()
