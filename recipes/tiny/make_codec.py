"""The codec as a directory in the released layout, of the decoder of train_controls.py and the encoder of train_encoder.py.

Of the melody the encoder can choose only speeds of whole turns a frame, and no bends, since it does not know how far the
phase has come; with those it need not.
"""

import argparse
import shutil
from pathlib import Path

import torch
from codes import ROUGH, SIZE, SPEEDS
from safetensors.torch import save_file
from synthesiser import BENDS, DICE, LEARNED_IN, PHONE_DICE, SLOWEST, UNITS
from torch import Tensor

from qwen_tts.codec.codec import Codec
from qwen_tts.codec.quantizer import ResidualEncoder
from qwen_tts.config import CodecConfig

AWAY = 1e3  # where no vector comes


@torch.no_grad()
def audible(codec: Codec) -> list[Tensor]:
    """The decoder's vectors of each codebook, without what cannot be heard: random numbers, and how far the phase has come."""
    quantizer = codec.decoder.quantizer
    found = [book.vectors().clone() for part in (quantizer.rvq_first, quantizer.rvq_rest) for book in part.codebooks()]
    found[0][:, PHONE_DICE : PHONE_DICE + DICE] = 0
    for vectors in found[1:]:
        vectors[:, :LEARNED_IN] = 0
    return found


def choosers(codec: Codec) -> tuple[ResidualEncoder, ResidualEncoder]:
    quantizer = codec.encoder.quantizer
    return quantizer.semantic_residual_vector_quantizer, quantizer.acoustic_residual_vector_quantizer


@torch.no_grad()
def give_codebooks(codec: Codec, vectors: list[Tensor]) -> None:
    """Makes these the encoder's, without the speeds and bends that it is not to choose."""
    numbers = torch.arange(SIZE)
    done, speed = numbers // SPEEDS, numbers % SPEEDS + SLOWEST
    chosen = [vector.clone() for vector in vectors]
    chosen[1][(done != 0) | (speed % UNITS != 0)] = AWAY
    chosen[2][numbers // ROUGH != BENDS.index(0)] = AWAY
    books = [book for chooser in choosers(codec) for book in chooser.codebooks()]
    for book, values in zip(books, chosen, strict=True):
        book.get_buffer(book.sum_name).copy_(values)
        book.get_buffer("cluster_usage").fill_(1)


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
    from train_controls import trained as trained_decoder
    from train_encoder import trained as trained_encoder

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("decoder", type=Path, help="state.pt of train_controls.py")
    parser.add_argument("out", type=Path)
    parser.add_argument("--encoder", type=Path, help="state.pt of train_encoder.py")
    parser.add_argument("--config", type=Path, default=Path(__file__).parent / "config" / "codec.json")
    args = parser.parse_args()

    codec = Codec(CodecConfig.from_file(args.config)).eval()
    codec.decoder.load_state_dict(trained_decoder(codec.config, args.decoder).state_dict())
    if args.encoder is not None:
        codec.encoder.load_state_dict(trained_encoder(args.encoder))
    give_codebooks(codec, audible(codec))
    write(codec, args.out / "model.safetensors")
    shutil.copyfile(args.config, args.out / "config.json")


if __name__ == "__main__":
    main()
