"""Which files of a repository loading needs. Pickles and code are not among them, and are never fetched for it."""

import json
import re
from pathlib import Path, PurePosixPath

from ..errors import DownloadError

TEXT_FILES = ("vocab.json", "merges.txt", "tokenizer_config.json")
NEEDED = re.compile(
    r"(speech_tokenizer/)?(config\.json|model(-\d+-of-\d+)?\.safetensors|model\.safetensors\.index\.json)"
    r"|generation_config\.json|" + "|".join(map(re.escape, TEXT_FILES))
)


def needed(path: str) -> bool:
    """Whether loading reads this file of a repository."""
    return NEEDED.fullmatch(path) is not None


def complete(directory: Path) -> bool:
    """Whether a directory holds all that loading reads, of a model or of a codec that stands alone."""
    config = _read(directory / "config.json")
    whole_model = "talker_config" in config
    if whole_model and not all((directory / name).is_file() for name in TEXT_FILES):
        return False
    folders = [directory, directory / "speech_tokenizer"] if whole_model else [directory]
    return all(_read(folder / "config.json") and _has_weights(folder) for folder in folders)


def check_path(path: str) -> str:
    """A path as a hub lists it; raises DownloadError for one that would lead out of the model's directory."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or re.search(r"[\x00-\x1f\\]|^\w:", path):
        raise DownloadError(f"the hub lists a file that no model has, {path!r}: do not use this model")
    return path


def check_hash(value: str | None) -> str | None:
    """A checksum as a hub lists it, or None for none; it becomes part of file names. Raises DownloadError for anything else."""
    if not value:
        return None
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", value.lower()):
        raise DownloadError(f"the hub lists a checksum that is none, {value!r}: do not use this model")
    return value.lower()


def _has_weights(folder: Path) -> bool:
    if (folder / "model.safetensors").is_file():
        return True
    shards = _read(folder / "model.safetensors.index.json").get("weight_map")
    return isinstance(shards, dict) and all((folder / str(name)).is_file() for name in shards.values())


def _read(file: Path) -> dict[str, object]:
    """The file's JSON object, empty if there is none."""
    try:
        content = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
