"""The models that a server has, and which of them a request means. Knows names and kinds, no speech."""

from collections.abc import Mapping

from ..model import Qwen3TTSModel
from .names import model_kind
from .refusals import Refusal

NEEDS = {
    "custom_voice": "preset voices need a CustomVoice model",
    "voice_design": "a described voice needs a VoiceDesign model",
    "base": "a cloned voice needs a Base model",
}


class Models:
    """Models by the names that clients use: the whole name on a hub, and its last part.

    Args:
        loaded: name -> model, in the order in which they are preferred.
    """

    def __init__(self, loaded: Mapping[str, Qwen3TTSModel]) -> None:
        self.loaded = dict(loaded)
        self._short = {name.rpartition("/")[2].casefold(): name for name in reversed(self.loaded)}

    def named(self, name: str | None) -> str | None:
        """The model that has just this name, in any case; else None."""
        if name in self.loaded:
            return name
        return None if name is None else self._short.get(name.rpartition("/")[2].casefold())

    def kinds(self) -> list[str]:
        """Of the models that are here, in order."""
        return list(dict.fromkeys(model.config.tts_model_type for model in self.loaded.values()))

    def first(self, kind: str, why: str | None = None) -> tuple[str, Qwen3TTSModel]:
        """The first model of a kind.

        Raises:
            Refusal: 400, there is none; the message says which there are.
        """
        for name, model in self.loaded.items():
            if model.config.tts_model_type == kind:
                return name, model
        raise Refusal(400, f"{why or NEEDS[kind]}; this server has {', '.join(self.loaded)}", "model")

    def pick(self, name: str | None, kind: str) -> tuple[str, Qwen3TTSModel]:
        """The model for a request.

        Args:
            name: as the client gave it; a name of a hosted service means any model of the kind.
            kind: that the request needs.
        Raises:
            Refusal: 404, no such model; 400, it is of another kind.
        """
        found = self.named(name)
        if found is None:
            self.check(name)
            return self.first(kind)
        model = self.loaded[found]
        if model.config.tts_model_type == kind:
            return found, model
        message = f"{NEEDS[kind]}, and {found} is of kind {model.config.tts_model_type}"
        fitting = [name for name, model in self.loaded.items() if model.config.tts_model_type == kind]
        raise Refusal(400, f"{message}; this server has for that: {', '.join(fitting) or 'none'}", "model")

    def check(self, name: str | None) -> None:
        """Raises Refusal (404) for a model that neither is here nor is a name of a hosted service."""
        if name and self.named(name) is None and model_kind(name) is None:
            raise Refusal(
                404, f"the model {name[:100]!r} does not exist; legal are {', '.join(self.loaded)}", "model", "model_not_found"
            )
