"""Text to token ids: byte-level BPE from vocab.json + merges.txt, with the control tokens of tokenizer_config.json.

Differences from the official package, on purpose:
- Control tokens written in the text ("<|im_end|>") are text to be read, never control.
- Line breaks (with white space before them) at the start of a text are dropped. Officially they melt into the newline of the
  role, whose id then changes; the ids of the rest are the same.
"""

import re
from pathlib import Path
from typing import Literal

from tokenizers import Regex, Tokenizer
from tokenizers.models import BPE
from tokenizers.normalizers import NFC
from tokenizers.pre_tokenizers import ByteLevel, Sequence, Split

from .config import read_json
from .errors import ConfigError, TextError

IM_START, IM_END = "<|im_start|>", "<|im_end|>"
ROLE = "assistant"

# How a text is cut into words before BPE. "qwen" is what the models were trained with. "mistral" is what the official package
# uses when it loads a local directory with transformers 4.57.3; it differs in camelCase words and in Thai.
SPLITS = {
    "qwen": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "mistral": (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
        r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
        r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
}


class TextTokenizer:
    """Encodes what the talker reads. Its ids come from the files; nothing here knows a number."""

    def __init__(self, tokenizer: Tokenizer, control: dict[str, int]) -> None:
        """Use `from_dir`. `tokenizer` has no added tokens; `control` maps control tokens (and the role's word) to ids."""
        self._tokenizer = tokenizer
        self._im_start, self._im_end = control[IM_START], control[IM_END]
        self._newline = self.encode("\n")
        self.role_ids = [self._im_start, control[ROLE], *self._newline]

    @classmethod
    def from_dir(cls, path: str | Path, split: Literal["qwen", "mistral"] = "qwen") -> "TextTokenizer":
        """Reads the three tokenizer files of a model directory.

        Raises:
            ConfigError: a file is missing, is cut short, or the files do not fit each other.
        """
        path = Path(path)
        vocab, merges = read_json(path / "vocab.json"), _read_merges(path / "merges.txt")
        added = read_json(path / "tokenizer_config.json").get("added_tokens_decoder")
        if not isinstance(added, dict):
            raise ConfigError(f"{path / 'tokenizer_config.json'} lacks added_tokens_decoder, the control tokens' ids")
        control = {entry["content"]: int(number) for number, entry in added.items()}
        _check(path, vocab, merges, control)
        control.setdefault(ROLE, vocab.get(ROLE, -1))
        if missing := [token for token in (IM_START, IM_END, ROLE) if control.get(token, -1) < 0]:
            raise ConfigError(f"{path}: the tokenizer's files define no {missing[0]!r}")
        tokenizer = Tokenizer(BPE(vocab, merges))
        tokenizer.normalizer = NFC()  # type: ignore[assignment]
        words = Split(Regex(SPLITS[split]), behavior="isolated")
        tokenizer.pre_tokenizer = Sequence([words, ByteLevel(add_prefix_space=False, use_regex=False)])  # type: ignore[assignment]
        return cls(tokenizer, control)

    def encode(self, text: str) -> list[int]:
        """Ids of a piece of text, which may be empty. Control tokens in it are ordinary characters.

        Raises:
            TextError: the text holds half of a surrogate pair, so it is not valid Unicode.
        """
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise TextError(f"the text is not valid Unicode at character {error.start}: {error.reason}") from None
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def sizes(self, ids: list[int]) -> list[int]:
        """How many bytes of text each of the ids of `encode` stands for."""
        tokens = [self._tokenizer.id_to_token(i) for i in ids]
        return [len(token) for token in tokens if token is not None]

    def target_ids(self, text: str) -> list[int]:
        """Ids of the text to speak.

        Raises:
            TextError: the text is empty or blank.
        """
        return self._spoken(text, "the text")

    def reference_ids(self, text: str) -> list[int]:
        """Ids of the transcript of a reference recording. Raises TextError when it is empty or blank."""
        return self._spoken(text, "the transcript of the reference")

    def instruct_ids(self, instruct: str) -> list[int]:
        """Ids of a whole instruction, with its wrapping: <|im_start|>user, newline, instruction, <|im_end|>, newline."""
        return [self._im_start, *self.encode(f"user\n{instruct}"), self._im_end, *self._newline]

    def _spoken(self, text: str, what: str) -> list[int]:
        if not text.strip():
            raise TextError(f"{what} is empty")
        return self.encode(re.sub(r"\A\s*[\r\n]", "", text))


def _read_merges(path: Path) -> list[tuple[str, str]]:
    """Pairs in order of rank. Both editions are read: with and without a first line "#version: ..."."""
    try:
        lines = path.read_text("utf-8").split("\n")
    except FileNotFoundError:
        raise ConfigError(f"{path} is missing; a model directory needs it") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not valid UTF-8 ({error}); download it again") from None
    first = 1 if lines[0].startswith("#version") else 0
    pairs = []
    for number, line in enumerate(lines[first:], first + 1):
        if line:
            left, _, right = line.partition(" ")
            if not right or " " in right:
                raise ConfigError(f"{path}, line {number}: expected two tokens, found {line!r}")
            pairs.append((left, right))
    return pairs


def _check(path: Path, vocab: dict[str, int], merges: list[tuple[str, str]], control: dict[str, int]) -> None:
    """A cut file still parses; what it lacks would silently change or drop text."""
    if lost := sorted(set(ByteLevel.alphabet()) - vocab.keys()):
        raise ConfigError(f"{path / 'vocab.json'} lacks {len(lost)} of the 256 byte symbols, such as {lost[0]!r}")
    made = {left + right for left, right in merges}
    if unknown := next((pair for pair in merges if not {*pair, pair[0] + pair[1]} <= vocab.keys()), None):
        raise ConfigError(f"{path / 'merges.txt'} joins {unknown}, which vocab.json does not hold")
    if unmade := {token for token in vocab if len(token) > 1} - made - control.keys() - {ROLE}:
        raise ConfigError(f"no line of {path / 'merges.txt'} makes {min(unmade)!r} of vocab.json; is the file cut short?")
