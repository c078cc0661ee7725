"""Carries what was learned over to a pack that has more: more phones and so other pairs of them, and a larger vocabulary.

Writes PACK/codebooks.npz for `quantise.py --known`, and OUT/talker.pt and OUT/controls.pt for `--start`. What is new begins as
the mean of what there was; how a new phone sounds is measured.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from align import symbols
from quantise import SIZE, heard, two_hot
from sound import NODES, Sounds
from torch import Tensor
from train_controls import give_codebooks

from qwen_tts.codec.decoder import Decoder
from qwen_tts.config import CodecConfig
from qwen_tts.train.loop import saved_trainer
from qwen_tts.train.phone_codes import frequent_pairs
from qwen_tts.train.talker import averaged

CONFIG = Path(__file__).parent / "config" / "codec.json"
MEASURED = 20_000  # frames with new phones


def places(old: str, new: str) -> np.ndarray:
    """The new class of each old class; class 0 is silence."""
    return np.array([0, *(1 + new.index(phone) for phone in old)])


def moved(rows: Tensor, to: list[int], size: int) -> Tensor:
    """[N, ...] -> [size, ...]: row i is row to[i] then; the others are the mean of all."""
    grown = rows.float().mean(0).expand(size, *rows.shape[1:]).to(rows.dtype).clone()
    grown[to] = rows[: len(to)]
    return grown


def expected_of_all(
    sounds: Sounds, phones: np.ndarray, books: dict[str, np.ndarray], place: np.ndarray, classes: int
) -> np.ndarray:
    """What is expected of the sound of each phone, [2 * classes, DIM]: as it was, and for new ones as some frames have it."""
    unheard, ends = np.isin(phones, np.setdiff1d(np.arange(classes), place)).any(1), sounds.start // NODES
    picked = np.sort(np.random.default_rng(0).permutation(np.flatnonzero(unheard))[:MEASURED])
    clip = np.searchsorted(ends, picked, "right") - 1
    sample = np.concatenate([heard(sounds.get(c))[picked[clip == c] - ends[c]] for c in np.unique(clip)])
    x = (sample - books["mean"]) @ books["basis"]
    columns = np.concatenate((place, classes + place))
    expected = np.zeros((2 * classes, x.shape[1]), np.float32)
    expected[columns] = books["expected"]
    shown = np.eye(2 * classes, dtype=np.float32)[phones[picked].astype(int) + [0, classes]].sum(1)
    fresh = np.setdiff1d(np.arange(2 * classes), columns)
    dots = shown[:, fresh]
    expected[fresh] = np.linalg.solve(dots.T @ dots + 10 * np.eye(len(fresh)), dots.T @ (x - shown @ expected))
    return expected


def tokens(folder: Path) -> dict[str, int]:
    """A vocabulary with its control tokens."""
    added = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))["added_tokens_decoder"]
    vocab = json.loads((folder / "vocab.json").read_text("utf-8"))
    return vocab | {entry["content"]: int(number) for number, entry in added.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--phones", type=Path, nargs=2, required=True, metavar="FILE", help="phones.txt, old and new")
    parser.add_argument("--text", type=Path, nargs=2, required=True, metavar="DIR", help="vocabulary, old and new")
    parser.add_argument("--books", type=Path, required=True, help="codebooks.npz of the old pack")
    parser.add_argument("--talker", type=Path, required=True, help="state.pt")
    parser.add_argument("--controls", type=Path, required=True, help="state.pt")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)

    old, new = (symbols(file.read_text("utf-8").splitlines()) for file in args.phones)
    place, before, after = places(old, new), len(old) + 1, len(new) + 1
    columns = np.concatenate((place, after + place))  # of the two halves of a frame, side by side
    books = dict(np.load(args.books))
    phones = np.fromfile(args.pack / "phones.u1", "u1").reshape(-1, 2)
    pairs, was = frequent_pairs(phones, SIZE), {tuple(place[pair]): code for code, pair in enumerate(books["pairs"])}

    books["expected"] = expected_of_all(Sounds(args.pack), phones, books, place, after)
    books["pairs"] = pairs
    assert two_hot(pairs).shape[1] == 2 * after, "no frequent pair has the last phone"
    np.savez(args.pack / "codebooks.npz", **books)
    kept = [(was[tuple(pair)], code) for code, pair in enumerate(pairs) if tuple(pair) in was]
    print(f"{before - 1} phones, now {after - 1}; {len(kept)} of {len(pairs)} pairs were there")

    tensors = averaged(saved_trainer(args.talker))
    vocabularies = [tokens(folder) for folder in args.text]
    to = [vocabularies[1][token] for token, _ in sorted(vocabularies[0].items(), key=lambda item: item[1])]
    size = -(-(max(vocabularies[1].values()) + 1) // 64) * 64
    tensors["model.text_embedding.weight"] = moved(tensors["model.text_embedding.weight"], to, size)
    for name in ("model.codec_embedding.weight", "codec_head.weight"):
        rows = tensors[name].clone()
        rows[: len(pairs)] = moved(tensors[name][[a for a, _ in kept]], [b for _, b in kept], len(pairs))
        tensors[name] = rows
    torch.save({"step": 0, "trainer": {"talker": tensors, "averages": {"talker": {}}}}, args.out / "talker.pt")

    state = saved_trainer(args.controls)
    state.pop("optimizer")
    decoder = Decoder(CodecConfig.from_file(CONFIG).decoder_config)
    give_codebooks(decoder, books)
    state["decoder"] |= {f"quantizer.{name}": t for name, t in decoder.quantizer.state_dict().items() if "codebook" in name}
    for part, name in ((state["decoder"], "pre_conv.conv.weight"), (state["average"], "0.conv.weight")):
        weight = part[name].transpose(0, 1).contiguous()
        weight[: 2 * after] = moved(weight[: 2 * before], columns.tolist(), 2 * after)
        part[name] = weight.transpose(0, 1).contiguous()
    torch.save({"step": 0, "trainer": state}, args.out / "controls.pt")
    print(f"{len(to)} tokens, now {len(vocabularies[1])}: text_vocab_size {size}")


if __name__ == "__main__":
    main()
