"""What the documents show is run, and their links lead somewhere.

In a fence, the word after the backticks says what is done with it:
    python  run, in an empty folder, all of one file in order and in one namespace
    sh      lines that begin with `qwen-tts`, or pipe into it, are run; of `make TARGET` lines the target must exist
    layout  compared with the code by test_prompt_pictures.py
Anything else (text, pictures, output) is left alone.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("recipes/*/README.md"), *ROOT.glob("examples/*.md")])
FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def fences(page: Path, language: str) -> list[tuple[str, str]]:
    """(rest of the opening line, content) of each fence of a language."""
    return [(words.strip(), code) for kind, words, code in FENCE.findall(page.read_text("utf-8")) if kind == language]


def having(language: str) -> list[Any]:
    return [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES if fences(page, language)]


@pytest.mark.parametrize("page", having("python"))
def test_python_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": "__docs__"}
    for _, code in fences(page, "python"):
        exec(compile(code, str(page), "exec"), namespace)


@pytest.mark.parametrize("page", having("sh"))
def test_commands_run(page, tmp_path, monkeypatch):
    bin_folder = Path(sys.executable).parent
    monkeypatch.setenv("PATH", str(bin_folder), prepend=":")
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for line in "\n".join(code for _, code in fences(page, "sh")).splitlines():
        if target := re.match(r"make (?!-)([\w-]+)", line):
            assert re.search(rf"^{target[1]}:", makefile, re.MULTILINE), f"the Makefile lacks {target[1]!r}"
        elif re.match(r"(.*\| *)?qwen-tts ", line):
            subprocess.run(["bash", "-euo", "pipefail", "-c", line], cwd=tmp_path, check=True)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text("utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []
