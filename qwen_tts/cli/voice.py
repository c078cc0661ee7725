"""`qwen-tts voice`: voices from recordings, kept under names."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import VoiceError
from .clone import Model, RefText, RefTextFile, VoicesDir, XVectorOnly, read_recording, read_transcript

if TYPE_CHECKING:
    from ..voice import VoiceClonePromptItem

voice = typer.Typer(no_args_is_help=True, help="Make voices from recordings, and keep them under names.")

Name = Annotated[str, typer.Argument(help="The voice's name; upper and lower case are the same.")]
Audio = Annotated[str, typer.Option(help="The recording: a file or a URL, 0.3 to 60 s; 5 to 15 s are best.")]
Device = Annotated[str, typer.Option(help='"cpu", "cuda:0", or "auto": a GPU if there is one.')]
Replace = Annotated[bool, typer.Option("--replace", help="Take the place of a voice of that name.")]


@voice.command()
def create(
    name: Name,
    audio: Audio,
    model: Model,
    text: RefText = None,
    text_file: RefTextFile = None,
    x_vector_only: XVectorOnly = False,
    device: Device = "auto",
    voices_dir: VoicesDir = None,
    replace: Replace = False,
) -> None:
    """Make a voice from a recording and its transcript."""
    said = read_transcript(text, text_file, x_vector_only)
    from ..voice_store import VoiceStore

    VoiceStore(voices_dir).free(name, replace)  # before the model is loaded
    recording = read_recording(audio)
    from ..model import Qwen3TTSModel

    base = Qwen3TTSModel.from_pretrained(model, device_map=device, voices_dir=voices_dir)
    (item,) = base.create_voice_clone_prompt(recording, said, x_vector_only)
    typer.echo(f"{base.voices.save(name, item, replace)}: {_line(item)}", err=True)


@voice.command(name="list")
def list_voices(voices_dir: VoicesDir = None) -> None:
    """List all voices, damaged ones included."""
    from ..voice_store import VoiceStore

    store = VoiceStore(voices_dir)
    names = store.names()
    typer.echo(f"voices in {store.directory}:" + ("" if names else " none"))
    for name in names:
        try:
            about = _line(store.load(name))
        except VoiceError as error:
            about = f"cannot be used: {error}"
        typer.echo(f"  {name}: {about}")


@voice.command()
def show(name: Name, voices_dir: VoicesDir = None) -> None:
    """Tell what is known of a voice; the name may be the path of a voice's file."""
    from ..voice_store import VoiceStore

    for item in VoiceStore(voices_dir).resolve(name):
        typer.echo(_line(item))
        for key, value in (item.made_with or {}).items():
            typer.echo(f"  {key.replace('_', ' ')}: {value}")
        if item.ref_text is not None:
            typer.echo(f"  transcript: {item.ref_text}")


@voice.command()
def delete(name: Name, voices_dir: VoicesDir = None) -> None:
    """Delete a voice."""
    from ..voice_store import VoiceStore

    VoiceStore(voices_dir).delete(name)


@voice.command(name="import")
def import_voices(
    file: Annotated[Path, typer.Argument(help="A .safetensors of `export`, or a .pt of the official demo.")],
    name: Annotated[str | None, typer.Option(help="By default the file's name; of several voices -1, -2 ... is added.")] = None,
    voices_dir: VoicesDir = None,
    replace: Replace = False,
) -> None:
    """Take in the voices of a file. Nothing in the file is run."""
    from ..voice_store import VoiceStore

    store = VoiceStore(voices_dir)
    items = store.resolve(file)
    given = file.stem if name is None else name
    names = [given] if len(items) == 1 else [f"{given}-{i + 1}" for i in range(len(items))]
    for each in names:
        store.free(each, replace)  # all or none
    for each, item in zip(names, items, strict=True):
        typer.echo(f"{store.save(each, item, replace)}: {_line(item)}", err=True)


@voice.command()
def export(
    name: Name,
    output: Annotated[Path, typer.Option("--output", "-o", help="A .safetensors file, or a .pt for the official demo.")],
    voices_dir: VoicesDir = None,
) -> None:
    """Write a voice to a file, to be kept elsewhere or given to someone."""
    from ..voice_store import VoiceStore

    VoiceStore(voices_dir).load(name).save(output)


def _line(item: "VoiceClonePromptItem") -> str:
    mode = "speaker vector alone" if item.ref_code is None else f"{len(item.ref_code)} frames and their transcript"
    maker = (item.made_with or {}).get("model")
    return f"{mode}, {len(item.ref_spk_embedding)} values" + (f", made with {maker}" if maker else "")
