"""Voices under names: what a name may be, what it finds, and several processes at once."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from qwen_tts import Qwen3TTSModel, VoiceClonePromptItem
from qwen_tts.errors import OptionError, VoiceError
from qwen_tts.voice_store import VoiceStore, default_directory

RATE = 24_000
WAVE = (0.1 * np.random.default_rng(0).standard_normal(RATE)).astype(np.float32)
OFFICIAL = Path(__file__).parent / "golden" / "official_voice.pt"


def item(text: str = "Hello.") -> VoiceClonePromptItem:
    return VoiceClonePromptItem(torch.zeros(3, 4, dtype=torch.int64), torch.zeros(32), False, True, text)


@pytest.fixture
def store(tmp_path: Path) -> VoiceStore:
    return VoiceStore(tmp_path / "not" / "yet")


def test_a_voice_comes_and_goes(store: VoiceStore) -> None:
    assert store.names() == [] and not store.directory.exists()
    path = store.save("Anna", item())
    store.save("小明 2", item("你好。"))
    assert path == store.directory / "anna.safetensors" and store.names() == ["anna", "小明 2"]
    assert store.load(" ANNA ").ref_text == "Hello." and store.load("小明 2").ref_text == "你好。"
    with pytest.raises(VoiceError, match="there is a voice 'anna' in"):
        store.save("anna", item())
    store.save("anna", item("New."), replace=True)
    assert store.load("anna").ref_text == "New."
    store.delete("Anna")
    for lost in (store.load, store.delete):
        with pytest.raises(VoiceError, match="no voice is called 'anna' in .*; there are: 小明 2"):
            lost("anna")


def test_equal_letters_are_one_name(store: VoiceStore) -> None:
    assert store.path("Zoe\u0301") == store.path("ZOÉ")


@pytest.mark.parametrize(
    "name",
    ["", " ", ".", "..", "../me", "a/b", "a\\b", "/etc/passwd", "~", "a.b", "-a", "a-", "a\0", "a\nb", "con", "COM1", "a:b",
     "x" * 65, "家" * 64 + "x", "a\u202eb", "*", "$(x)", "🙂"],
)  # fmt: skip
def test_names_that_no_voice_can_have(store: VoiceStore, name: str) -> None:
    with pytest.raises(VoiceError, match="no voice can be called"):
        store.save(name, item())
    assert not store.directory.exists()


def test_other_files_are_left_alone(store: VoiceStore) -> None:
    store.save("anna", item())
    for name in (".anna.1234.part", "notes.txt", ".hidden.safetensors", "a.b.safetensors"):
        (store.directory / name).touch()
    assert store.names() == ["anna"]


def test_a_directory_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = VoiceStore(tmp_path / "file")
    with pytest.raises(VoiceError, match="cannot read the voices"):
        store.names()
    with pytest.raises(VoiceError, match="cannot make the folder"):
        store.save("anna", item())


def test_every_form_of_voices(store: VoiceStore, tmp_path: Path) -> None:
    path = store.save("anna", item())
    columns: dict[str, Any] = {name: [value] for name, value in vars(item()).items()}
    forms: list[tuple[Any, int]] = [
        ("anna", 1), (path, 1), (str(path), 1), (["anna"], 1), ([path, "anna", item()], 3), (item(), 1), (columns, 1), ([], 0)
    ]  # fmt: skip
    for form, count in forms:
        assert [voice.ref_text for voice in store.resolve(form)] == ["Hello."] * count
    assert len(store.resolve(OFFICIAL)) == 2 and len(store.resolve([str(OFFICIAL), "anna"])) == 3
    with pytest.raises(VoiceError, match="No such file"):
        store.resolve("anna.safetensors")  # a dot makes it a path
    for wrong in (3, None, [None]):
        with pytest.raises(OptionError, match="must hold VoiceClonePromptItem, names or paths"):
            store.resolve(wrong)  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore:the speech of text")
def test_a_model_speaks_with_a_name(model_dir: Callable[[str], Path], tmp_path: Path) -> None:
    model = Qwen3TTSModel.from_pretrained(model_dir("base"), voices_dir=tmp_path)
    (voice,) = model.create_voice_clone_prompt((WAVE, RATE), "a mouse")
    path = model.voices.save("Anna", voice)

    def waves(voices: Any) -> list[np.ndarray]:
        return model.generate_voice_clone(["the house", "a mouse"], voice_clone_prompt=voices, seed=1, max_new_tokens=6)[0]

    expected = waves(voice)
    for voices in ("anna", path, str(path), [voice], ["anna", path], [voice, "ANNA"]):
        for wave, wanted in zip(waves(voices), expected, strict=True):
            np.testing.assert_array_equal(wave, wanted)
    with pytest.raises(OptionError, match="text has 2 items, voice_clone_prompt has 3"):
        waves(["anna"] * 3)
    with pytest.raises(VoiceError, match="no voice is called 'bob' in .*; there are: anna"):
        waves("bob")


WRITE = """
import sys, torch
from qwen_tts import VoiceClonePromptItem
from qwen_tts.errors import VoiceError
from qwen_tts.voice_store import VoiceStore
store, won = VoiceStore(sys.argv[1]), []
sys.stdin.readline()
for i in range(40):
    try:
        store.save(f"voice {i}", VoiceClonePromptItem(torch.zeros(3, 4).long(), torch.zeros(32), False, True, sys.argv[2]))
        won.append(i)
    except VoiceError as error:
        assert "there is a voice" in str(error) or "exists" in str(error), error
    for name in store.names():
        store.load(name)
print(*won)
"""


def test_processes_share_a_directory(tmp_path: Path) -> None:
    """Each new name has one winner, whose voice stays; readers never see half a file."""
    arguments = [sys.executable, "-c", WRITE, str(tmp_path)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    processes = [subprocess.Popen([*arguments, str(number)], env=environment, **pipes) for number in range(3)]
    won = [list(map(int, process.communicate("\n", timeout=120)[0].split())) for process in processes]
    assert all(process.returncode == 0 for process in processes)
    assert sorted(i for theirs in won for i in theirs) == list(range(40)) and len(os.listdir(tmp_path)) == 40
    for number, theirs in enumerate(won):
        assert all(VoiceStore(tmp_path).load(f"voice {i}").ref_text == str(number) for i in theirs)


def test_the_usual_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert default_directory() == tmp_path / ".local/share/qwen_tts/voices"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert default_directory() == VoiceStore().directory == tmp_path / "data/qwen_tts/voices"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert default_directory() == tmp_path / "Library/Application Support/qwen_tts/voices"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert default_directory() == tmp_path / "local/qwen_tts/voices"
