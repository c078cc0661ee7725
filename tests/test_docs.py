"""What the documents show is run, and their links lead somewhere.

In a fence, the word after the backticks says what is done with it:
    python  run, all of one file in order and in one namespace
    sh      lines that begin with `qwen-tts`, or pipe into it, are run; of `make TARGET` lines the target must exist
    layout  compared with the code by test_prompt_pictures.py
Anything else (text, pictures, output) is left alone. All runs in a folder that holds a recording and, under the names of
released models, miniature ones with random weights; and beside two hubs that offer the same.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("recipes/*/README.md"), *ROOT.glob("examples/*.md")])
FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def fences(page: Path, language: str) -> list[str]:
    return [code for word, code in FENCE.findall(page.read_text("utf-8")) if word == language]


def having(language: str) -> list[Any]:
    return [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES if fences(page, language)]


@pytest.fixture
def commands(monkeypatch) -> None:
    """`qwen-tts` on the path."""
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")


@pytest.fixture
def folder(tmp_path, monkeypatch, model_dir, hub, commands) -> Path:
    """Where the documents' code runs."""
    kinds = {"Base": "base", "CustomVoice": "custom_voice", "VoiceDesign": "voice_design"}
    sizes = ("0.6B", "1.7B")
    models = {f"Qwen/Qwen3-TTS-12Hz-{size}-{name}": model_dir(kind) for size in sizes for name, kind in kinds.items()}
    models["Qwen/Qwen3-TTS-Tokenizer-12Hz"] = model_dir("base") / "speech_tokenizer"
    hub.repos.update({name: {"main": model, "master": model} for name, model in models.items()})
    for name, kind in kinds.items():
        (tmp_path / f"Qwen3-TTS-12Hz-1.7B-{name}").symlink_to(model_dir(kind))
    hum = 0.1 * np.sin(np.arange(48_000) / 20)
    soundfile.write(tmp_path / "me.wav", hum, 24_000)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", having("python"))
def test_python_runs(page, folder):
    namespace: dict[str, Any] = {"__name__": "__docs__"}
    for code in fences(page, "python"):
        exec(compile(code, str(page), "exec"), namespace)


@pytest.mark.parametrize("page", having("sh"))
def test_commands_run(page, folder):
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for line in "\n".join(fences(page, "sh")).splitlines():
        if target := re.match(r"make (?!-)([\w-]+)", line):
            assert re.search(rf"^{target[1]}:", makefile, re.MULTILINE), f"the Makefile lacks {target[1]!r}"
        elif re.match(r"(.*\| *)?qwen-tts ", line):
            subprocess.run(["bash", "-euo", "pipefail", "-c", line], cwd=folder, check=True)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text("utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []
