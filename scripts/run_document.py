"""Runs the Python that a document shows, cut out of its text: does what others have written about the package still work?

Only model names, URLs and devices are replaced. Snippets run in order and in one namespace, as a reader would type them.

Code need not be fenced or indented, since text that was copied from a page often lost both:
    a snippet  lines without prose between them, each part of a statement: an import, an assignment, a call of something with
               a dot, a loop and the like
    a body     after a line that ends with a colon and is not followed by indentation: all to the end of the snippet
"""

import argparse
import ast
import functools
import json
import os
import re
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

LONGEST = 60  # lines of one statement
BEGINNING = re.compile(
    r"import \w|from [\w.]+ import|[\w.\[\], ]+ [+|]?= |\w+(\.\w+)+\(|print\(|(async )?(for|with|def) |(if|while|try|class)\b|@"
)
KINDS = ("CustomVoice", "VoiceDesign", "Base", "Tokenizer-12Hz")  # how the names of released models end
SPEAKERS = "vivian serena uncle_fu dylan eric ryan aiden ono_anna sohee".split()  # of the released models


def snippets(text: str) -> list[str]:
    """The Python of a text, each snippet as it can be run."""
    lines, found, current = text.splitlines(), [], []
    place = 0
    while place < len(lines):
        if length := _statement(lines[place:]):
            current += lines[place : place + length]
            place += length
            continue
        if not (current and (not lines[place].strip() or lines[place].startswith("#"))):
            found, current = found + [current] * bool(current), []
        elif lines[place].strip():
            current.append(lines[place])
        place += 1
    return [_indented(snippet) for snippet in found + [current] * bool(current)]


def _statement(lines: Sequence[str]) -> int:
    """How many lines at the start make a statement; 0 if it is prose. A line that opens a block counts by itself."""
    first = lines[0]
    if not BEGINNING.match(first.lstrip()):
        return 0
    if first.rstrip().endswith(":"):
        return int(_parses(f"{first.strip()}\n pass"))
    return next((n for n in range(1, min(LONGEST, len(lines)) + 1) if _parses("\n".join(lines[:n]).strip())), 0)


def _parses(code: str) -> bool:
    try:
        ast.parse(code)
    except SyntaxError:
        return False
    return True


def _indented(lines: list[str]) -> str:
    out, depth = [], 0
    for number, line in enumerate(lines):
        out.append(" " * 4 * depth + line)
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if line.rstrip().endswith(":") and _parses(f"{line.strip()}\n pass") and not following.startswith((" ", "\t")):
            depth += 1
    return "\n".join(out)


def substituted(code: str, models: Mapping[str, str], url: str, device: str) -> str:
    """The code with other model names (by their ending), URLs and devices in its strings."""
    for kind, path in models.items():
        code = re.sub(rf"""(["'])Qwen/[\w.-]+-{kind}\1""", lambda _, path=path: repr(path), code)
    code = re.sub(r"""(["'])https?://[^"'\s]+\1""", lambda _: repr(url), code)
    return re.sub(r"""(["'])cuda(:\d+)?\1""", lambda _: repr(device), code)


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serves a folder on this machine's own address while the block runs; gives the URL of its root."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def write_miniatures(folder: Path) -> tuple[dict[str, str], Path]:
    """Models with random weights under the official names of kinds and speakers, and a recording.

    They hardly ever stop by themselves: a designed voice must last as long as its text would take to say.
    """
    sys.path.insert(0, str(Path(__file__).parent.parent))
    import numpy as np
    import soundfile
    from safetensors.torch import load_file, save_file

    from tests import miniature

    for kind in miniature.KINDS:
        model = miniature.write_model(folder / kind, kind)
        config = json.loads((model / "config.json").read_text("utf-8"))
        talker = config["talker_config"]
        for place, speaker in enumerate(SPEAKERS if talker["spk_id"] else ()):
            talker["spk_id"][speaker], talker["spk_is_dialect"][speaker] = 83 + place, False
        (model / "config.json").write_text(json.dumps(config), "utf-8")
        weights = load_file(model / "model.safetensors")
        weights["talker.codec_head.weight"][talker["codec_eos_token_id"]] = 0
        save_file(weights, model / "model.safetensors")
    recording = folder / "recording.wav"
    soundfile.write(recording, 0.1 * np.random.default_rng(0).standard_normal(10 * 24_000), 24_000)
    found = dict(zip(KINDS, ("custom_voice", "voice_design", "base", "base/speech_tokenizer"), strict=True))
    return {kind: str(folder / path) for kind, path in found.items()}, recording


def run(codes: Sequence[str], out: Path) -> int:
    """Runs the snippets in a folder; tells of each, and gives the number of those that failed."""
    namespace: dict[str, Any] = {"__name__": "__document__"}
    before, failed = Path.cwd(), 0
    os.chdir(out)
    try:
        for number, code in enumerate(codes, 1):
            title = code.splitlines()[ast.parse(code).body[-1].lineno - 1]
            try:
                exec(compile(code, f"snippet {number}", "exec"), namespace)
                print(f"ok      {number}  {title}")
            except BaseException as error:  # whatever it is: the document's code failed
                if isinstance(error, KeyboardInterrupt):
                    raise
                failed += 1
                print(f"failed  {number}  {title}\n{traceback.format_exc()}\n{code}")
    finally:
        os.chdir(before)
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("document", type=Path)
    for kind in KINDS:
        parser.add_argument(f"--{kind.lower()}", metavar="MODEL", help=f"instead of names that end with {kind}")
    parser.add_argument("--miniature", action="store_true", help="all of these, and the recording, made up with random weights")
    parser.add_argument("--audio", type=Path, help="a recording to be served instead of what URLs lead to")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, help="a folder to run in; by default one that is removed afterwards")
    parser.add_argument("--show", action="store_true", help="print the snippets and run nothing")
    options = parser.parse_args()
    found = snippets(options.document.read_text("utf-8"))
    given = {kind: getattr(options, kind.lower().replace("-", "_")) for kind in KINDS}
    models = {kind: path for kind, path in given.items() if path}
    with tempfile.TemporaryDirectory() as empty:
        audio = options.audio.resolve() if options.audio else Path(empty, "missing.wav")
        if options.miniature:
            models, audio = write_miniatures(Path(empty, "miniatures"))
        with serve(audio.parent) as address:
            codes = [substituted(code, models, f"{address}/{audio.name}", options.device) for code in found]
            if options.show:
                print("\n\n".join(f"# ---- {number}\n{code}" for number, code in enumerate(codes, 1)))
                return 0
            failed = run(codes, options.out or Path(empty))
    print(f"{len(codes) - failed} of {len(codes)} snippets ran")
    return int(failed > 0 or not codes)


if __name__ == "__main__":
    sys.exit(main())
