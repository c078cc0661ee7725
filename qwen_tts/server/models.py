"""The models that a server has, which of them a request means, and when each is loaded. Knows names and kinds, no speech."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from ..batching.pool import ModelPool
from ..config import CodecConfig, ModelConfig
from ..errors import BusyError, QwenTTSError
from ..model import Qwen3TTSModel
from ..resolve import BUILT_IN, resolve
from ..text import TextTokenizer
from .logs import log
from .names import model_kind
from .refusals import Refusal

WAITING = 64  # requests at once for models that are being loaded
NEEDS = {
    "custom_voice": "preset voices need a CustomVoice model",
    "voice_design": "a described voice needs a VoiceDesign model",
    "base": "a cloned voice needs a Base model",
}


@dataclass(frozen=True)
class Offer:
    """A model that can be asked for: what is known without its weights, and how to get it.

    Attributes:
        config: its own.
        rate: of its audio, Hz.
        size: bytes of its weights.
        reader: makes its tokenizer.
        load: makes the model; takes long.
    """

    config: ModelConfig
    rate: int
    size: int
    reader: Callable[[], TextTokenizer]
    load: Callable[[], Qwen3TTSModel]

    @cached_property
    def text(self) -> TextTokenizer:
        """For counting tokens, whether the model is loaded or not."""
        return self.reader()


def offer_named(name: str, voices_dir: Path | None, **options: Any) -> Offer:
    """A model by its name or directory; fetched now if it is not here, and loaded later.

    Args:
        name, voices_dir, options: as of `Qwen3TTSModel.from_pretrained`.
    Raises:
        OptionError, DownloadError, ConfigError: there is no such model.
    """
    path = resolve(name)
    codec = path / "speech_tokenizer"
    found = name if name in BUILT_IN else path  # not fetched again
    return Offer(
        ModelConfig.of(name, path),
        CodecConfig.from_file(codec / "config.json").output_sample_rate,
        sum(file.stat().st_size for folder in (path, codec) for file in folder.glob("*.safetensors")),
        partial(TextTokenizer.from_dir, path),
        partial(Qwen3TTSModel.from_pretrained, found, voices_dir=voices_dir, **options),
    )


def offer_loaded(model: Qwen3TTSModel) -> Offer:
    """A model that is there already."""
    return Offer(model.config, model.sample_rate, 0, lambda: model.loaded.text, lambda: model)


class Models:
    """Models by the names that clients use: the whole name on a hub, and its last part.

    Args:
        offers: name -> what it is, in the order in which they are preferred.
        limit: bytes of weights that may be loaded at once, or None. The one that was not used for longest then leaves.
        forget: is told of a model that leaves.
    """

    def __init__(
        self, offers: Mapping[str, Offer], limit: int | None = None, forget: Callable[[Qwen3TTSModel], None] = lambda _: None
    ) -> None:
        self.offers = dict(offers)
        self._short = {name.rpartition("/")[2].casefold(): name for name in reversed(self.offers)}
        self._pool = ModelPool(lambda name: self.offers[name].load(), lambda name: self.offers[name].size, limit, forget)
        self._waiting = ThreadPoolExecutor(WAITING, "loading")  # threads of their own: who needs no loading is not held up

    @property
    def loaded(self) -> list[str]:
        """Names of those whose weights are here."""
        return self._pool.names

    def load(self) -> None:
        """Loads one after the other. With a limit of memory, the last ones stay."""
        for name in self.offers:
            with self._pool.use(name):
                pass

    @asynccontextmanager
    async def use(self, name: str) -> AsyncGenerator[Qwen3TTSModel, None]:
        """A model, loaded if need be, which stays loaded meanwhile.

        Raises:
                BusyError: there is no room for it beside the models that speak.
            Refusal: 500, it cannot be loaded; the log says why.
        """
        model = self._pool.take_if_loaded(name)
        if model is None:
            model = await self._taken(name)
        try:
            yield model
        finally:
            self._pool.give_back(name)

    async def _taken(self, name: str) -> Qwen3TTSModel:
        taking = asyncio.get_running_loop().run_in_executor(self._waiting, self._pool.take, name)
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:  # who loads goes on, for those who ask next
            taking.add_done_callback(lambda done: done.exception() is None and self._pool.give_back(name))
            raise
        except BusyError:
            raise
        except QwenTTSError as error:  # of our files or our network, which are nobody's business
            log("error", 40, model=name, error=str(error))
            raise Refusal(500, f"{name} cannot be loaded; the server's log says why", "model") from error

    def close(self) -> None:
        """Nothing is loaded any more, but for what is being loaded."""
        self._waiting.shutdown(wait=False, cancel_futures=True)

    def named(self, name: str | None) -> str | None:
        """The model that has just this name, in any case; else None."""
        if name in self.offers:
            return name
        return None if name is None else self._short.get(name.rpartition("/")[2].casefold())

    def kind(self, name: str) -> str:
        """custom_voice, voice_design or base."""
        return self.offers[name].config.tts_model_type

    def kinds(self) -> list[str]:
        """Of the models that are here, in order."""
        return list(dict.fromkeys(map(self.kind, self.offers)))

    def first(self, kind: str, why: str | None = None) -> str:
        """The first model of a kind.

        Raises:
            Refusal: 400, there is none; the message says which there are.
        """
        for name in self.offers:
            if self.kind(name) == kind:
                return name
        raise Refusal(400, f"{why or NEEDS[kind]}; this server has {', '.join(self.offers)}", "model")

    def pick(self, name: str | None, kind: str) -> str:
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
        if self.kind(found) == kind:
            return found
        message = f"{NEEDS[kind]}, and {found} is of kind {self.kind(found)}"
        fitting = [name for name in self.offers if self.kind(name) == kind]
        raise Refusal(400, f"{message}; this server has for that: {', '.join(fitting) or 'none'}", "model")

    def check(self, name: str | None) -> None:
        """Raises Refusal (404) for a model that neither is here nor is a name of a hosted service."""
        if name and self.named(name) is None and model_kind(name) is None:
            raise Refusal(
                404, f"the model {name[:100]!r} does not exist; legal are {', '.join(self.offers)}", "model", "model_not_found"
            )
