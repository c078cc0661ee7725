"""`qwen-tts train`: from clips to a talker, a stage at a time, and on from where a stage was."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from miniature import CODES, GROUPS, codec_config, model_config
from typer.testing import CliRunner, Result

from qwen_tts import Qwen3TTSModel
from qwen_tts.checkpoint import load_model
from qwen_tts.cli import app
from qwen_tts.config import CodecConfig
from qwen_tts.train.codec import trained_codec
from qwen_tts.train.data import Codes, Pack, write_codes
from qwen_tts.train.loop import saved_trainer
from qwen_tts.train.talker import averaged

RATE = 24_000
run = CliRunner()


def train(*words: object) -> Result:
    return run.invoke(app, ["train", *map(str, words)])


def config(folder: Path, name: str, content: dict) -> Path:
    path = folder / name
    path.write_text(json.dumps(content), "utf-8")
    return path


def logged(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text("utf-8").splitlines()]


def steps(folder: Path) -> list[int]:
    return [row["step"] for row in logged(folder)]


def test_every_stage_from_clips_on(manifest: Path, tmp_path: Path, model_dir: Callable[[str], Path]) -> None:
    pack, sizes = tmp_path / "pack", codec_config()
    sizes["encoder_config"]["num_quantizers"] = GROUPS
    codec = config(tmp_path, "codec.json", sizes)
    assert train("pack", pack, manifest).exit_code == 0
    clips = Pack(pack).clips
    assert len(clips) == 3 and {clip.speaker for clip in clips} == {"Ryan"}
    frames = [-(-clip.samples // 1920) for clip in clips]

    learned = train("codec", pack, tmp_path / "a", "--config", codec, "--steps", 2)
    assert learned.exit_code == 0, learned.output
    state = tmp_path / "a" / "state.pt"
    counted = train("codes", pack, state, "--codec-config", codec)
    assert counted.exit_code == 0 and f"{sum(frames)} frames" in counted.output
    heard = trained_codec(CodecConfig.from_file(codec), state).eval()
    first = heard.encode(torch.from_numpy(Pack(pack).wave(clips[0]))[None])[0]
    assert torch.equal(Codes(pack).get(0), first) and len(first) == frames[0]
    assert train("context", pack, state, tmp_path / "b", "--config", codec, "--steps", 2).exit_code == 0
    options = ["--config", codec, "--context", tmp_path / "b" / "state.pt"]
    assert train("decoder", pack, state, tmp_path / "c", *options, "--steps", 2).exit_code == 0
    assert train("decoder", pack, state, tmp_path / "c", *options, "--steps", 3).exit_code == 0
    assert steps(tmp_path / "c") == [2, 3]

    talker = config(tmp_path, "config.json", model_config("custom_voice"))
    text = model_dir("custom_voice")
    assert train("talker", pack, text, tmp_path / "d", "--config", talker, "--steps", 1).exit_code == 0
    said = tmp_path / "d" / "state.pt"
    assert train("guess", pack, text, said, tmp_path / "said", "--config", talker).exit_code == 0
    known, guessed = Codes(pack), Codes(tmp_path / "said")
    assert (known.rows[:, 0] == guessed.rows[:, 0]).all() and (known.rows[:, 1:] != guessed.rows[:, 1:]).any()
    more = ["--config", talker, "--steps", 1, "--start", said, "--guessed", tmp_path / "said"]
    assert train("talker", pack, text, tmp_path / "e", *more, "--described", 0.5).exit_code == 0
    assert train("talker", pack, text, tmp_path / "f", *more, "--beginning", 20).exit_code == 0
    plain, begun = logged(tmp_path / "e")[0], logged(tmp_path / "f")[0]
    assert plain["code0"] == begun["code0"] and plain["rest"] != begun["rest"]
    assert train("talker", pack, text, tmp_path / "exact", *more, "--fp32").exit_code == 0
    exact = logged(tmp_path / "exact")[0]["norm"]
    assert exact != plain["norm"] and exact == pytest.approx(plain["norm"], rel=0.05)
    refused = train("talker", pack, text, tmp_path / "g", *more, "--described", 1.5)
    assert refused.exit_code == 2 and "than or equal to 1" in refused.output

    model, parts = tmp_path / "model", ["--config", talker, "--codec-config", codec]
    without = train("export", said, text, state, model, *parts)
    assert without.exit_code == 2 and "--decoder" in without.output and not model.exists()
    made = train("export", said, text, state, model, *parts, "--decoder", tmp_path / "c" / "state.pt")
    assert made.exit_code == 0, made.output
    spoken = Qwen3TTSModel.from_pretrained(model)
    learned_talker = averaged(saved_trainer(said))
    for name, weight in load_model(model).talker.state_dict().items():
        assert torch.allclose(weight, learned_talker[name], atol=1e-3, rtol=1e-3), name
    with pytest.warns(UserWarning, match="length"):
        waves, rate = spoken.generate_custom_voice("The house.", "Ryan", max_new_tokens=4)
    assert rate == RATE and waves[0].size == 3 * 1920 and np.isfinite(waves[0]).all()
    again = train("export", said, text, state, model, *parts, "--decoder", tmp_path / "c" / "state.pt")
    assert again.exit_code == 2 and "is there already" in again.output


def test_a_talker_for_a_codec_that_there_is_from_nothing_or_from_a_model_on(
    manifest: Path, tmp_path: Path, model_dir: Callable[[str], Path]
) -> None:
    pack, whole = tmp_path / "pack", model_dir("custom_voice")
    assert train("pack", pack, manifest).exit_code == 0
    assert train("codes", pack, whole).exit_code == 0
    assert Codes(pack).rows.shape == (sum(-(-clip.samples // 1920) for clip in Pack(pack).clips), GROUPS)
    heard = (pack / "codes.i16").read_bytes()
    (pack / "codes.i16").unlink()
    assert train("codes", pack, whole / "speech_tokenizer").exit_code == 0, "a codec may stand alone"
    assert (pack / "codes.i16").read_bytes() == heard
    talker = config(tmp_path, "config.json", model_config("custom_voice"))
    assert train("talker", pack, whole, tmp_path / "d", "--config", talker, "--steps", 1).exit_code == 0
    said = tmp_path / "d" / "state.pt"
    assert train("export", said, whole, whole / "speech_tokenizer", tmp_path / "model", "--config", talker).exit_code == 0
    codecs = [folder / "speech_tokenizer" / "model.safetensors" for folder in (whole, tmp_path / "model")]
    assert codecs[0].read_bytes() == codecs[1].read_bytes()

    on = ["--config", talker, "--steps", 1, "--peak", 1e-9, "--start", whole]
    assert train("talker", pack, whole, tmp_path / "on", *on).exit_code == 0
    begun, before = (
        averaged(saved_trainer(tmp_path / "on" / "state.pt")),
        load_model(whole, dtype="float32").talker.state_dict(),
    )
    assert all(torch.allclose(begun[name], tensor, atol=1e-6) for name, tensor in before.items())
    assert logged(tmp_path / "on")[0]["code0"] != logged(tmp_path / "d")[0]["code0"]
    for name, words in (("alone", []), ("alike", ["--alike"])):
        more = [*on, "--peak", 0.1, *words, "--codec", whole]
        assert train("talker", pack, whole, tmp_path / name, *more).exit_code == 0
    alone, alike = (averaged(saved_trainer(tmp_path / name / "state.pt")) for name in ("alone", "alike"))
    other = {name for name in alone if not torch.allclose(alone[name], alike[name], atol=1e-6)}
    tables = ("codec_head.", "codec_embedding.", "lm_head.")
    assert alone.keys() == alike.keys() and other and all(any(table in name for table in tables) for name in other), other
    refused = train("talker", pack, whole, tmp_path / "no", *on, "--alike")
    assert refused.exit_code == 2 and "give --codec" in " ".join(refused.output.split())
    wide = model_config("custom_voice")
    wide["talker_config"]["text_hidden_size"] = 32
    other = train("talker", pack, whole, tmp_path / "wide", *on, "--config", config(tmp_path, "wide.json", wide))
    assert other.exit_code == 2 and "of another talker: size mismatch" in " ".join(other.output.split())
    missing = train("talker", pack, whole, tmp_path / "no", "--config", talker, "--start", tmp_path / "none.pt")
    assert missing.exit_code == 2 and "unknown model" in missing.output

    eight = model_config("custom_voice")
    eight["talker_config"]["num_code_groups"] = eight["talker_config"]["code_predictor_config"]["num_code_groups"] = 8
    other = train("export", said, whole, whole, tmp_path / "eight", "--config", config(tmp_path, "eight.json", eight))
    assert other.exit_code == 2 and "belong to other models" in other.output
    assert sorted(path.name for path in tmp_path.iterdir() if "eight" in path.name) == ["eight.json"]


def test_a_talker_for_voices_that_vectors_tell(manifest: Path, tmp_path: Path, model_dir: Callable[[str], Path]) -> None:
    pack, whole = tmp_path / "pack", model_dir("custom_voice")
    assert train("pack", pack, manifest).exit_code == 0 and train("codes", pack, whole).exit_code == 0
    talker = config(tmp_path, "config.json", model_config("custom_voice"))
    on = ["--config", talker, "--steps", 1, "--peak", 1e-9, "--start", whole]
    np.save(pack / "vectors.npy", np.eye(3, 32, dtype=np.float32))
    named = (pack / "clips.jsonl").read_text("utf-8")
    lines = [json.loads(line) | {"speaker": "", "instruct": "a voice"} for line in named.splitlines()]
    (pack / "clips.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    begun = train("talker", pack, whole, tmp_path / "begun", *on, "--beginnings", 4)
    assert begun.exit_code == 0, begun.output
    assert {"first", "voice"} <= logged(tmp_path / "begun")[0].keys()
    for name, noise in (("exact", 0), ("wrong", 50)):
        told = train("talker", pack, whole, tmp_path / name, *on, "--cloned", 1, "--vector-noise", noise)
        assert told.exit_code == 0, told.output
    assert logged(tmp_path / "exact")[0]["code0"] != logged(tmp_path / "wrong")[0]["code0"]
    (pack / "clips.jsonl").write_text(named, "utf-8")
    write_codes([CODES - 1 - Codes(pack).get(clip).numpy() for clip in range(3)], tmp_path / "otherwise")
    after = [*on, "--cloned", 1, "--in-context"]
    for name, words in (("vector", [0]), ("after", [1]), ("otherwise-after", [1, "--heard", tmp_path / "otherwise"])):
        assert train("talker", pack, whole, tmp_path / name, *after, *words).exit_code == 0
    assert len({logged(tmp_path / name)[0]["code0"] for name in ("vector", "after", "otherwise-after")}) == 3


def test_a_talker_is_listened_to_while_it_learns(manifest: Path, tmp_path: Path, model_dir: Callable[[str], Path]) -> None:
    pack, whole = tmp_path / "pack", model_dir("custom_voice")
    assert train("pack", pack, manifest).exit_code == 0 and train("codes", pack, whole).exit_code == 0
    lines = tmp_path / "lines.txt"
    lines.write_text("The house.\n\nA door.\n", "utf-8")
    talker = config(tmp_path, "config.json", model_config("custom_voice"))
    words = ["talker", pack, whole, tmp_path / "d", "--config", talker, "--steps", 3, "--listen-every", 2, "--listen", lines]
    refused = train(*words)
    assert refused.exit_code == 2 and "--codec" in refused.output
    found = train(*words, "--codec", whole)
    assert found.exit_code == 0, found.output
    rows = logged(tmp_path / "d")
    assert [row["step"] for row in rows] == [2, 3]
    for row in rows:
        assert 0 <= row["ended"] <= 1 and row["wer"] > 0.3, "noise has few of the words"
    names = sorted(path.name for path in (tmp_path / "d" / "samples").iterdir())
    assert names == [f"00000{step}-0{n}-{who}.wav" for step in (2, 3) for n, who in ((0, "ryan"), (1, "serena"))]
    assert soundfile.info(tmp_path / "d" / "samples" / names[0]).samplerate == RATE

    plain = train("talker", pack, whole, tmp_path / "e", "--config", talker, "--steps", 3)  # to listen changes nothing
    assert plain.exit_code == 0
    heard, unheard = (averaged(saved_trainer(tmp_path / name / "state.pt")) for name in "de")
    assert all(torch.equal(heard[name], unheard[name]) for name in heard)


def test_two_processes_learn_what_one_does_with_twice_the_batches(
    pack: Pack, tmp_path: Path, model_dir: Callable[[str], Path]
) -> None:
    whole, talker = model_dir("custom_voice"), config(tmp_path, "config.json", model_config("custom_voice"))

    def words(out: str, accumulate: int) -> list[str]:
        told = [
            "train",
            "talker",
            pack.folder,
            whole,
            tmp_path / out,
            "--config",
            talker,
            "--steps",
            3,
            "--fp32",
            "--threads",
            1,
        ]
        return [*map(str, told), "--device", "cpu", "--tokens", "100", "--peak", "0.1", "--accumulate", str(accumulate)]

    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "qwen_tts"]
    two = subprocess.run([*launcher, *words("two", 2)], capture_output=True, text=True, timeout=300, check=False)
    assert two.returncode == 0, two.stderr
    for name, accumulate in (("one", 4), ("half", 2)):
        assert run.invoke(app, words(name, accumulate)).exit_code == 0
    assert [row["step"] for row in logged(tmp_path / "two")] == [3]
    learned = {name: averaged(saved_trainer(tmp_path / name / "state.pt")) for name in ("one", "two", "half")}
    away = {
        name: max(float((learned["one"][key] - tensor).abs().max()) for key, tensor in learned[name].items())
        for name in ("two", "half")
    }
    assert away["two"] < 1e-5 and away["half"] > 1e-3, away


def test_the_seed_tells_what_is_learned_from_nothing(pack: Pack, tmp_path: Path, model_dir: Callable[[str], Path]) -> None:
    whole, talker = model_dir("custom_voice"), config(tmp_path, "config.json", model_config("custom_voice"))
    sizes = codec_config()
    sizes["encoder_config"]["num_quantizers"] = GROUPS
    codec = config(tmp_path, "codec.json", sizes)

    def learned(kind: str, seed: int) -> dict[str, torch.Tensor]:
        out = tmp_path / f"{kind}{len(list(tmp_path.iterdir()))}"
        sets = [pack.folder, whole, out, "--config", talker] if kind == "talker" else [pack.folder, out, "--config", codec]
        done = train(kind, *sets, "--steps", 1, "--fp32", "--device", "cpu", "--seed", seed)
        assert done.exit_code == 0, done.output
        return saved_trainer(out / "state.pt")[kind]

    for kind in ("talker", "codec"):
        one, same, other = (learned(kind, seed) for seed in (0, 0, 1))
        assert all(torch.equal(one[name], tensor) for name, tensor in same.items())
        assert not any(torch.equal(one[name], tensor) for name, tensor in other.items() if name.endswith("_proj.weight"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["codes", "PACK", "STATE"], "--codec-config"),
        (["codes", "PACK", "MODEL", "--codec-config", "STATE"], "leave out --codec-config"),
        (["codes", "PACK", "nowhere"], "unknown model"),
        (["export", "STATE", "MODEL", "MODEL", "OUT", "--config", "CONFIG"], "not of `qwen-tts train talker`"),
        (["export", "STATE", "MODEL", "MODEL", "OUT", "--config", "CONFIG", "--decoder", "STATE"], "leave out --decoder"),
    ],
)
def test_parts_that_do_not_fit_are_refused_and_nothing_is_written(
    manifest: Path, tmp_path: Path, model_dir: Callable[[str], Path], words: list[str], message: str
) -> None:
    assert train("pack", tmp_path / "pack", manifest).exit_code == 0
    torch.save({"step": 1, "trainer": {"codec": {}}}, tmp_path / "state.pt")
    places = {"PACK": tmp_path / "pack", "STATE": tmp_path / "state.pt", "MODEL": model_dir("custom_voice")}
    places |= {"OUT": tmp_path / "out", "CONFIG": config(tmp_path, "config.json", model_config("custom_voice"))}
    refused = train(*(places.get(word, word) for word in words))
    assert refused.exit_code == 2 and message in " ".join(refused.output.split())
    assert not list(tmp_path.glob("*out*")) and not (tmp_path / "pack" / "codes.i16").exists()


def test_what_is_no_training_set_is_refused(tmp_path: Path, manifest: Path) -> None:
    found = train("talker", tmp_path / "nothing", tmp_path, tmp_path / "out", "--config", manifest)
    assert found.exit_code == 2 and "make one with qwen-tts train pack" in found.output
    assert train("pack", tmp_path / "pack", tmp_path / "none.jsonl").exit_code == 2
