"""Makes the built-in model's text vocabulary, in the files and the algorithm of the released one (byte-level BPE), but small.

ids 0..255 the byte symbols | merges, most frequent first | merges that join the role's word "assistant" | Chinese characters,
each of three bytes, after the merges of their first two | control tokens
"""

import argparse
import json
from pathlib import Path

from mandarin import characters
from tokenizers import Regex, Tokenizer
from tokenizers.models import BPE
from tokenizers.normalizers import NFC
from tokenizers.pre_tokenizers import ByteLevel, Sequence, Split
from tokenizers.trainers import BpeTrainer

from qwen_tts.text import ROLE, SPLITS

MARKS = "，。？！、：；"
CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tts_pad>", "<tts_text_bos>", "<tts_text_eod>"]


def learned(lines: list[str], size: int) -> list[tuple[str, str]]:
    """Merges of what is frequent, and those that make the role one token."""
    tokenizer = Tokenizer(BPE())
    tokenizer.normalizer = NFC()  # type: ignore[assignment]
    words = Split(Regex(SPLITS["qwen"]), behavior="isolated")
    tokenizer.pre_tokenizer = Sequence([words, ByteLevel(add_prefix_space=False, use_regex=False)])  # type: ignore[assignment]
    trainer = BpeTrainer(vocab_size=size, initial_alphabet=sorted(ByteLevel.alphabet()), show_progress=False)
    tokenizer.train_from_iterator(lines, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    merges = [tuple(pair if isinstance(pair, list) else pair.split(" ")) for pair in model["merges"]]
    pieces = tokenizer.encode(ROLE).tokens
    while len(pieces) > 1:
        merges.append((pieces[0], pieces[1]))
        pieces = [pieces[0] + pieces[1], *pieces[2:]]
    return merges


def of_characters(text: str) -> list[tuple[str, str]]:
    """Merges that make a token of each, of three bytes."""
    symbols = ByteLevel(add_prefix_space=False, use_regex=False)
    spelled = [symbols.pre_tokenize_str(c)[0][0] for c in text]
    return [*dict.fromkeys((s[0], s[1]) for s in spelled), *((s[:2], s[2]) for s in spelled)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path, help="id TAB sentence lines of make_text.py, or an earlier merges.txt to begin with")
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", type=int, default=500, help="byte symbols and learned merges together")
    args = parser.parse_args()

    lines = args.text.read_text("utf-8").splitlines()
    if args.text.name == "merges.txt":
        merges = [tuple(line.split(" ")) for line in lines]
    else:
        merges = learned([line.split("\t")[1].lower() for line in lines], args.size)
    merges = list(dict.fromkeys([*merges, *of_characters(MARKS + characters())]))  # an earlier one may have them already
    tokens = [*sorted(ByteLevel.alphabet()), *("".join(pair) for pair in merges)]
    vocab = {token: number for number, token in enumerate(dict.fromkeys(tokens))}

    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False), "utf-8")
    (args.out / "merges.txt").write_text("".join(f"{a} {b}\n" for a, b in merges), "utf-8")
    flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
    control = {token: len(vocab) + i for i, token in enumerate(CONTROL)}
    added = {str(number): {"content": token} | flags for token, number in control.items()}
    config = {
        "add_bos_token": False, "add_prefix_space": False, "added_tokens_decoder": added, "bos_token": None,
        "clean_up_tokenization_spaces": False, "eos_token": "<|im_end|>", "errors": "replace", "model_max_length": 4096,
        "pad_token": "<|endoftext|>", "split_special_tokens": False, "tokenizer_class": "Qwen2Tokenizer", "unk_token": None,
    }  # fmt: skip
    (args.out / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    print(f"{len(vocab)} tokens; {ROLE} {vocab[ROLE]}; control tokens {control}")


if __name__ == "__main__":
    main()
