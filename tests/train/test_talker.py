"""Training sees what inference sees: teacher-forced logits equal step-by-step logits, and what is learned is spoken."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from miniature import model_config

from qwen_tts.config import ModelConfig
from qwen_tts.engine.eager import EagerEngine
from qwen_tts.prompt import build_layout, embed
from qwen_tts.sampling import SamplingOptions
from qwen_tts.talker.frames import GenerationOptions, generate_frames
from qwen_tts.talker.talker import Talker
from qwen_tts.text import TextTokenizer
from qwen_tts.train.data import Alignment, Codes, Pack
from qwen_tts.train.talker import TalkerTrainer
from qwen_tts.train.talker_batches import TalkerBatches
from qwen_tts.train.talker_options import TalkerOptions


@pytest.fixture
def trainer(pack: Pack, model_dir: Callable[[str], Path]) -> TalkerTrainer:
    config = ModelConfig.from_dict(model_config("custom_voice"))
    torch.manual_seed(0)
    options = TalkerOptions(
        steps=300,
        tokens=300,
        peak=1e-2,
        predictor_share=1.0,
        streaming_share=0.0,
        guide_layers=(0, 1),
        guide_steps=50,
        hidden=0,
        spelled=0,
        excerpts=0,
        bf16=False,
    )
    text = TextTokenizer.from_dir(model_dir("custom_voice"))
    talker = Talker(config.talker_config)
    return TalkerTrainer(TalkerBatches(talker, config, text, pack, Codes(pack.folder), options, Alignment(pack.folder)))


@pytest.mark.parametrize("streaming", [False, True])
def test_teacher_forced_logits_equal_those_of_inference(trainer: TalkerTrainer, streaming: bool) -> None:
    """Runs the talker one position after the other, as the engine does, on the same codes."""
    talker, clip = trainer.talker.eval(), trainer.batches.pack.clips[1]
    codes, text = trainer.batches.codes.get(1), trainer.batches.text
    layout = build_layout(
        trainer.batches.config, text_ids=text.target_ids(clip.text), role_ids=text.role_ids, language=clip.language,
        speaker=clip.speaker, streaming_text=streaming,
    )  # fmt: skip
    with torch.no_grad():
        prompt = embed(layout, talker)
        forced = talker(prompt.teacher_forced(talker.embed_codes(codes[None])[0])[None])[0, len(layout.rows) - 1 :]
        state = talker.init_state(1, 200)
        hidden = [talker(prompt.embeddings[None], state)[0, -1]]
        for t in range(len(codes)):
            text = prompt.trailing[t] if t < len(prompt.trailing) else prompt.pad
            hidden.append(talker((talker.embed_codes(codes[None, t : t + 1]) + text), state)[0, -1])
        assert torch.allclose(torch.stack(hidden), forced, atol=1e-4)


def test_labels_are_the_next_frame_and_then_the_end(trainer: TalkerTrainer) -> None:
    """The loss must be what a plain reading of the definition gives."""
    rng = np.random.default_rng(0)
    batch = trainer.batches.assemble([0, 1, 2], rng)
    with torch.no_grad():
        found = trainer.losses(batch, rng)
        hidden = trainer.talker(batch.inputs)
        eos, code0, rest = trainer.batches.config.talker_config.codec_eos_token_id, [], []
        for row, codes in enumerate(batch.codes):
            for t in range(len(codes) + 1):
                state = hidden[row, batch.first[row] + t]
                target = codes[t, 0] if t < len(codes) else torch.tensor(eos)
                code0.append(-trainer.talker.logits(state).log_softmax(-1)[target])
                if t < len(codes):
                    logits = trainer.talker.code_logits(state[None], codes[t : t + 1])[0].log_softmax(-1)
                    rest += [-logits[i, codes[t, i + 1]] for i in range(codes.shape[1] - 1)]
    assert torch.allclose(found["code0"], torch.stack(code0).mean(), atol=1e-4)
    assert torch.allclose(found["rest"], torch.stack(rest).mean(), atol=1e-4)


def test_the_watched_head_is_the_attention_of_the_model(trainer: TalkerTrainer) -> None:
    batch = trainer.batches.assemble([0], np.random.default_rng(0))
    watch = trainer.watched[1]
    attention = watch.attention
    seen = {}
    hook = attention.o_proj.register_forward_pre_hook(lambda _, args: seen.update(out=args[0]))
    with torch.no_grad():
        trainer.talker(batch.inputs)
        assert watch.inputs is not None
        _, _, v = attention.project(watch.inputs[0], *watch.inputs[1])
        out = watch.scores().exp()[0] @ v[0, 0]
    hook.remove()
    assert torch.allclose(out, seen["out"][0, :, : attention.head_dim], atol=1e-5)


def test_the_hint_is_the_attention_on_what_is_spoken(trainer: TalkerTrainer) -> None:
    """With even timing, frame t of T speaks byte (t + 1/2) n / T of the n of the text, or the last one."""
    batch = trainer.batches.assemble([2, 1], np.random.default_rng(0))
    with torch.no_grad():
        trainer.talker(batch.inputs)
        found = trainer.guide(batch)
        losses = []
        for watch in trainer.watched:
            attention = watch.scores().exp()
            for b, clip in enumerate([2, 1]):
                text, frames = trainer.batches.pack.clips[clip].text, len(batch.codes[b])
                ids = [trainer.batches.text.encode(word) for word in re.findall(r"\s*\S+", text)]
                ends = np.cumsum([size for word in ids for size in trainer.batches.text.sizes(word)])
                assert ends[-1] == len(text)
                rows = batch.text[b]
                assert rows is not None
                for t in range(frames):
                    place, mass = min((t + 0.5) * len(text) / frames, len(text) - 1), 0.0
                    for k, (begin, end) in enumerate(zip([0, *ends], ends, strict=False)):
                        off = max(begin - place, place - end, 0)
                        weight = np.exp(-(off**2) / (2 * trainer.options.guide_slack**2))
                        mass += weight * attention[b, batch.first[b] + t, rows.begin + k].item()
                    losses.append(min(8, -np.log(mass)))
    assert found.item() == pytest.approx(np.mean(losses), rel=1e-4)


def test_an_excerpt_is_some_words_and_the_frames_that_speak_them(trainer: TalkerTrainer) -> None:
    trainer.batches.options = replace(trainer.options, excerpts=1.0)
    clip, text = 2, trainer.batches.pack.clips[2].text
    frames = int(trainer.batches.frames[clip])
    seen = set()
    for seed in range(40):
        part = trainer.batches.excerpts.some(clip, np.random.default_rng(seed), 1.0)
        seen.add(part.text)
        assert text[part.byte :].startswith(part.text) and set(part.text.split()) < set(text.split())
        begin, end = part.byte * frames / len(text), (part.byte + len(part.text)) * frames / len(text)  # timing is even here
        assert abs(part.frames.start - begin) <= 1 and abs(part.frames.stop - end) <= 4
        assert 0 <= part.frames.start < part.frames.stop <= frames
    assert len(seen) > 5
    batch = trainer.batches.assemble([2, 2, 1], np.random.default_rng(1))
    for part, codes in zip(batch.shown, batch.codes, strict=True):
        assert torch.equal(codes, trainer.batches.codes.get(part.clip)[part.frames])
    trainer.talker(batch.inputs)
    assert torch.isfinite(trainer.guide(batch))


def test_a_new_training_begins_with_the_averaged_weights_of_another(trainer: TalkerTrainer) -> None:
    for step in range(3):
        trainer.step(step)
    averages = {name: value.clone() for name, value in trainer.averages["talker"].values.items()}
    state = trainer.state_dict()
    trainer.begin_with({"talker": state["talker"], "averages": {"talker": averages}})
    for name, value in trainer.talker.named_parameters():
        assert torch.equal(value, averages[name])


def test_what_was_learned_by_heart_is_spoken(trainer: TalkerTrainer) -> None:
    for step in range(150):
        figures = trainer.step(step)
    assert figures["code0"] < 0.1
    assert figures["rest"] < 0.1
    talker, clip, codes = trainer.talker.eval(), trainer.batches.pack.clips[2], trainer.batches.codes.get(2)
    text = trainer.batches.text
    layout = build_layout(
        trainer.batches.config, text_ids=text.target_ids(clip.text), role_ids=text.role_ids, language=clip.language,
        speaker=clip.speaker, streaming_text=False,
    )  # fmt: skip
    greedy = SamplingOptions(do_sample=False)
    with torch.no_grad():
        frames = generate_frames(EagerEngine(talker), [embed(layout, talker)], GenerationOptions(greedy, greedy), [0])
        spoken = torch.cat([made for made, _ in frames])
    assert torch.equal(spoken, codes)
    assert frames.finish_reasons == ["eos"]


def test_first_frames_count_as_much_as_is_asked(trainer: TalkerTrainer) -> None:
    batch = trainer.batches.assemble([0, 1, 2], np.random.default_rng(0))

    def rest(beginning: float) -> float:
        trainer.options = replace(trainer.options, beginning=beginning)
        with torch.no_grad():
            return float(trainer.losses(batch, np.random.default_rng(1))["rest"])

    rows, frames = len(batch.codes), sum(map(len, batch.codes))
    others = (frames - rows) * rest(0)
    firsts = frames * rest(1) - others
    assert rest(20) == pytest.approx((20 * firsts + others) / (20 * rows + frames - rows), rel=1e-4)
    hidden, codes = trainer.talker.eval()(batch.inputs), batch.codes
    speaking = torch.stack([hidden[row, first] for row, first in enumerate(batch.first)])
    beginnings = torch.stack([row[0] for row in codes])
    logits = trainer.talker.code_logits(speaking, beginnings).detach()
    true = torch.nn.functional.cross_entropy(logits.flatten(0, 1), beginnings[:, 1:].flatten())
    assert firsts / rows == pytest.approx(float(true), rel=1e-3)


def test_every_clip_comes_once_an_epoch(trainer: TalkerTrainer) -> None:
    for epoch in range(3):
        assert sorted(clip for group in trainer.batches.epoch(epoch) for clip in group) == [0, 1, 2]


def test_half_of_the_clips_have_a_past_that_was_guessed_and_all_a_future_that_was_spoken(trainer: TalkerTrainer) -> None:
    class Guessed:
        def get(self, clip: int) -> torch.Tensor:
            return torch.zeros_like(trainer.batches.codes.get(clip))

    def one(seed: int) -> tuple[bool, bool]:
        batch = trainer.batches.assemble([1], np.random.default_rng(seed))
        frames = batch.inputs[0, batch.first[0] + 1 : batch.first[0] + 1 + len(batch.codes[0])]
        moved = (frames - true).abs().max() > 1e-3
        return bool(moved), torch.equal(batch.codes[0], trainer.batches.codes.get(1))

    batch = trainer.batches.assemble([1], np.random.default_rng(0))
    true = batch.inputs[0, batch.first[0] + 1 : batch.first[0] + 1 + len(batch.codes[0])]
    assert one(0) == (False, True)
    trainer.batches.pasts.append(Guessed())  # type: ignore[arg-type]
    found = [one(seed) for seed in range(60)]
    assert all(kept for _, kept in found)
    assert 15 < sum(moved for moved, _ in found) < 45
