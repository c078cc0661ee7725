"""Files that trainings leave, and what happens to those that are damaged, hostile, missing, or of another training."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from miniature import GROUPS, codec_config, model_config
from torch import nn
from typer.testing import CliRunner, Result

from qwen_tts.cli import app
from qwen_tts.errors import DataError
from qwen_tts.train.data import Pack, write_codes
from qwen_tts.train.loop import read_state, save_atomically, train


class Single:
    """Learns one number a step."""

    def __init__(self, size: int = 2) -> None:
        self.module = nn.Linear(size, 1)

    def step(self, step: int) -> dict[str, float]:
        return {"step": float(step)}

    def state_dict(self) -> dict[str, Any]:
        return self.module.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.module.load_state_dict(state)


class Hostile:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (os.environ["HOSTILE"],)


def config(folder: Path, name: str, content: dict) -> Path:
    path = folder / name
    path.write_text(json.dumps(content), "utf-8")
    return path


def command(*words: object) -> Result:
    return CliRunner().invoke(app, ["train", *map(str, words)])


def test_losses_that_are_no_numbers_end_a_training_and_spoil_nothing(tmp_path: Path) -> None:
    class Diverging(Single):
        def step(self, step: int) -> dict[str, float]:
            return {"loss": float("nan" if step == 4 else 1)}

    train(Diverging(), 3, tmp_path)
    before = (tmp_path / "state.pt").read_bytes()
    with pytest.raises(DataError, match="loss is no number any more at step 5"):
        train(Diverging(), 9, tmp_path, save_minutes=0)
    assert read_state(tmp_path / "state.pt")["step"] == 4, "the last step that was sound"
    assert (tmp_path / "state.pt").read_bytes() != before


def test_a_state_that_cannot_be_used_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(Single(), 3, tmp_path)
    path = tmp_path / "state.pt"
    assert read_state(path)["step"] == 3
    with pytest.raises(DataError, match=r"state\.pt is of a training of another kind \(size mismatch"):
        train(Single(3), 4, tmp_path)
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:100], b"", b"{}"):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match="is damaged"):
            train(Single(), 4, tmp_path)
    monkeypatch.setenv("HOSTILE", str(tmp_path / "made"))
    for content in ({"step": 3, "trainer": Hostile()}, {"weights": torch.zeros(1)}, torch.zeros(1), {"trainer": 3}):
        torch.save(content, path)
        with pytest.raises(DataError, match="no state of a training"):
            read_state(path)
    assert not (tmp_path / "made").exists()
    with pytest.raises(DataError, match="there is no file"):
        read_state(tmp_path / "none.pt")


def test_commands_refuse_what_another_training_left(pack: Pack, tmp_path: Path, model_dir: Callable[[str], Path]) -> None:
    sizes = codec_config()
    sizes["encoder_config"]["num_quantizers"] = GROUPS
    codec, talker = config(tmp_path, "codec.json", sizes), config(tmp_path, "config.json", model_config("custom_voice"))
    sizes["decoder_config"]["latent_dim"] = 24
    wide, whole, state = config(tmp_path, "wide.json", sizes), model_dir("custom_voice"), tmp_path / "state.pt"
    learned = command("codec", pack.folder, tmp_path / "a", "--config", codec, "--steps", 1)
    assert learned.exit_code == 0, learned.output
    made, out = tmp_path / "a" / "state.pt", tmp_path / "out"
    save_atomically({"step": 1, "trainer": {"talker": {}, "averages": {"talker": {}}}}, state)
    nobody = model_config("custom_voice")
    nobody["talker_config"]["spk_id"] = {"nora": 80}
    others = tmp_path / "others"
    write_codes([torch.zeros(3, GROUPS).numpy()] * len(pack.clips), others)
    for words, message in (
        (["context", pack.folder, made, out, "--config", codec, "--guessed", others], "has 3 frames for '0'"),
        (["decoder", pack.folder, made, out, "--config", codec, "--guessed", others], "has 3 frames for '0'"),
        (["talker", pack.folder, whole, out, "--config", config(tmp_path, "nobody.json", nobody)], "(spk_id: nora)"),
        (["talker", pack.folder, whole, out, "--config", talker, "--start", made], "is not of a talker"),
        (["codec", pack.folder, out, "--config", codec, "--start", state], "of another training"),
        (["codec", pack.folder, out, "--config", codec, "--start", tmp_path / "none.pt"], "there is no file"),
        (["context", pack.folder, made, out, "--config", wide], "does not fit the config: size mismatch"),
        (["context", pack.folder, state, out, "--config", codec], "not of `qwen-tts train codec`"),
        (["decoder", pack.folder, made, out, "--config", codec, "--context", state], "it holds talker"),
        (["guess", pack.folder, whole, made, out, "--config", talker], "not of `qwen-tts train talker`"),
        (["guess", pack.folder, whole, state, out, "--config", talker], "does not fit the config"),
        (["export", state, whole, whole, out, "--config", tmp_path / "none.json"], "none.json is missing"),
        (["talker", pack.folder, whole, out, "--config", talker, "--guessed", tmp_path], "holds no codes"),
    ):
        refused = command(*words, *([] if words[0] in ("guess", "export") else ["--steps", 1]))
        assert refused.exit_code == 2 and message in " ".join(refused.output.split()), (words, refused.output)
        assert not out.exists()


def test_clips_that_a_talker_cannot_use_are_told(pack: Pack, tmp_path: Path, model_dir: Callable[[str], Path]) -> None:
    clips = pack.folder / "clips.jsonl"
    sizes = config(tmp_path, "talker.json", model_config("custom_voice"))
    words = ["talker", pack.folder, model_dir("custom_voice"), tmp_path / "out", "--config", sizes, "--steps", 1, "--fp32"]
    clips.write_text(clips.read_text("utf-8").replace("Ryan", "Rian", 1), "utf-8")
    told = command(*words)
    assert told.exit_code == 0 and "never shown: 1; the config has no speaker 'Rian'" in " ".join(told.output.split())
    clips.write_text(clips.read_text("utf-8").replace("English", "Klingon", 1), "utf-8")
    refused = command(*words)
    assert refused.exit_code == 2 and "unknown language 'Klingon'" in refused.output


def test_codes_are_replaced_whole(pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path.name: path.read_bytes() for path in pack.folder.iterdir()}
    monkeypatch.setattr("numpy.save", None)
    with pytest.raises(TypeError):
        write_codes([torch.zeros(3, GROUPS).numpy()], pack.folder)
    assert {path.name: path.read_bytes() for path in pack.folder.iterdir()} == before
