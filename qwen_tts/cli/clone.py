"""`qwen-tts clone`: a text in the voice of a recording, or in a saved voice."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import OptionError
from .speech import Speech, read_text, speaks

if TYPE_CHECKING:
    from ..model import Qwen3TTSModel
    from ..stream import AudioChunk

Model = Annotated[str, typer.Option(help="A base model: its directory or its name on a hub.")]
Audio = Annotated[str | None, typer.Option(help="The recording: a file or a URL, 0.3 to 60 s.")]
RefText = Annotated[str | None, typer.Option(help="What is said in the recording.")]
RefTextFile = Annotated[Path | None, typer.Option(help="A file that holds what is said in the recording.")]
XVectorOnly = Annotated[
    bool, typer.Option("--x-vector-only", help="Take only the sound of the voice: needs no transcript, follows it less.")
]
VoicesDir = Annotated[Path | None, typer.Option(help="Where voices are kept; by default with the data of your programs.")]
Voice = Annotated[str | None, typer.Option(help="A voice of `qwen-tts voice list`, or the path of a voice's file.")]


@speaks
def clone(
    speech: Speech,
    model: Model,
    audio: Audio = None,
    ref_text: RefText = None,
    ref_text_file: RefTextFile = None,
    x_vector_only: XVectorOnly = False,
    voice: Voice = None,
    voices_dir: VoicesDir = None,
) -> None:
    """Speak a text in the voice of a recording."""
    said = speech.words()
    if (audio is None) == (voice is None):
        raise OptionError("give the voice once: --audio FILE with --ref-text, or --voice NAME")
    if voice is not None and (ref_text is not None or ref_text_file is not None or x_vector_only):
        raise OptionError("--voice knows its transcript and its mode: leave out --ref-text and --x-vector-only")
    transcript = read_transcript(ref_text, ref_text_file, x_vector_only) if audio is not None else None
    recording = None if audio is None else read_recording(audio)
    saved = None
    if voice is not None:
        from ..voice_store import VoiceStore

        saved = VoiceStore(voices_dir).resolve(voice)

    def begin(loaded: "Qwen3TTSModel", text: str, options: dict[str, Any]) -> "Iterator[AudioChunk]":
        if saved is not None:
            return loaded.stream_voice_clone(text, voice_clone_prompt=saved, **options)
        return loaded.stream_voice_clone(
            text, ref_audio=recording, ref_text=transcript, x_vector_only_mode=x_vector_only, **options
        )

    speech.speak(model, said, begin)


def read_recording(audio: str) -> Any:
    """A recording to clone, before a model is loaded. Raises AudioError where it cannot be read."""
    from ..audio import load_audio
    from ..reference import MAX_SECONDS

    return load_audio(audio, max_seconds=MAX_SECONDS)


def read_transcript(text: str | None, file: Path | None, x_vector_only: bool) -> str | None:
    """What is said in a recording; it may be left out where only the speaker vector is used.

    Raises:
        TextError: it is missing, given twice, or cannot be read.
    """
    if text is None and file is None and x_vector_only:
        return None
    return read_text(text, file, "transcript", "as an option or as a file of text; or take --x-vector-only")
