"""`qwen-tts design`: a text in a voice made up from a description, and that voice kept for other texts."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import OptionError
from .clone import VoicesDir
from .speech import Speech, speaks

if TYPE_CHECKING:
    from ..model import Qwen3TTSModel
    from ..stream import AudioChunk

Model = Annotated[str, typer.Option(help="A voice design model: built in, its directory or its name on a hub.")]
Instruct = Annotated[str, typer.Option(help='The voice in words: "An old man with a deep, tired voice."')]
SaveVoice = Annotated[str | None, typer.Option(help="Keep the voice under this name, for `qwen-tts clone --voice`.")]
CloneModel = Annotated[str | None, typer.Option(help="The base model that the kept voice is for.")]
Replace = Annotated[bool, typer.Option("--replace", help="Take the place of a voice of that name.")]


@speaks
def design(
    speech: Speech,
    instruct: Instruct,
    model: Model = "tiny-voice-design",
    save_voice: SaveVoice = None,
    clone_model: CloneModel = None,
    voices_dir: VoicesDir = None,
    replace: Replace = False,
) -> None:
    """Speak a text in a voice made up from a description."""
    from ..arguments import instruction

    said = speech.words(keeps=save_voice is not None)
    if instruction(instruct) is None:
        raise OptionError("a voice is made up from a description, and --instruct is blank: say what voice it is to be")
    if (save_voice is None) != (clone_model is None):
        raise OptionError("--save-voice NAME and --clone-model DIR go together: a kept voice is for a base model")
    if save_voice is not None and clone_model is not None:
        _check(save_voice, clone_model, voices_dir, replace)

    def begin(loaded: "Qwen3TTSModel", text: str, options: dict[str, Any]) -> "Iterator[AudioChunk]":
        return loaded.stream_voice_design(text, instruct, **options)

    samples, rate = speech.speak(model, said, begin, f"the voice {save_voice!r}" if save_voice is not None else "")
    if save_voice is None or clone_model is None:
        return
    from ..model import Qwen3TTSModel

    base = Qwen3TTSModel.from_pretrained(clone_model, device_map=speech.device, engine=speech.engine, voices_dir=voices_dir)
    (voice,) = base.create_voice_clone_prompt((samples, rate), said)
    typer.echo(f"{base.voices.save(save_voice, voice, replace)}: the voice {save_voice!r}", err=True)


def _check(name: str, model: str, voices_dir: Any, replace: bool) -> None:
    """What would be wrong with the voice only after the speech was made."""
    from ..config import ModelConfig
    from ..resolve import resolve
    from ..voice_store import VoiceStore

    VoiceStore(voices_dir).free(name, replace)
    kind = ModelConfig.of(model, resolve(model)).tts_model_type
    if kind != "base":
        raise OptionError(f"--clone-model is a {kind} model; a voice is kept for a base model")
