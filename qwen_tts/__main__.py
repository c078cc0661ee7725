"""`python -m qwen_tts` is `qwen-tts`: what holds for the whole process, before a command is known."""

import sys


def main() -> None:
    """Runs the command line; ends with 130 where it is interrupted before that can say so itself."""
    try:
        from .cli import app

        app()
    except KeyboardInterrupt:
        print("qwen-tts: interrupted", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
