"""A directory of voices that names resolve in: one file a voice, so that processes share it without a lock.

NAME.safetensors          appears whole or not at all; what is made new never takes the place of another's
"""

import os
import re
import sys
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import OptionError, VoiceError
from .voice import VoiceClonePromptItem, voices_from_dict
from .voice_file import SUFFIX, read_voices

NAME = re.compile(r"\w(?:[\w -]{0,62}\w)?")
NAMES = "a name has 1 to 64 letters, digits, '_', '-' and spaces between them"
RESERVED = re.compile(r"con|prn|aux|nul|com\d|lpt\d")  # no files on Windows
PATH_SIGNS = ("/", "\\", ".")

VoiceSource = VoiceClonePromptItem | str | os.PathLike[str]
VoiceSources = VoiceSource | list[VoiceClonePromptItem] | list[str] | list[VoiceSource] | Mapping[str, Any]


class VoiceStore:
    """The voices below one directory. Nothing is made before a voice is saved.

    Args:
        directory: by default the folder `qwen_tts/voices` where the user's programs keep their data.
    """

    def __init__(self, directory: str | os.PathLike[str] | None = None) -> None:
        self.directory = default_directory() if directory is None else Path(directory).expanduser()

    def names(self) -> list[str]:
        """All voices, sorted.

        Raises:
            VoiceError: the directory cannot be read.
        """
        try:
            stems = [entry.stem for entry in self.directory.iterdir() if entry.suffix == SUFFIX]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise VoiceError(f"cannot read the voices in {self.directory}: {error.strerror}") from None
        return sorted(stem for stem in stems if NAME.fullmatch(stem))

    def path(self, name: str) -> Path:
        """Where a voice is, or would be.

        Raises:
            VoiceError: no voice can be called so.
        """
        key = unicodedata.normalize("NFC", name).strip().casefold()
        if not NAME.fullmatch(key) or RESERVED.fullmatch(key) or len(key.encode()) > 200:
            raise VoiceError(f"no voice can be called {name[:80]!r}: {NAMES}")
        return self.directory / f"{key}{SUFFIX}"

    def save(self, name: str, voice: VoiceClonePromptItem, replace: bool = False) -> Path:
        """Keeps a voice under a name; upper and lower case are the same.

        Raises:
            VoiceError: the name is taken (without `replace`) or not legal, or nothing can be written.
        """
        path = self.free(name, replace)
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise VoiceError(f"cannot make the folder {self.directory}: {error.strerror}") from None
        voice.save(path, replace)
        return path

    def free(self, name: str, replace: bool = False) -> Path:
        """The path for a new voice, to be asked for before an hour of work.

        Raises:
            VoiceError: the name is taken (without `replace`) or not legal.
        """
        path = self.path(name)
        if path.exists() and not replace:
            raise VoiceError(
                f"there is a voice {path.stem!r} in {self.directory}; delete it, replace it, or choose another name"
            )
        return path

    def load(self, name: str) -> VoiceClonePromptItem:
        """Raises VoiceError if there is no such voice (the message lists those there are), or it is damaged."""
        return VoiceClonePromptItem.load(self._existing(name))

    def delete(self, name: str) -> None:
        """Raises VoiceError if there is no such voice (any more)."""
        try:
            self._existing(name).unlink()
        except FileNotFoundError:
            raise VoiceError(f"the voice {name!r} was just deleted by someone else") from None
        except OSError as error:
            raise VoiceError(f"cannot delete the voice {name!r}: {error.strerror}") from None

    def resolve(self, voices: VoiceSources) -> list[VoiceClonePromptItem]:
        """Voices of any form: items, names, paths of voice files, a list of these, or the official dict of lists.

        A string with a dot, a slash or a backslash in it is a path, any other a name. An official `.pt` gives all its voices.

        Raises:
            VoiceError: no such voice or file.
            OptionError: something else.
        """
        if isinstance(voices, Mapping):
            return voices_from_dict(voices)
        if isinstance(voices, list):
            return [item for voice in voices for item in self.resolve(voice)]
        if isinstance(voices, VoiceClonePromptItem):
            return [voices]
        if isinstance(voices, str) and not any(sign in voices for sign in PATH_SIGNS):
            return [self.load(voices)]
        if isinstance(voices, (str, os.PathLike)):
            return [VoiceClonePromptItem(**fields) for fields in read_voices(voices)]
        raise OptionError(
            f"voice_clone_prompt must hold VoiceClonePromptItem, names or paths of voices, not {type(voices).__name__}"
        )

    def _existing(self, name: str) -> Path:
        path = self.path(name)
        if not path.exists():
            known = self.names()
            shown = ", ".join(known[:20]) + (f" and {len(known) - 20} more" if len(known) > 20 else "")
            raise VoiceError(
                f"no voice is called {name!r} in {self.directory}; there {'are: ' + shown if known else 'is none'}"
            )
        return path


def default_directory() -> Path:
    """`qwen_tts/voices` in the folder that the system has for the data of a user's programs."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Application Support"
    else:
        base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "qwen_tts" / "voices"
