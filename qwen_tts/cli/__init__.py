"""`qwen-tts`: one file a command. Nothing heavy is imported before a command runs."""

import errno
import warnings
from typing import Any

import typer
from typer.core import TyperGroup

from ..errors import QwenTTSError
from .batch import batch
from .bench import bench
from .clone import clone
from .codec import codec
from .design import design
from .download import download
from .say import say
from .serve import serve
from .train import train
from .voice import voice
from .voices import voices

BEHIND = 'What begins with a dash and is no option goes behind --, as in: say -- "-5 degrees"'


class Commands(TyperGroup):
    """Turns what a user can cause into one line, and into an exit code: 2 for an error, 130 for an interruption."""

    def invoke(self, ctx: Any) -> Any:
        try:
            with warnings.catch_warnings():
                warnings.showwarning = lambda message, *_: typer.echo(f"qwen-tts: {message}", err=True)
                return super().invoke(ctx)
        except QwenTTSError as error:
            typer.echo(f"qwen-tts: {error}", err=True)
            raise typer.Exit(2) from None
        except OSError as error:  # a full disk, a file that may not be read
            if error.errno == errno.EPIPE:  # typer ends then without a word
                raise
            typer.echo(f"qwen-tts: {error}", err=True)
            raise typer.Exit(2) from None
        except Exception as error:
            # by its name, since this class is elsewhere in each version of typer
            if type(error).__name__ == "NoSuchOption" and not getattr(error, "possibilities", None):
                vars(error)["message"] += f". {BEHIND}"
            raise
        except KeyboardInterrupt:
            typer.echo("qwen-tts: interrupted", err=True)
            raise typer.Exit(130) from None


app = typer.Typer(cls=Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.command()(say)
app.command()(clone)
app.command()(design)
app.command()(voices)
app.command()(download)
app.command()(bench)
app.command()(serve)
app.command()(batch)
app.add_typer(voice, name="voice")
app.add_typer(codec, name="codec")
app.add_typer(train, name="train")


@app.callback()
def main() -> None:
    """Text to speech that streams while it speaks, with a voice that is built in."""
