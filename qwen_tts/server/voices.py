"""The voices of a server: preset speakers, saved voices, and names of hosted services that mean one of the former."""

import json
import time
from dataclasses import dataclass
from typing import Any

from ..config import ModelConfig
from ..errors import VoiceError
from ..files import whole_file
from ..prompt import supported_speakers
from ..voice import VoiceClonePromptItem
from ..voice_store import VoiceStore
from .models import Models
from .names import plain, speaker_for
from .refusals import Refusal

NOTES = ".json"  # beside the voice's own file: what its maker said of it


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved voice: its name, when it was made (seconds since 1970), the size of its file, and what its maker said of it."""

    name: str
    created: float
    size: int
    notes: dict[str, Any]


class Voices:
    """Names -> voices.

    Args:
        models: of the server.
        store: the directory, shared with other processes.
    """

    def __init__(self, models: Models, store: VoiceStore) -> None:
        self._models, self.store = models, store

    def speakers(self) -> list[str]:
        """Preset speakers of all models, sorted."""
        return sorted({name for offer in self._models.offers.values() for name in supported_speakers(offer.config)})

    def names(self) -> list[str]:
        """All that a request can name, but for the names of hosted services."""
        saved = self.store.names() if "base" in self._models.kinds() else []
        return self.speakers() + [name for name in saved if name not in self.speakers()]

    def is_default(self, name: str | None) -> bool:
        """Whether a client leaves the voice to the server."""
        return name is None or plain(name) in ("", "default", "auto")

    def is_saved(self, name: str) -> bool:
        """Whether there is a saved voice of this name."""
        try:
            return self.store.path(name).exists()
        except VoiceError:
            return False

    def kind(self, name: str | None, instruct: str | None) -> str:
        """The kind of model that a voice needs, of those that are here."""
        kinds = self._models.kinds()
        if not self.is_default(name):
            assert name is not None
            if plain(name) not in self.speakers() and self.is_saved(name):
                return "base"
            if "custom_voice" not in kinds and "base" in kinds and not (instruct and "voice_design" in kinds):
                return "base"
        order = ("custom_voice", "voice_design", "base") if instruct or kinds != ["base"] else ("base",)
        return next(kind for kind in order if kind in kinds)

    def speaker(self, config: ModelConfig, name: str | None) -> str:
        """A model's speaker by its name, or the one that a name of a hosted service means.

        Raises:
            Refusal: no such voice; the message lists those there are.
        """
        speakers = supported_speakers(config)
        if self.is_default(name):
            return next(iter(config.talker_config.spk_id))
        assert name is not None
        if plain(name) in speakers:
            return plain(name)
        found = None if self.is_saved(name) else speaker_for(name, speakers)
        if found is None:
            raise self._unknown(name)
        return found

    def saved(self, name: str | None) -> tuple[str, VoiceClonePromptItem]:
        """A saved voice, by its name.

        Raises:
            Refusal: none was named, or there is no such voice.
            VoiceError: its file is damaged.
        """
        if name is None or not self.is_saved(name):
            message = "Base task requires 'ref_audio' or 'speaker_embedding' for voice cloning, or the name of a saved voice"
            given = "" if self.is_default(name) else f", which {name[:80]!r} is not" if name else ""
            raise Refusal(400, f"{message}{given}; saved are: {', '.join(self.store.names()) or 'none'}", "voice")
        return self.store.path(name).stem, self.store.load(name)

    def known(self, name: str) -> None:
        """Raises Refusal for a name that nothing is called by."""
        if plain(name) not in self.speakers() and not self.is_saved(name) and speaker_for(name, ["any"]) is None:
            raise self._unknown(name)

    def save(self, name: str, voice: VoiceClonePromptItem, notes: dict[str, Any], replace: bool = False) -> Saved:
        """Keeps a voice. Its notes are written second: a voice without notes is whole, notes without a voice are none.

        Raises:
            Refusal: 409, the name is taken.
            VoiceError: the name is not legal, or nothing can be written.
        """
        self.free(name, replace)
        try:
            path = self.store.save(name, voice, replace)
        except VoiceError:
            self.free(name, replace)  # somebody else was faster
            raise
        with whole_file(path.with_suffix(NOTES)) as partial:
            partial.write_text(json.dumps(notes, ensure_ascii=False), "utf-8")
        return self.about(path.stem)

    def free(self, name: str, replace: bool = False) -> None:
        """Raises Refusal (409) for a name that is taken, or a speaker's; VoiceError for one that is not legal."""
        taken = self.store.path(name).exists() and not replace
        if taken or plain(name) in self.speakers():
            raise Refusal(409, f"there is a voice {name[:80]!r}; delete it, or choose another name", "name")

    def about(self, name: str) -> Saved:
        """What is known of a saved voice.

        Raises:
            Refusal: 404, there is none of this name (any more).
        """
        try:
            path = self.store.path(name)
            status = path.stat()
        except (VoiceError, OSError):
            raise Refusal(
                404, f"no voice is called {name[:80]!r}; saved are: {', '.join(self.store.names()) or 'none'}"
            ) from None
        try:
            notes = json.loads(path.with_suffix(NOTES).read_text("utf-8"))
        except (OSError, ValueError):
            notes = {}
        made = notes.get("created")
        return Saved(path.stem, made if isinstance(made, int | float) else status.st_mtime, status.st_size, notes)

    def all(self) -> list[Saved]:
        """All saved voices, the oldest first."""
        found = []
        for name in self.store.names():
            try:
                found.append(self.about(name))
            except Refusal:  # deleted just now
                continue
        return sorted(found, key=lambda voice: (voice.created, voice.name))

    def delete(self, name: str) -> Saved:
        """Deletes a saved voice; gives what was known of it.

        Raises:
            Refusal: 404, there is none of this name.
        """
        voice = self.about(name)
        try:
            self.store.delete(name)
        except VoiceError as error:
            raise Refusal(404, str(error)) from None
        self.store.path(name).with_suffix(NOTES).unlink(missing_ok=True)
        return voice

    def _unknown(self, name: str) -> Refusal:
        legal = ", ".join(self.names()) or "none until one is made with POST /v1/audio/voices"
        more = "names of OpenAI's and Model Studio's voices are understood, too" if self.speakers() else ""
        return Refusal(400, f"Invalid voice {name[:80]!r}. Supported: {legal}" + (f"; {more}" if more else ""), "voice")


def now() -> float:
    """The time that notes give."""
    return round(time.time(), 3)
