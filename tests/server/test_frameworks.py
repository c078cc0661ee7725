"""Clients that bring a framework, each as it comes, in an environment of their own: `make clients` makes it and runs these."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from serving import listening

from qwen_tts.server.session import Session

ROOT = Path(__file__).parents[2]
ENVIRONMENT = ROOT / ".work" / "clients"
CLIENTS = Path(__file__).parent / "clients"
PYTHON = ENVIRONMENT / "bin" / "python"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (ENVIRONMENT / ".ready").exists(), reason="run by `make clients`, which installs the frameworks"),
]


COMMANDS = {
    "livekit": [PYTHON, CLIENTS / "livekit_client.py"],
    "pipecat": [PYTHON, CLIENTS / "pipecat_client.py"],
    "openai-js": ["node", ENVIRONMENT / "openai_client.mjs"],  # beside its package
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_framework_hears_the_whole_sentence(make: Callable[..., Session], command: list[Path | str]) -> None:
    with listening(make("mini-CustomVoice", max_seconds=3)) as address:
        arguments = [*map(str, command), f"http://{address}", "the house"]
        run = subprocess.run(
            arguments, capture_output=True, text=True, timeout=120, env=os.environ | {"NO_COLOR": "1"}, check=False
        )
    assert run.returncode == 0, run.stderr[-3000:]
    heard = json.loads(run.stdout.splitlines()[-1])
    assert heard["rate"] == 24_000
    assert 0.5 < heard["seconds"] < 4, heard
