"""Writes a model directory in the released layout, in fp16, from what the trainers left.

Chinese characters that were learned under another one's name (`mandarin.py`) get that one's vector.
"""

import argparse
import shutil
from pathlib import Path

from mandarin import namesakes
from safetensors.torch import save_file
from torch import Tensor
from train_speaker import trained as trained_speaker

from qwen_tts.text import TextTokenizer
from qwen_tts.train.loop import saved_trainer
from qwen_tts.train.talker import averaged

CONFIG = Path(__file__).parent / "config"
TOKENIZER = ("vocab.json", "merges.txt", "tokenizer_config.json")


def write(tensors: dict[str, Tensor], path: Path) -> None:
    half = {name: tensor.half().contiguous().clone() for name, tensor in tensors.items()}
    if bad := [name for name, tensor in half.items() if not tensor.isfinite().all()]:
        raise SystemExit(f"not finite in fp16: {bad}")
    save_file(half, path, metadata={"format": "pt"})
    print(f"{path}: {len(half)} tensors, {path.stat().st_size / 1e6:.1f} MB")


def read_alike(rows: Tensor, tokenizer: TextTokenizer) -> None:
    for character, name in namesakes().items():
        number, learned = tokenizer.encode(character), tokenizer.encode(name)
        if len(number) == len(learned) == 1:  # else the vocabulary has no characters
            rows[number] = rows[learned]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--talker", type=Path, required=True, help="state.pt of `qwen-tts train talker`")
    parser.add_argument("--codec", type=Path, required=True, help="folder of make_codec.py")
    parser.add_argument("--text", type=Path, required=True, help="folder of make_vocabulary.py")
    parser.add_argument("--speaker", type=Path, help="state.pt of train_speaker.py")
    args = parser.parse_args()

    state = saved_trainer(args.talker)
    (args.out / "speech_tokenizer").mkdir(parents=True, exist_ok=True)
    tensors = averaged(state)
    read_alike(tensors["model.text_embedding.weight"], TextTokenizer.from_dir(args.text))
    named = {f"talker.{name}": t for name, t in tensors.items()}
    if args.speaker is not None:
        named |= {f"speaker_encoder.{name}": t for name, t in trained_speaker(args.speaker).items()}
    write(named, args.out / "model.safetensors")
    for name in ("config.json", "model.safetensors"):
        shutil.copyfile(args.codec / name, args.out / "speech_tokenizer" / name)
    for name in ("config.json", "generation_config.json"):
        shutil.copyfile(CONFIG / name, args.out / name)
    for name in TOKENIZER:
        shutil.copyfile(args.text / name, args.out / name)


if __name__ == "__main__":
    main()
