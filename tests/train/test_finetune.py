"""A voice is learned, written as a model of its own, and spoken: what training saw is what speaking sees."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from qwen_tts import Qwen3TTSModel
from qwen_tts.checkpoint import LoadedModel, load_model
from qwen_tts.cli import app
from qwen_tts.errors import DataError, OptionError
from qwen_tts.nn.lora import AdaptedLinear, adapt, merge
from qwen_tts.prompt import build_layout, embed
from qwen_tts.train import voice_clips
from qwen_tts.train.finetune import TuneOptions, VoiceTrainer, free_row
from qwen_tts.train.voice_clips import read_examples

TEXT = "out there"


@pytest.fixture
def base(model_dir: Callable[[str], Path]) -> LoadedModel:
    return load_model(model_dir("base"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    t = np.arange(24_000) / 24_000
    for name, pitch in (("a", 150), ("b", 190), ("ref", 170)):
        wave = 0.2 * np.sign(np.sin(2 * np.pi * pitch * t)) * (1 + np.sin(7 * t)) / 2 + 0.01 * rng.standard_normal(len(t))
        soundfile.write(tmp_path / f"{name}.wav", wave, 24_000)
    codes = rng.integers(0, 64, (9, 4)).tolist()
    rows = [
        {"audio": "a.wav", "text": TEXT, "ref_audio": "ref.wav", "audio_codes": codes},
        {"audio": "b.wav", "text": "the house", "ref_audio": "ref.wav", "language": "English"},
    ]
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps(row) + "\n\n" for row in rows))
    return path


def options(**more: object) -> TuneOptions:
    return TuneOptions(**{"steps": 60, "batch": 2, "accumulate": 1, "peak": 1e-2, "bf16": False} | more)  # type: ignore[arg-type]


def test_data_is_read_encoded_and_its_voices_averaged(base: LoadedModel, data: Path) -> None:
    examples, vector = read_examples(data, base)
    assert [e.text for e in examples] == [TEXT, "the house"] and [e.language for e in examples] == [None, "English"]
    assert examples[0].codes.shape == (9, 4) and examples[1].codes.shape == (13, 4)
    model = Qwen3TTSModel(base)
    (voice,) = model.create_voice_clone_prompt(str(data.parent / "ref.wav"), x_vector_only_mode=True)
    assert torch.allclose(vector, voice.ref_spk_embedding.cpu())


def test_codes_are_kept_for_the_next_start(base: LoadedModel, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = data.parent / "kept" / "codes.safetensors"
    first, _ = read_examples(data, base, keep=kept)
    monkeypatch.setattr(voice_clips, "encode_wave", None)
    second, _ = read_examples(data, base, keep=kept)
    assert torch.equal(first[1].codes, second[1].codes)
    (data.parent / "b.wav").write_bytes((data.parent / "a.wav").read_bytes())
    with pytest.raises(DataError):  # other audio under the same name is encoded
        read_examples(data, base, keep=kept)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "line 3: Expecting"),
        ('{"text": "x", "audio": "a.wav"}', "lacks 'ref_audio'"),
        ('{"text": " ", "audio": "a.wav", "ref_audio": "ref.wav"}', "text is empty"),
        ('{"text": "x", "audio": "none.wav", "ref_audio": "ref.wav"}', "none.wav"),
        ('{"text": "x", "ref_audio": "ref.wav", "audio_codes": [[1, 2]]}', r"expected \[frames, 4\]"),
        ('{"text": "x", "ref_audio": "ref.wav", "audio": "a.wav", "language": "Klingon"}', "unknown language"),
        ('["a"]', "line 3"),
        ('{"text": null, "ref_audio": "ref.wav", "audio": "a.wav"}', "line 3: its text, ref_audio and language are"),
        ('{"text": "x", "ref_audio": "ref.wav", "audio": "a.wav", "language": 5}', "line 3: its text, ref_audio and language"),
        (
            '{"text": "x", "ref_audio": "ref.wav", "audio_codes": [[1, 2, 3, 64]]}',
            "line 3: its codes are 1 to 64, expected 0 to 63",
        ),
        ('{"text": "x", "ref_audio": "ref.wav", "audio_codes": [[-1, 2, 3, 4]]}', "line 3: its codes are -1 to 4"),
        (f'{{"text": "{"x " * 3000}", "ref_audio": "ref.wav", "audio": "a.wav"}}', "line 3: the text needs"),
    ],
)
def test_bad_lines_are_named(base: LoadedModel, data: Path, line: str, words: str) -> None:
    good = data.read_text().split("\n\n")[0]
    data.write_text(f"{good}\n\n{line}\n")
    with pytest.raises(DataError, match=words):
        read_examples(data, base)
    data.write_bytes(good.encode().replace(b"out", b"o\xfct"))
    with pytest.raises(DataError, match="line 1: it is not UTF-8"):
        read_examples(data, base)
    data.write_text("\n")
    with pytest.raises(DataError, match="no clips"):
        read_examples(data, base)


def test_the_first_loss_is_that_of_the_prompt_that_is_spoken(base: LoadedModel, data: Path) -> None:
    """Position by position, as the engine goes: the label at a position is the next frame's code 0."""
    examples, vector = read_examples(data, base)
    trainer = VoiceTrainer(base, examples, vector, options())
    found = trainer.losses(examples[:1], np.random.default_rng(0))
    talker, codes = base.talker.eval(), examples[0].codes
    layout = build_layout(
        base.config, text_ids=base.text.target_ids(TEXT), role_ids=base.text.role_ids, voice=True, streaming_text=False
    )
    with torch.no_grad():
        prompt = embed(layout, talker, vector)
        state = talker.init_state(1, 200)
        hidden = [talker(prompt.embeddings[None], state)[0, -1]]
        hidden += [talker(talker.embed_codes(codes[None, t : t + 1]) + prompt.pad, state)[0, -1] for t in range(len(codes))]
        targets = [*codes[:, 0].tolist(), base.config.talker_config.codec_eos_token_id]
        expected = [-talker.logits(h).log_softmax(-1)[target] for h, target in zip(hidden, targets, strict=True)]
    assert found["code0"].item() == pytest.approx(torch.stack(expected).mean().item(), abs=1e-4)


@pytest.mark.parametrize("lora", [None, 16])
def test_what_is_learned_is_spoken_by_the_written_model(
    base: LoadedModel, data: Path, model_dir: Callable[[str], Path], tmp_path: Path, lora: int | None
) -> None:
    examples, vector = read_examples(data, base)
    trainer = VoiceTrainer(
        base, examples[:1], vector, options(lora=lora, steps=150, peak=2e-2 if lora else 1e-2, rest_weight=1.0)
    )
    losses = [trainer.step(step)["code0"] for step in range(150)]
    assert losses[-1] < 0.1 < losses[0]
    out = tmp_path / "mine"
    trainer.write(model_dir("base"), "Nora", out)
    model = Qwen3TTSModel.from_pretrained(out, engine="eager")
    assert model.get_supported_speakers() == ["nora"]
    made = model.generate_custom_voice(
        TEXT, "Nora", do_sample=False, subtalker_dosample=False, repetition_penalty=1.0, retries=0, stop_loops=False
    )
    assert made.details[0].codes.tolist() == examples[0].codes.tolist() and made.details[0].finish_reason == "eos"
    with pytest.raises(OptionError, match="is there already"):
        trainer.write(model_dir("base"), "Nora", out)


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(model_dir: Callable[[str], Path], data: Path) -> None:
    def trainer() -> VoiceTrainer:
        base = load_model(model_dir("base"))
        return VoiceTrainer(base, *read_examples(data, base), options(lora=4))

    whole, first, second = trainer(), trainer(), trainer()
    for step in range(6):
        whole.step(step)
    for step in range(3):
        first.step(step)
    second.load_state_dict(first.state_dict())
    for step in range(3, 6):
        second.step(step)
    for name, value in whole.trained.items():
        assert torch.equal(value, second.trained[name])
    for lora in (None, 1):
        other = VoiceTrainer(load_model(model_dir("base")), *read_examples(data, whole.model), options(lora=lora))
        with pytest.raises(ValueError, match="rank"):
            other.load_state_dict(first.state_dict())
    clips, vector = read_examples(data, whole.model)
    for others in (clips[::-1], clips[:1], [replace(clips[0], text="the house"), clips[1]]):
        with pytest.raises(ValueError, match="its clips differ"):
            VoiceTrainer(load_model(model_dir("base")), others, vector, options(lora=4)).load_state_dict(first.state_dict())


