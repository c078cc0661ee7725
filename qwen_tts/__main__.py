"""`python -m qwen_tts` is `qwen-tts`: what holds for the whole process, before a command is known."""

import os
import sys


def main() -> None:
    """Runs the command line; ends with 130 where it is interrupted before that can say so itself."""
    _replace_closed_streams()
    try:
        from .cli import app

        app()
    except KeyboardInterrupt:
        print("qwen-tts: interrupted", file=sys.stderr)
        sys.exit(130)


def _replace_closed_streams() -> None:
    """Gives standard streams that were closed (`2>&-`) the null device; else the next file that is opened is in their place.

    `sys.stdout` stays None: texts for it are dropped, as was asked for, and raw samples are refused.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115  # for as long as the process


if __name__ == "__main__":
    main()
