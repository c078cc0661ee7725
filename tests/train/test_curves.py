"""The pictures of a training's log: what is drawn is what was logged."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qwen_tts.cli import app
from qwen_tts.errors import DataError
from qwen_tts.train.curves import draw, read_log


def write(folder: Path, rows: list[dict[str, float]]) -> Path:
    folder.mkdir()
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_of_a_run_that_went_on_after_a_kill_the_later_lines_count(tmp_path: Path) -> None:
    folder = write(tmp_path / "run", [{"step": 50, "a": 2}, {"step": 100, "a": 9}, {"step": 100, "a": 1}])
    assert read_log(folder / "log.jsonl") == [{"step": 50, "a": 2}, {"step": 100, "a": 1}]


def test_every_figure_gets_a_panel_and_every_run_a_line(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    one = write(tmp_path / "one", [{"step": 50, "code0": 2.0, "norm": 1}, {"step": 100, "code0": 1.0, "norm": 1}])
    two = write(tmp_path / "two", [{"step": 50, "code0": 3.0}, {"step": 100, "code0": 2.5, "guide": 1.0}])
    out = tmp_path / "plot.svg"
    assert draw([one, two], out) == ["code0", "norm", "guide"]
    axes = len(re.findall(r'<g id="axes_\d+">', out.read_text()))
    assert axes == 3
    assert not list(tmp_path.glob(".*part"))


def test_runs_of_one_name_are_all_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    runs = [write(tmp_path / of / "talker", [{"step": n, "code0": 1.0} for n in (50, 100)]) for of in "ab"]
    out = tmp_path / "plot.svg"
    draw(runs[:1], out)
    lines = [out.read_text().count('id="line2d_')]
    draw(runs, out)
    lines.append(out.read_text().count('id="line2d_'))
    assert lines[1] == lines[0] + 2, "a line, and its example in the legend"
    with pytest.raises(DataError, match="does not exist"):
        draw(runs, tmp_path / "none" / "plot.svg")


@pytest.mark.parametrize(
    ("line", "words"), [("{}", "no line of a training"), ("nonsense", "line 1"), (None, "no file"), ("", "empty")]
)
def test_what_is_no_log_is_told(tmp_path: Path, line: str | None, words: str) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    if line is not None:
        (folder / "log.jsonl").write_text(line)
    with pytest.raises(DataError, match=words):
        draw([folder], tmp_path / "plot.svg")


def test_the_command_says_which_files_it_can_draw(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["train", "plot", str(tmp_path), "-o", str(tmp_path / "plot.doc")])
    assert result.exit_code != 0 and ".svg, .png and .pdf" in str(result.output) + str(result.exception)
