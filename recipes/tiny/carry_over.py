"""Carries an earlier talker over to other codes and a larger vocabulary: OUT for `qwen-tts train talker --start`.

Its text tokens and its codes 0, pairs of phones, are found again by what they stand for; what is new begins as the mean of
what is like it. Code 1 stands for the same as before; the later codes are learned anew.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from codes import SIZE, Codebooks
from safetensors.torch import load_file
from score import PHONES
from torch import Tensor

from qwen_tts.config import ModelConfig
from qwen_tts.talker.talker import Talker

CONFIG = Path(__file__).parent / "config" / "config.json"
EARLIER = "_abdefhijklmnopstuvwzæðŋɐɑɔəɚɛɜɡɪɹɾʃʊʌʒθᵻ"  # the phones of the weights of 24 November
SAME = {"ɚ": "ɹ", "ᵻ": "ɪ"}


def tokens(folder: Path) -> dict[str, int]:
    """A vocabulary with its control tokens."""
    added = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))["added_tokens_decoder"]
    vocab = json.loads((folder / "vocab.json").read_text("utf-8"))
    return vocab | {entry["content"]: int(number) for number, entry in added.items()}


def earlier_pairs(codec: Path) -> np.ndarray:
    """Which phones each code 0 stood for, as classes of now: [1024, 2]."""
    rows = load_file(codec)["decoder.quantizer.rvq_first.vq.layers.0._codebook.embedding_sum"].float()
    count = len(EARLIER)
    halves = torch.stack((rows[:, :count].argmax(1), rows[:, count : 2 * count].argmax(1)), 1).numpy()
    return np.array([PHONES.index(SAME.get(letter, letter)) for letter in EARLIER])[halves]


def by_pairs(rows: Tensor, was: np.ndarray, pairs: np.ndarray) -> Tensor:
    """A row for each pair: the mean of those that stood for it, or else of those that share one of its phones."""
    found = torch.empty(len(pairs), rows.shape[1])
    for number, (first, second) in enumerate(pairs):
        same, begins, ends = (was[:, 0] == first) & (was[:, 1] == second), was[:, 0] == first, was[:, 1] == second
        like = same if same.any() else begins | ends
        found[number] = rows[torch.from_numpy(like)].mean(0) if like.any() else rows.mean(0)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="directory of the earlier model")
    parser.add_argument("codebooks", type=Path)
    parser.add_argument("text", type=Path, help="folder of make_vocabulary.py")
    parser.add_argument("out", type=Path)
    args = parser.parse_args()

    config = ModelConfig.from_file(CONFIG)
    torch.manual_seed(0)
    talker = Talker(config.talker_config)
    fresh = talker.state_dict()
    old = {n.removeprefix("talker."): t.float() for n, t in load_file(args.model / "model.safetensors").items()}
    pairs, was = Codebooks.from_file(args.codebooks).pairs, earlier_pairs(args.model / "speech_tokenizer" / "model.safetensors")
    for name, tensor in fresh.items():
        if name in old and old[name].shape == tensor.shape and "codec_embedding" not in name and "lm_head" not in name:
            tensor.copy_(old[name])
    for name in ("code_predictor.model.codec_embedding.0.weight", "code_predictor.lm_head.0.weight"):
        fresh[name].copy_(old[name])
    for name in ("model.codec_embedding.weight", "codec_head.weight"):
        fresh[name].copy_(old[name])
        fresh[name][:SIZE] = by_pairs(old[name][:SIZE], was, pairs)
    languages = config.talker_config.codec_language_id
    rows = fresh["model.codec_embedding.weight"]
    rows[languages["chinese"]] = rows[languages["english"]]
    vocabularies = [tokens(folder) for folder in (args.model, args.text)]
    words = old["model.text_embedding.weight"]
    known = fresh["model.text_embedding.weight"]
    known[:] = words[: len(vocabularies[0])].mean(0) + 0.5 * words.std() * torch.randn(known.shape)
    for token, number in vocabularies[0].items():
        known[vocabularies[1][token]] = words[number]
    both = len({tuple(p) for p in pairs.tolist()} & {tuple(p) for p in was.tolist()})
    print(f"{both} of {len(pairs)} pairs and {len(vocabularies[0])} of {len(vocabularies[1])} tokens were known")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"step": 0, "trainer": {"talker": fresh, "averages": {"talker": {}}}}, args.out)


if __name__ == "__main__":
    main()
