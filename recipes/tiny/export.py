"""Writes a model directory in the released layout, in fp16, from what the trainers left.

The codec's encoder and codebooks come from `qwen-tts train codec`, its decoder from `train decoder` where that has run.
"""

import argparse
import shutil
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from qwen_tts.config import CodecConfig
from qwen_tts.train.codec import trained_codec
from qwen_tts.train.loop import saved_trainer
from qwen_tts.train.quantizer import QuantizerTrainer
from qwen_tts.train.talker import averaged

CONFIG = Path(__file__).parent / "config"
TOKENIZER = ("vocab.json", "merges.txt", "tokenizer_config.json")


def codec_tensors(codec_state: Path, decoder_state: Path | None) -> dict[str, Tensor]:
    codec = trained_codec(CodecConfig.from_file(CONFIG / "codec.json"), codec_state)
    if decoder_state is not None:
        state = saved_trainer(decoder_state)
        codec.decoder.load_state_dict(state["decoder"] | state["average"])
    for chooser, user in QuantizerTrainer(codec).halves:
        for codebook in (*chooser.codebooks(), *user.codebooks()):  # vectors as they are: counts have done their work
            vectors, usage = codebook.vectors().clone(), codebook.get_buffer("cluster_usage")
            codebook.get_buffer(codebook.sum_name).copy_(vectors)
            usage.fill_(1)
    return codec.state_dict()


def write(tensors: dict[str, Tensor], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    half = {name: tensor.half().contiguous().clone() for name, tensor in tensors.items()}
    if bad := [name for name, tensor in half.items() if not tensor.isfinite().all()]:
        raise SystemExit(f"not finite in fp16: {bad}")
    save_file(half, path, metadata={"format": "pt"})
    print(f"{path}: {len(half)} tensors, {path.stat().st_size / 1e6:.1f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--talker", type=Path, required=True, help="state.pt of `qwen-tts train talker`")
    parser.add_argument("--codec", type=Path, required=True, help="state.pt of `qwen-tts train codec`")
    parser.add_argument("--decoder", type=Path, help="state.pt of `qwen-tts train decoder`")
    parser.add_argument("--text", type=Path, required=True, help="folder of make_vocabulary.py")
    args = parser.parse_args()

    state = saved_trainer(args.talker)
    parts = [name for name in ("talker", "speaker_encoder") if name in state]
    tensors = {f"{part}.{name}": t for part in parts for name, t in averaged(state, part).items()}
    write(tensors, args.out / "model.safetensors")
    write(codec_tensors(args.codec, args.decoder), args.out / "speech_tokenizer" / "model.safetensors")
    shutil.copyfile(CONFIG / "codec.json", args.out / "speech_tokenizer" / "config.json")
    for name in ("config.json", "generation_config.json"):
        shutil.copyfile(CONFIG / name, args.out / name)
    for name in TOKENIZER:
        shutil.copyfile(args.text / name, args.out / name)


if __name__ == "__main__":
    main()
