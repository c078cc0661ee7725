"""`qwen-tts say`: text to a file, or to a pipe while it is made."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import OptionError
from .speech import Model, Speech, speaks

if TYPE_CHECKING:
    from ..model import Qwen3TTSModel
    from ..stream import AudioChunk

Speaker = Annotated[str | None, typer.Option(help="A voice of `qwen-tts voices`; by default the model's first.")]
Instruct = Annotated[str | None, typer.Option(help="How to say it, or (voice design) with what voice.")]


@speaks
def say(speech: Speech, speaker: Speaker = None, instruct: Instruct = None, model: Model = "tiny") -> None:
    """Speak a text with a preset voice, or with one described by --instruct."""

    def begin(loaded: "Qwen3TTSModel", text: str, options: dict[str, Any]) -> "Iterator[AudioChunk]":
        from ..arguments import instruction

        kind = loaded.config.tts_model_type
        if kind == "custom_voice":
            name = speaker or next(iter(loaded.config.talker_config.spk_id))
            return loaded.stream_custom_voice(text, name, instruct=instruct, **options)
        if kind == "base":
            raise OptionError("a base model speaks with the voice of a recording: use qwen-tts clone")
        if speaker is not None:
            raise OptionError("a voice design model has no speakers: describe the voice with --instruct")
        if (wish := instruction(instruct)) is None:
            raise OptionError("a voice design model needs a description of the voice: --instruct")
        return loaded.stream_voice_design(text, wish, **options)

    speech.speak(model, speech.words(), begin)
