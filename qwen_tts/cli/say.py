"""`qwen-tts say`: text to a file, or to a pipe while it is made."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import OptionError, TextError

if TYPE_CHECKING:
    from ..model import Qwen3TTSModel
    from ..stream import AudioChunk

Text = Annotated[str | None, typer.Argument(help='What to say; "-" reads it from standard input.', show_default=False)]
File = Annotated[Path | None, typer.Option("--file", "-f", help="Read the text from a file.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="A .wav, .flac, .mp3, .ogg or .opus file.")]
StreamTo = Annotated[
    str | None, typer.Option(help='"-": raw PCM (16 bit, little-endian, mono) to standard output as it is made.')
]
Speaker = Annotated[str | None, typer.Option(help="A voice of `qwen-tts voices`; by default the model's first.")]
Language = Annotated[str | None, typer.Option(help="By default the model tells from the text.")]
Instruct = Annotated[str | None, typer.Option(help="How to say it, or (voice design) with what voice.")]
Model = Annotated[str, typer.Option(help='"tiny", the built-in model, or a model directory.')]
Device = Annotated[str, typer.Option(help='"cpu", "cuda:0", or "auto": a GPU if there is one.')]
Seed = Annotated[int | None, typer.Option(help="The same seed gives the same speech.")]
Temperature = Annotated[float | None, typer.Option(help="Above 1 livelier, below calmer.")]
TopK = Annotated[int | None, typer.Option(help="Choose among the k likeliest codes; 0: among all.")]
TopP = Annotated[float | None, typer.Option(help="Choose among the likeliest codes of this total probability.")]
Penalty = Annotated[float | None, typer.Option(help="Above 1 shuns codes that were used before.")]
MaxNewTokens = Annotated[int | None, typer.Option(help="The most frames to make, plus one.")]


def say(
    text: Text = None,
    file: File = None,
    output: Output = None,
    stream_to: StreamTo = None,
    speaker: Speaker = None,
    language: Language = None,
    instruct: Instruct = None,
    model: Model = "tiny",
    device: Device = "auto",
    seed: Seed = None,
    temperature: Temperature = None,
    top_k: TopK = None,
    top_p: TopP = None,
    repetition_penalty: Penalty = None,
    max_new_tokens: MaxNewTokens = None,
) -> None:
    """Speak a text."""
    if output is None and stream_to is None:
        raise OptionError("say where the speech goes: -o FILE, or --stream-to -")
    if stream_to not in (None, "-"):
        raise OptionError(f"--stream-to takes only - (standard output), not {stream_to!r}; for a file use -o")
    if stream_to is not None and sys.stdout.isatty():
        raise OptionError("--stream-to - writes raw samples; pipe them into a player: ... | aplay -f S16_LE -r 24000")
    said = _read(text, file)
    from ..audio import check_output, write_audio  # after what can fail at once

    if output is not None:
        check_output(output)
    started = time.perf_counter()
    from ..model import Qwen3TTSModel

    loaded = Qwen3TTSModel.from_pretrained(model, device_map=device)
    ready = time.perf_counter()
    options = {
        "seed": seed, "temperature": temperature, "top_k": top_k, "top_p": top_p,
        "repetition_penalty": repetition_penalty, "max_new_tokens": max_new_tokens,
    }  # fmt: skip
    chunks = _stream(loaded, said, speaker, language, instruct, options)
    samples, first, reason = _listen(chunks, raw=stream_to is not None)
    spent = time.perf_counter() - ready
    if output is not None:
        write_audio(output, samples, loaded.sample_rate)
    _report(len(samples) / loaded.sample_rate, first - ready, spent, ready - started, reason, output)


def _read(text: str | None, file: Path | None) -> str:
    """The text to say, from wherever it is."""
    if (text is None) == (file is None):
        raise TextError('give the text once: as an argument, with --file, or as "-" for standard input')
    try:
        if file is not None:
            return file.read_text("utf-8-sig")
        return sys.stdin.buffer.read().decode("utf-8-sig") if text == "-" else str(text)
    except UnicodeDecodeError as error:
        raise TextError(f"the text is not UTF-8 ({error})") from None
    except OSError as error:
        raise TextError(f"cannot read {file or 'standard input'}: {error.strerror}") from None


def _stream(
    model: "Qwen3TTSModel", text: str, speaker: str | None, language: str | None, instruct: str | None, options: Any
) -> "Iterator[AudioChunk]":
    kind = model.config.tts_model_type
    if kind == "custom_voice":
        return model.stream_custom_voice(
            text, speaker or next(iter(model.config.talker_config.spk_id)), language, instruct, **options
        )
    if kind == "base":
        raise OptionError("a base model speaks with the voice of a recording: use generate_voice_clone in Python")
    if speaker is not None:
        raise OptionError("a voice design model has no speakers: describe the voice with --instruct")
    if instruct is None:
        raise OptionError("a voice design model needs a description of the voice: --instruct")
    return model.stream_voice_design(text, instruct, language, **options)


def _listen(chunks: "Iterator[AudioChunk]", raw: bool) -> tuple[Any, float, str]:
    """Takes the speech as it is made: all samples, when the first came, and why it ended."""
    import numpy as np

    from ..audio import pcm16

    parts, first, reason = [], 0.0, ""
    with _progress() as advance:
        for chunk in chunks:
            first = first or time.perf_counter()
            parts.append(chunk.samples)
            if raw:
                sys.stdout.buffer.write(pcm16(chunk.samples))
                sys.stdout.buffer.flush()
            advance(len(chunk.samples) / chunk.rate)
            reason = chunk.finish_reason or ""
    return np.concatenate(parts), first, reason


@contextmanager
def _progress() -> Iterator[Callable[[float], object]]:
    """A bar of seconds spoken, on a terminal only."""
    if not sys.stderr.isatty():
        yield lambda seconds: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("speaking"), BarColumn(), TextColumn("{task.completed:.1f} s of audio in"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("speaking", total=None)
        yield lambda seconds: bar.advance(task, seconds)


def _report(seconds: float, first: float, spent: float, loading: float, reason: str, output: Path | None) -> None:
    """The last line, on standard error: standard output belongs to the audio."""
    name = f"{output}: " if output is not None else ""
    factor = f"{spent / seconds:.2f}" if seconds else "-"
    ended = reason if reason == "eos" else f"{reason} (it may be cut off)"
    line = (
        f"{name}{seconds:.2f} s of audio, first after {first:.2f} s, RTF {factor}, loaded in {loading:.2f} s, ended by {ended}"
    )
    typer.echo(line, err=True)
