"""`qwen-tts voice`, `clone` and `design`: from a recording, or from words, to a voice with a name, and to speech with it."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner, Result

from qwen_tts import Qwen3TTSModel
from qwen_tts.audio import load_audio
from qwen_tts.cli import app
from qwen_tts.voice_store import VoiceStore

RATE = 24_000
OFFICIAL = Path(__file__).parents[1] / "golden" / "official_voice.pt"
SHORT = ["--seed", "1", "--max-new-tokens", "6"]
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in a folder that holds `ref.wav`; voices go to the user's data folder, which is ./data here."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr("sys.platform", "linux")
    soundfile.write("ref.wav", 0.1 * np.random.default_rng(0).standard_normal(RATE), RATE)
    return lambda *arguments: CliRunner().invoke(app, list(map(str, arguments)))


def ok(result: Result) -> Result:
    assert result.exit_code == 0, result.output
    return result


def refused(result: Result, words: str) -> None:
    assert result.exit_code == 2 and words in result.stderr and len(result.stderr.splitlines()) == 1, result.output


def test_a_voice_from_its_recording_to_its_end(run: Run, model_dir: Callable[[str], Path]) -> None:
    model = ["--model", model_dir("base")]
    assert ok(run("voice", "list")).stdout == f"voices in {Path('data/qwen_tts/voices').absolute()}: none\n"
    made = ok(run("voice", "create", "Anna", "--audio", "ref.wav", "--text", "A mouse.", *model))
    assert made.stdout == "" and "13 frames and their transcript, 32 values, made with base 1b7" in made.stderr
    assert "  anna: 13 frames" in ok(run("voice", "list")).stdout
    shown = ok(run("voice", "show", "ANNA")).stdout
    assert "  transcript: A mouse.\n" in shown and "  speaker encoder: " in shown

    ok(run("clone", "the house", "--voice", "anna", "-o", "named.wav", *model, *SHORT))
    ok(run("clone", "the house", "--audio", "ref.wav", "--ref-text", "A mouse.", "-o", "direct.wav", *model, *SHORT))
    assert Path("named.wav").read_bytes() == Path("direct.wav").read_bytes()
    wave, _ = load_audio("named.wav")
    expected, _ = Qwen3TTSModel.from_pretrained(model[1]).generate_voice_clone(
        "the house", voice_clone_prompt=VoiceStore("data/qwen_tts/voices").load("anna"), seed=1, max_new_tokens=6
    )
    np.testing.assert_allclose(wave, expected[0], atol=1e-4)

    for name in ("anna.safetensors", "anna.pt"):
        ok(run("voice", "export", "anna", "-o", name))
    assert "A mouse." in ok(run("voice", "show", "./anna.pt")).stdout
    ok(run("clone", "the house", "--voice", "anna.pt", "-o", "file.wav", *model, *SHORT))
    assert Path("file.wav").read_bytes() == Path("named.wav").read_bytes()
    ok(run("voice", "import", "anna.pt", "--name", "Bob"))
    ok(run("voice", "import", OFFICIAL))
    assert VoiceStore().names() == ["anna", "bob", "official_voice-1", "official_voice-2"]
    ok(run("voice", "delete", "anna"))
    refused(run("voice", "delete", "anna"), "no voice is called 'anna'")


def test_a_voice_by_its_vector_alone_in_a_directory_of_its_own(run: Run, model_dir: Callable[[str], Path]) -> None:
    model = ["--model", model_dir("base"), "--voices-dir", "mine"]
    ok(run("voice", "create", "me", "--audio", "ref.wav", "--x-vector-only", *model))
    ok(run("clone", "the house", "--voice", "me", "-o", "a.wav", *model, *SHORT))
    ok(run("clone", "the house", "--audio", "ref.wav", "--x-vector-only", "-o", "b.wav", *model, *SHORT))
    assert Path("a.wav").read_bytes() == Path("b.wav").read_bytes()
    assert (
        os.listdir("mine") == ["me.safetensors"]
        and "me: speaker vector alone" in run("voice", "list", "--voices-dir", "mine").stdout
    )


def test_a_transcript_from_a_file_and_a_new_voice_in_place_of_the_old(run: Run, model_dir: Callable[[str], Path]) -> None:
    Path("said.txt").write_text("Das Haus.", "utf-8")
    create = ["voice", "create", "me", "--audio", "ref.wav", "--model", model_dir("base")]
    ok(run(*create, "--text-file", "said.txt"))
    assert VoiceStore().load("me").ref_text == "Das Haus."
    refused(run(*create, "--text", "Else."), "there is a voice 'me'")
    ok(run(*create, "--text", "Else.", "--replace"))
    assert VoiceStore().load("me").ref_text == "Else."


def test_a_designed_voice_is_kept_and_speaks_again(run: Run, model_dir: Callable[[str], Path]) -> None:
    base = model_dir("base")
    design = [
        "design",
        "the house",
        "--instruct",
        "An old man.",
        "--model",
        model_dir("voice_design"),
        *SHORT[:2],
        "--max-new-tokens",
        9,
    ]
    made = ok(run(*design, "--save-voice", "old man", "--clone-model", base))
    assert "old man.safetensors: the voice 'old man'" in made.stderr
    ok(run(*design, "-o", "designed.wav"))
    voice = VoiceStore().load("old man")
    assert voice.ref_text == "the house" and voice.ref_code is not None
    assert len(voice.ref_code) == len(load_audio("designed.wav")[0]) / 1920
    ok(run("clone", "a mouse", "--voice", "old man", "--model", base, "-o", "again.wav", *SHORT))
    assert len(load_audio("again.wav")[0]) > 1000
    refused(run(*design, "--save-voice", "old man", "--clone-model", base), "there is a voice 'old man'")


def test_a_damaged_voice_does_not_hide_the_others(run: Run) -> None:
    store = VoiceStore()
    run("voice", "import", OFFICIAL, "--name", "good")
    (store.directory / "bad.safetensors").write_bytes(b"cut")
    listed = ok(run("voice", "list")).stdout
    assert "bad: cannot be used: " in listed and "good-1: 10 frames" in listed and "good-2: speaker vector alone" in listed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["voice", "create", "../me", "--audio", "ref.wav", "--text", "x"], "no voice can be called '../me'"),
        (["voice", "create", "me", "--audio", "ref.wav"], "give the transcript once"),
        (["voice", "create", "me", "--audio", "ref.wav", "--text", "x", "--text-file", "y"], "give the transcript once"),
        (["voice", "create", "me", "--audio", "ref.wav", "--text-file", "none.txt"], "cannot read none.txt"),
        (["voice", "create", "me", "--audio", "none.wav", "--text", "x"], "No such file"),
        (["voice", "create", "me", "--audio", "long.wav", "--text", "x"], "lasts 61 s; the limit is 60 s"),
        (["clone", "a", "-o", "a.wav"], "give the voice once"),
        (["clone", "a", "--audio", "ref.wav", "-o", "a.wav"], "give the transcript once"),
        (["clone", "a", "--audio", "ref.wav", "--voice", "me", "-o", "a.wav"], "give the voice once"),
        (["clone", "a", "--voice", "me", "--ref-text", "x", "-o", "a.wav"], "--voice knows its transcript"),
        (["clone", "a", "--voice", "me", "-o", "a.wav"], "no voice is called 'me'"),
        (["clone", "a", "--voice", "./none.pt", "-o", "a.wav"], "No such file"),
        (["clone", "a", "--voice", "ref.wav", "-o", "a.wav"], "no voice"),
        (["clone", "a", "--voice", OFFICIAL, "-o", "a.wav"], "text has 1 item, voice_clone_prompt has 2"),
        (["clone", "a", "--audio", "ref.wav", "--ref-text", "x"], "-o FILE, or --stream-to -"),
        (["design", "a", "--instruct", "x"], "-o FILE, or --stream-to -"),
        (["design", "a", "--instruct", "x", "--save-voice", "me"], "go together"),
        (["design", "a", "--instruct", "x", "--save-voice", "me", "--clone-model", "DESIGN"], "is a voice_design model"),
        (["design", "a", "--instruct", "x", "-o", "a.wav"], "the call needs a voice_design one"),
        (["design", "a", "--instruct", " ", "-o", "a.wav"], "--instruct is blank"),
    ],
    ids=range(20),
)
def test_what_cannot_be_is_said_in_one_line(
    run: Run, model_dir: Callable[[str], Path], arguments: list[str], words: str
) -> None:
    soundfile.write("long.wav", np.ones(61 * 8000) / 3, 8000)
    arguments = [model_dir("voice_design") if a == "DESIGN" else a for a in arguments]
    before = sorted(os.listdir())
    refused(run(*arguments, "--model", model_dir("base")), words)
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize(
    "command", [["clone", "a", "-o", "a.wav", "--ref-text", "x"], ["voice", "create", "me", "--text", "x"]]
)
def test_a_recording_is_read_before_a_model_is_loaded(run: Run, command: list[str]) -> None:
    refused(run(*command, "--audio", "none.wav", "--model", "nowhere"), "No such file")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["voice", "show", "me"], "no voice is called 'me'"),
        (["voice", "delete", "me"], "there is none"),
        (["voice", "import", "ref.wav"], "no voice"),
        (["voice", "import", "none.pt"], "No such file"),
        (["voice", "import", OFFICIAL, "--name", "a/b"], "no voice can be called 'a/b-1'"),
        (["voice", "export", "me", "-o", "a.txt"], "no voice is called"),
    ],
    ids=range(6),
)
def test_the_same_without_a_model(run: Run, arguments: list[str], words: str) -> None:
    refused(run(*arguments), words)
    assert os.listdir() == ["ref.wav"]


@pytest.mark.parametrize("command", ["clone", "design", "voice", "voice create", "voice list", "voice import"])
def test_help(run: Run, command: str) -> None:
    assert "Usage" in ok(run(*command.split(), "--help")).stdout
