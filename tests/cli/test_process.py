"""The command as a process: interrupted before it has begun."""

import os
import subprocess
import sys
from pathlib import Path

MODULE = f"{sys.executable} -m qwen_tts"


def shell(line: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a line of the shell that ends as the command in it does."""
    here = os.environ | {"OMP_NUM_THREADS": "1"} | environment
    return subprocess.run(["sh", "-c", line], cwd=folder, env=here, capture_output=True, text=True, timeout=60, check=False)


def test_ctrl_c_while_the_command_is_imported(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    done = shell(f"exec {MODULE} say hi -o a.wav", tmp_path, PYTHONPATH=path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "qwen-tts: interrupted\n")
