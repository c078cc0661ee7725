"""The clips that a voice is learned from, encoded once, by all processes together.

They come as the official jsonl, a line a clip; `audio_codes` [T][Q] is what `audio` encodes to, computed where it is missing:

    {"audio": "a.wav", "text": "What is said.", "ref_audio": "ref.wav", "language": "English", "audio_codes": [[..], ..]}
"""

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..audio import load_audio
from ..checkpoint import LoadedModel
from ..errors import DataError, QwenTTSError
from ..files import whole_file
from ..fingerprint import fingerprint
from ..prompt import PromptLayout, build_layout
from ..tokenizer import encode_wave
from ..voice import create_voice
from . import spread
from .data import numbered_lines

OFTEN = 200  # clips between writes of what was encoded


@dataclass(frozen=True, slots=True)
class Example:
    """A clip: what is said, in which language (None: not told), and its codes, int64 [T, Q]."""

    text: str
    language: str | None
    codes: Tensor


def read_examples(
    path: Path, model: LoadedModel, progress: Any = iter, keep: Path | None = None
) -> tuple[list[Example], Tensor]:
    """The clips of a jsonl file, encoded, and the mean of their references' speaker vectors, [D].

    Args:
        path: paths in it are relative to its folder.
        model: of kind base.
        progress: wraps the list of lines while it is gone through.
        keep: where codes are kept, and found again by the next call; None for nowhere. Several processes share the work
            if they are given the same folder.
    Raises:
        DataError: a line is damaged, lacks something, or names audio that cannot be used; the message gives its number.
    """
    examples, vectors = [], dict[str, Tensor]()
    codes_of = _KeptCodes(keep, model)
    if keep is not None and spread.count() > 1:
        codes_of.share(_to_encode(path), progress)
    groups = model.config.talker_config.num_code_groups
    size = model.config.talker_config.code_predictor_config.vocab_size
    for number, line in progress(numbered_lines(path)):
        try:
            row = json.loads(line)
            text, reference, language = row["text"], row["ref_audio"], row.get("language")
            if not all(isinstance(value, str) for value in (text, reference, language or "")):
                raise ValueError("its text, ref_audio and language are to be strings")
            if not (text := text.strip()):
                raise ValueError("its text is empty")
            prompt_layout(model, text, language)
            if reference not in vectors:
                voice = create_voice(model, str(path.parent / reference), x_vector_only=True)
                vectors[reference] = voice.ref_spk_embedding.float().cpu()
            if row.get("audio_codes") is not None:
                codes = torch.tensor(row["audio_codes"], dtype=torch.int64)
            else:
                codes = codes_of(path.parent / row["audio"])
            if codes.ndim != 2 or codes.shape[1] != groups or not len(codes):
                raise ValueError(f"its codes have shape {list(codes.shape)}, expected [frames, {groups}]")
            if not 0 <= int(codes.min()) <= int(codes.max()) < size:
                raise ValueError(f"its codes are {int(codes.min())} to {int(codes.max())}, expected 0 to {size - 1}")
        except (ValueError, KeyError, TypeError) as error:
            what = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
            raise DataError(f'{path}, line {number}: {what}; a line is {{"audio", "text", "ref_audio"}}') from None
        examples.append(Example(text, language, codes))
    if not examples:
        raise DataError(f"{path} holds no clips")
    codes_of.write()
    return examples, torch.stack(list(vectors.values())).mean(0)


def digest(examples: list[Example]) -> str:
    """What tells these clips, in this order, from any others."""
    rows = [(example.text, example.language, example.codes.tolist()) for example in examples]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def prompt_layout(model: LoadedModel, text: str, language: str | None) -> PromptLayout:
    """The prompt of a clip: a custom voice's, without the voice."""
    return build_layout(
        model.config, text_ids=model.text.target_ids(text), role_ids=model.text.role_ids, language=language, voice=True,
        streaming_text=False,
    )  # fmt: skip


class _KeptCodes:
    """Codes of audio files, by a digest of their contents and of the codec's encoder.

    Of several processes each keeps what it encodes in a file of its own, beside that of the first, and reads those of all.
    """

    def __init__(self, path: Path | None, model: LoadedModel) -> None:
        self._path, self._codec, self._maker = path, model.codec, fingerprint(model)["codec"]
        self._known: dict[str, Tensor] = {}
        self._own: dict[str, Tensor] = {}
        if path is not None:
            self._file = path.with_suffix(f".{spread.number()}{path.suffix}") if spread.number() else path
            self._own = load_file(self._file) if self._file.exists() else {}
        self._read()
        self._written = len(self._own)

    def __call__(self, audio: Path) -> Tensor:
        wave, rate = load_audio(str(audio))
        name = hashlib.sha256(f"{self._maker} {rate}".encode() + wave.tobytes()).hexdigest()
        if name not in self._known:
            self._known[name] = self._own[name] = encode_wave(self._codec, wave, rate).cpu().contiguous()
            if len(self._own) - self._written >= OFTEN:
                self.write()
        return self._known[name]

    def share(self, audio: list[Path], progress: Any) -> None:
        """Has each of several processes encode its part of these; what cannot be is left to who asks for it."""
        for file in progress(list(dict.fromkeys(audio))[spread.number() :: spread.count()]):
            with suppress(QwenTTSError, OSError):
                self(file)
        self.write()
        spread.together()
        self._read()

    def write(self) -> None:
        if self._path is not None and len(self._own) > self._written:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(self._file) as partial:
                save_file(self._own, partial)
            self._written = len(self._own)

    def _read(self) -> None:
        if self._path is not None:
            for file in self._path.parent.glob(f"{self._path.stem}*{self._path.suffix}"):
                self._known |= load_file(file)


def _to_encode(path: Path) -> list[Path]:
    """The audio of a jsonl file's lines that have no codes. Damaged lines are left out: who reads them says what is wrong."""
    found = []
    for _, line in numbered_lines(path):
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            row = json.loads(line)
            if row.get("audio_codes") is None:
                found.append(path.parent / row["audio"])
    return found
