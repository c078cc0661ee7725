"""The codec as a directory in the released layout: an encoder that was trained, and the decoder of train_controls.py.

The encoder is shown the way to the decoder's codes by some clips: a linear map from what it hears. Of the melody it can choose
only speeds of whole turns a frame, since it does not know how far the phase has come; with those it need not.
"""

import argparse
import re
import shutil
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from synthesiser import DICE, LEARNED_IN, PHASE_IN, PHONE_DICE, UNITS
from torch import Tensor
from tqdm import tqdm
from train_controls import trained

from qwen_tts.codec.codec import Codec
from qwen_tts.config import CodecConfig
from qwen_tts.train.data import Codes, Pack
from qwen_tts.train.loop import saved_trainer

LISTENED, CHECKED = 240, 40  # clips
AWAY = 1e3  # where no vector comes
MADE = re.compile(r"v\d+-")  # by make_variants.py


@torch.no_grad()
def audible(codec: Codec) -> list[Tensor]:
    """The decoder's vectors of each codebook, without what cannot be heard: random numbers, and how far the phase has come."""
    quantizer = codec.decoder.quantizer
    found = [book.vectors().clone() for part in (quantizer.rvq_first, quantizer.rvq_rest) for book in part.codebooks()]
    found[0][:, PHONE_DICE : PHONE_DICE + DICE] = 0
    for vectors in found[1:]:
        vectors[:, :LEARNED_IN] = 0
    return found


@torch.no_grad()
def give_codebooks(codec: Codec, vectors: list[Tensor]) -> None:
    """Makes these the encoder's, without the speeds that it is not to choose."""
    sung = codec.decoder.quantizer.rvq_rest.codebooks()[0].vectors()
    done, speed = sung[:, PHASE_IN], sung[:, PHASE_IN + 1]
    apart = vectors[1].clone()
    apart[(done != 0) | (speed % UNITS != 0) | (speed == 0)] = AWAY
    quantizer = codec.encoder.quantizer
    choosers = (quantizer.semantic_residual_vector_quantizer, quantizer.acoustic_residual_vector_quantizer)
    books = [book for chooser in choosers for book in chooser.codebooks()]
    for book, values in zip(books, [vectors[0], apart, *vectors[2:]], strict=True):
        book.get_buffer(book.sum_name).copy_(values)
        book.get_buffer("cluster_usage").fill_(1)


@torch.no_grad()
def listen(codec: Codec, vectors: list[Tensor], pack: Pack, codes: Codes) -> None:
    """Fits the encoder's projections by least squares, and prints how often it finds the codes of other clips."""
    real = [i for i, clip in enumerate(pack.clips) if not MADE.match(clip.id)]  # of the others there is no wave
    order = np.random.default_rng(0).permutation(real)[: LISTENED + CHECKED].tolist()
    heard, right = [], []
    for i in tqdm(order, desc="listening", mininterval=10):
        heard.append(codec.encoder.embed(torch.from_numpy(pack.wave(pack.clips[i]))[None])[0].T)
        right.append(codes.get(i)[: len(heard[-1])])
    z, wanted = torch.cat(heard[:LISTENED]), torch.cat(right[:LISTENED])
    quantizer = codec.encoder.quantizer
    weighed = z.T @ z + 1e-3 * len(z) * z.square().mean() * torch.eye(z.shape[1])
    said = [book[wanted[:, number]] for number, book in enumerate(vectors)]
    for chooser, target in (
        (quantizer.semantic_residual_vector_quantizer, said[0]),
        (quantizer.acoustic_residual_vector_quantizer, torch.stack(said[1:]).sum(0)),
    ):
        chooser.input_proj.weight.copy_(torch.linalg.solve(weighed, z.T @ target).T[..., None])
    stages = len(vectors)
    found = torch.cat([quantizer(part.T[None], stages)[0] for part in heard[LISTENED:]])
    hits = (found == torch.cat(right[LISTENED:])).float().mean(0)
    print("codes found from sound alone:", " ".join(f"{hit:.0%}" for hit in hits))


def encoder_weights(path: Path) -> dict[str, Tensor]:
    """All but the quantiser's."""
    if path.suffix == ".safetensors":
        tensors = load_file(path)
    else:
        state = saved_trainer(path)
        tensors = state["codec"] | state["average"]
    kept = {name.removeprefix("encoder."): t.float() for name, t in tensors.items() if name.startswith("encoder.")}
    return {name: t for name, t in kept.items() if not name.startswith("quantizer.")}


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
    parser.add_argument("pack", type=Path)
    parser.add_argument("decoder", type=Path, help="state.pt of train_controls.py")
    parser.add_argument("encoder", type=Path, help="state.pt of `qwen-tts train codec`, or a codec's model.safetensors")
    parser.add_argument("out", type=Path)
    parser.add_argument("--config", type=Path, default=Path(__file__).parent / "config" / "codec.json")
    args = parser.parse_args()

    codec = Codec(CodecConfig.from_file(args.config)).eval()
    codec.decoder.load_state_dict(trained(codec.config, args.decoder).state_dict())
    codec.encoder.load_state_dict(encoder_weights(args.encoder), strict=False)
    vectors = audible(codec)
    give_codebooks(codec, vectors)
    listen(codec, vectors, Pack(args.pack), Codes(args.pack))
    write(codec, args.out / "model.safetensors")
    shutil.copyfile(args.config, args.out / "config.json")


if __name__ == "__main__":
    main()
