"""The Dockerfile and the compose file say what this repository has; whether they build is seen where Docker runs."""

import json
import re
from pathlib import Path

from typer.main import get_command

from qwen_tts.cli import app

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")


def test_what_is_copied_is_there_and_not_ignored() -> None:
    copied = [source for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.M) for source in line.split()[:-1]]
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")]
    assert copied
    assert {Path(source).name for source in copied} == set(allowed)
    assert all((ROOT / source).exists() for source in copied)


def test_the_options_of_the_server_exist() -> None:
    command = json.loads(re.search(r"^ENTRYPOINT (.+)$", DOCKERFILE, re.M)[1])  # type: ignore[index]
    compose = re.search(r"command: (\[.+\])", (ROOT / "compose.yaml").read_text("utf-8"))
    assert compose is not None
    words = [*command, *json.loads(compose[1])]
    assert words[:2] == ["qwen-tts", "serve"]
    known = {name for option in get_command(app).commands["serve"].params for name in option.opts}  # type: ignore[attr-defined]
    assert {word for word in words if word.startswith("--")} <= known


def test_it_runs_without_rights_and_is_asked_for_its_health() -> None:
    assert re.search(r"^USER speaker$", DOCKERFILE, re.M)
    assert "/ready" in re.search(r"^HEALTHCHECK .+$", DOCKERFILE, re.M)[0]  # type: ignore[index]