def test_adapters_begin_as_nothing_and_merge_to_what_they_were() -> None:
    torch.manual_seed(0)
    plain = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.Sequential(torch.nn.Linear(5, 4, bias=False)))
    x = torch.randn(3, 6)
    before = plain(x)
    adapt(plain, 2, 4.0)
    assert torch.equal(plain(x), before)
    adapters = [m for m in plain.modules() if isinstance(m, AdaptedLinear)]
    assert len(adapters) == 2 and {name[-1] for name, p in plain.named_parameters() if p.requires_grad} == {"A", "B"}
    for adapter in adapters:
        torch.nn.init.normal_(adapter.B)
    changed = plain(x)
    merge(plain)
    assert torch.allclose(plain(x), changed, atol=1e-5) and not torch.allclose(changed, before)
    assert not any(isinstance(m, AdaptedLinear) for m in plain.modules())


def test_a_free_row_is_nobodys(loaded: Callable[[str], LoadedModel]) -> None:
    config = loaded("custom_voice").config
    row = free_row(config)
    assert 64 <= row < 96 and row not in {
        *config.talker_config.spk_id.values(),
        *config.talker_config.codec_language_id.values(),
    }


def test_the_command_trains_goes_on_and_refuses(data: Path, model_dir: Callable[[str], Path], tmp_path: Path) -> None:
    out = tmp_path / "nora"
    arguments = [
        "train",
        "voice",
        str(data),
        "--model",
        str(model_dir("base")),
        "--name",
        "Nora",
        "-o",
        str(out),
        "--device",
        "cpu",
    ]
    done = CliRunner().invoke(app, [*arguments, "--epochs", "8", "--lora", "2"])
    assert done.exit_code == 0, done.output
    assert Qwen3TTSModel.from_pretrained(out).get_supported_speakers() == ["nora"]
    assert [json.loads(line)["step"] for line in (tmp_path / "nora.training" / "log.jsonl").read_text().splitlines()] == [1, 2]
    for more, words in (([], "is there already"), (["-o", str(tmp_path / "no" / "x")], "does not exist")):
        done = CliRunner().invoke(app, [*arguments, *more])
        assert done.exit_code == 2 and words in done.output
    for told, words in ((["--name", " "], "no voice can be called"), (["--rate", "0"], "--rate")):
        done = CliRunner().invoke(app, [*arguments, *told])
        assert done.exit_code == 2 and words in done.output, done.output
    wrong = [*arguments[:4], str(model_dir("custom_voice")), *arguments[5:8], str(tmp_path / "other"), "--device", "cpu"]
    done = CliRunner().invoke(app, wrong)
    assert done.exit_code == 2 and "learned by a base model" in done.output


def test_two_processes_learn_what_one_does_with_twice_the_batches(
    data: Path, model_dir: Callable[[str], Path], tmp_path: Path
) -> None:
    def arguments(out: str, accumulate: int) -> list[str]:
        told = ["train", "voice", str(data), "--model", str(model_dir("base")), "--name", "Nora", "-o", str(tmp_path / out)]
        return [*told, "--device", "cpu", "--epochs", "6", "--batch", "1", "--accumulate", str(accumulate), "--rate", "1e-3"]

    with data.open("a") as lines:
        lines.write(json.dumps({"audio": "a.wav", "text": "the mouse", "ref_audio": "ref.wav"}))
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "qwen_tts"]
    run = subprocess.run([*launcher, *arguments("two", 1)], capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr
    encoded = [load_file(tmp_path / "two.training" / name).keys() for name in ("codes.safetensors", "codes.1.safetensors")]
    assert [len(names) for names in encoded] == [1, 1] and not encoded[0] & encoded[1]
    assert CliRunner().invoke(app, arguments("one", 2)).exit_code == 0
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    before = load_file(model_dir("base") / "model.safetensors")
    name = "talker.model.layers.0.mlp.up_proj.weight"
    assert torch.allclose(one[name].float(), two[name].float(), atol=1e-3) and not torch.equal(one[name], before[name])
