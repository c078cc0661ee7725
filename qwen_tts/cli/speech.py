"""What all commands that speak share: their options, and the way from a text to a file or a pipe."""

import functools
import inspect
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import AudioError, OptionError, TextError

if TYPE_CHECKING:
    from ..model import Qwen3TTSModel
    from ..stream import AudioChunk

Model = Annotated[str, typer.Option(help='"tiny", the built-in model; a directory; or a name on a hub.')]
Text = Annotated[str | None, typer.Argument(help='What to say; "-" reads it from standard input.', show_default=False)]
File = Annotated[Path | None, typer.Option("--file", "-f", help="Read the text from a file.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="A .wav, .flac, .mp3, .ogg or .opus file.")]
StreamTo = Annotated[
    str | None, typer.Option(help='"-": raw PCM (16 bit, little-endian, mono) to standard output as it is made.')
]
Language = Annotated[str | None, typer.Option(help="By default the model tells from the text.")]
Device = Annotated[str, typer.Option(help='"cpu", "cuda:0", or "auto": a GPU if there is one.')]
EngineName = Annotated[
    str, typer.Option("--engine", help='"auto", "eager", "cpu-int8", "cpu-int6", "cpu-int4", "cpu-fp32" or "cuda-graph".')
]
Seed = Annotated[int | None, typer.Option(help="The same seed gives the same speech.")]
Temperature = Annotated[float | None, typer.Option(help="Above 1 livelier, below calmer.")]
TopK = Annotated[int | None, typer.Option(help="Choose among the k likeliest codes; 0: among all.")]
TopP = Annotated[float | None, typer.Option(help="Choose among the likeliest codes of this total probability.")]
Penalty = Annotated[float | None, typer.Option(help="Above 1 shuns codes that were used before.")]
MaxNewTokens = Annotated[int | None, typer.Option(help="The most frames to make, plus one.")]
Speed = Annotated[float, typer.Option(help="0.5 to 2, at the same pitch.")]
ReadOut = Annotated[
    bool | None,
    typer.Option("--reading/--no-reading", help="Write out numbers, obey [pause:1s] and SSML, speak long texts in pieces."),
]

Begin = Callable[["Qwen3TTSModel", str, dict[str, Any]], "Iterator[AudioChunk]"]


@dataclass(frozen=True, slots=True)
class Speech:
    """The shared options, as the user gave them."""

    text: Text = None
    file: File = None
    output: Output = None
    stream_to: StreamTo = None
    language: Language = None
    device: Device = "auto"
    engine: EngineName = "auto"
    seed: Seed = None
    temperature: Temperature = None
    top_k: TopK = None
    top_p: TopP = None
    repetition_penalty: Penalty = None
    max_new_tokens: MaxNewTokens = None
    speed: Speed = 1.0
    reading: ReadOut = None

    def words(self, keeps: bool = False) -> str:
        """The text to say, after all that can fail at once was looked at; `keeps`: the speech is put elsewhere, too.

        Raises:
            OptionError, TextError, AudioError: there is nowhere to put the speech, or no text.
        """
        if self.output is None and self.stream_to is None and not keeps:
            raise OptionError("say where the speech goes: -o FILE, or --stream-to -")
        if self.stream_to not in (None, "-"):
            raise OptionError(f"--stream-to takes only - (standard output), not {self.stream_to!r}; for a file use -o")
        if self.stream_to is not None and sys.stdout is None:
            raise OptionError("--stream-to - writes to standard output, which is closed; for a file use -o")
        if self.stream_to is not None and sys.stdout.isatty():
            raise OptionError("--stream-to - writes raw samples; pipe them into a player: ... | aplay -f S16_LE -r 24000")
        how = 'as an argument (behind -- if it begins with a dash), with --file, or as "-" for standard input'
        said = read_text(self.text, self.file, "text", how)
        from ..audio import check_output

        if self.output is not None:
            check_output(self.output)
        return said

    def speak(self, model: str, said: str, begin: Begin, keeps: str = "") -> tuple[Any, int]:
        """Loads the model and speaks to where the user said; gives all samples and their rate, too.

        Args:
            model: its name or directory.
            said: from `words`.
            begin: starts the speech, given the model, the text and keywords.
            keeps: what is made of the speech afterwards, if that is not a file only.
        """
        started = time.perf_counter()
        from ..audio import write_audio
        from ..model import Qwen3TTSModel

        loaded = Qwen3TTSModel.from_pretrained(model, device_map=self.device, engine=self.engine)
        ready = time.perf_counter()
        sampling = ("seed", "temperature", "top_k", "top_p", "repetition_penalty", "max_new_tokens")
        options = {name: getattr(self, name) for name in ("language", *sampling, "speed", "reading")}
        chunks = begin(loaded, said, options)
        samples, first, reason = _listen(chunks, self.stream_to is not None, str(self.output or keeps))
        spent = time.perf_counter() - ready
        if self.output is not None:
            write_audio(self.output, samples, loaded.sample_rate)
        _report(len(samples) / loaded.sample_rate, first - ready, spent, ready - started, reason, self.output)
        return samples, loaded.sample_rate


def speaks(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the options of `Speech`; it gets them as one argument, `speech`."""
    shared = {field.name: field for field in fields(Speech)}

    @functools.wraps(command)
    def run(**given: Any) -> None:
        speech = Speech(**{name: given.pop(name) for name in shared})
        command(**given, speech=speech)

    own = [p for p in inspect.signature(command).parameters.values() if p.name != "speech"]
    kind = inspect.Parameter.KEYWORD_ONLY
    both = [p.replace(kind=kind) for p in own]
    both += [inspect.Parameter(f.name, kind, default=f.default, annotation=f.type) for f in shared.values()]
    run.__signature__ = inspect.Signature(both)  # type: ignore[attr-defined]  # what typer reads
    run.__annotations__ = {p.name: p.annotation for p in both}
    return run


def read_text(text: str | None, file: Path | None, what: str, how: str) -> str:
    """A text from wherever it is: the argument, a file, or standard input; `what` it is and `how` to give it are for errors.

    Raises:
        TextError: it was given twice or never, or cannot be read.
    """
    if (text is None) == (file is None):
        raise TextError(f"give the {what} once: {how}")
    if text == "-" and sys.stdin is None:
        raise TextError(f"cannot read the {what}: standard input is closed; give it {how}")
    try:
        if file is not None:
            return file.read_text("utf-8-sig")
        return sys.stdin.buffer.read().decode("utf-8-sig") if text == "-" else str(text)
    except UnicodeDecodeError as error:
        raise TextError(f"the {what} is not UTF-8 ({error})") from None
    except OSError as error:
        raise TextError(f"cannot read {file or 'standard input'}: {error.strerror}") from None


def _listen(chunks: "Iterator[AudioChunk]", raw: bool, into: str) -> tuple[Any, float, str]:
    """Takes the speech as it is made: all samples, when the first came, and why it ended.

    `raw` samples go to standard output, until its reader leaves; for what it is kept in, `into`, the speech then goes on.
    """
    import numpy as np

    from ..audio import pcm16

    parts, first, reason = [], 0.0, ""
    with _progress() as advance:
        for chunk in chunks:
            first = first or time.perf_counter()
            parts.append(chunk.samples)
            try:
                if raw:
                    _send(pcm16(chunk.samples))
            except BrokenPipeError:
                if not into:
                    raise
                raw = False
                warnings.warn(f"standard output was closed; the speech goes on into {into}", stacklevel=1)
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is flushed at the end
            advance(len(chunk.samples) / chunk.rate)
            reason = chunk.finish_reason or ""
    return np.concatenate(parts), first, reason


def _send(samples: bytes) -> None:
    """Raw samples to standard output. BrokenPipeError passes: whoever listened has left, and that is no error of ours.

    Raises:
        AudioError: it takes no more.
    """
    try:
        sys.stdout.buffer.write(samples)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise AudioError(f"cannot write to standard output: {error.strerror}") from None


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
