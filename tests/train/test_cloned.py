"""A talker that learns to take on a recording's voice: its inputs are inference's, and the voice decides what is spoken."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from miniature import CODES, GROUPS, model_config

from qwen_tts.config import ModelConfig
from qwen_tts.engine.eager import EagerEngine
from qwen_tts.errors import DataError
from qwen_tts.mel import mel_spectrogram
from qwen_tts.prompt import build_layout, embed
from qwen_tts.sampling import SamplingOptions
from qwen_tts.speaker.ecapa import SpeakerEncoder
from qwen_tts.talker.frames import GenerationOptions, generate_frames
from qwen_tts.talker.talker import Talker
from qwen_tts.text import TextTokenizer
from qwen_tts.train.data import Alignment, Codes, Pack, write_codes
from qwen_tts.train.excerpts import Excerpts
from qwen_tts.train.talker import TalkerTrainer
from qwen_tts.train.talker_batches import TalkerBatches
from qwen_tts.train.talker_options import TalkerOptions

OPTIONS = TalkerOptions(
    steps=300, tokens=400, peak=1e-2, streaming_share=0.0, guide_layers=(0, 1), guide_steps=0, hidden=0, spelled=0, excerpts=0,
    cloned=1.0, in_context=0.0, bf16=False,
)  # fmt: skip


@pytest.fixture
def base(model_dir: Callable[[str], Path]) -> Callable[..., TalkerTrainer]:
    config = ModelConfig.from_dict(model_config("base") | {"tts_model_type": "base"})
    assert config.speaker_encoder_config is not None

    def make(pack: Pack, aligned: bool = True) -> TalkerTrainer:
        torch.manual_seed(0)
        encoder = SpeakerEncoder(config.speaker_encoder_config)  # type: ignore[arg-type]
        talker, text = Talker(config.talker_config), TextTokenizer.from_dir(model_dir("base"))
        known = replace(config, talker_config=replace(config.talker_config, spk_id={"ryan": 0}, spk_is_dialect={}))
        codes, alignment = Codes(pack.folder), Alignment(pack.folder) if aligned else None
        return TalkerTrainer(TalkerBatches(talker, known, text, pack, codes, OPTIONS, alignment, None, encoder))

    return make


def test_a_speaker_encoder_hears_no_pack_of_another_rate(pack: Pack, base: Callable[..., TalkerTrainer]) -> None:
    (pack.folder / "audio.json").write_text('{"rate": 16000}')
    with pytest.raises(DataError, match="at 16000 Hz, 24000 are needed"):
        base(pack)


def test_halves_of_a_clip_meet_at_a_word(pack: Pack, base: Callable[..., TalkerTrainer]) -> None:
    trainer, seen = base(pack), set()
    for seed in range(40):
        halves = trainer.batches.excerpts.halves(2, np.random.default_rng(seed))
        if halves is None:
            continue
        before, after = halves
        seen.add(before.text)
        assert f"{before.text} {after.text}" == pack.clips[2].text
        assert before.frames.start == 0 and before.frames.stop == after.frames.start
        assert after.frames.stop == trainer.batches.frames[2]
        assert len(trainer.batches.excerpts.wave(before)) == before.count * 1920
    assert seen == {"about the"}  # every other word leaves less than a second on one side
    assert trainer.batches.excerpts.halves(0, np.random.default_rng(0)) is None  # a second: too short for two


def test_a_clip_goes_on_from_another_one_of_its_speaker(pack: Pack, base: Callable[..., TalkerTrainer]) -> None:
    known = base(pack).batches
    drawn = [known.excerpts.before(2, np.random.default_rng(seed)) for seed in range(60)]
    parts = {(before.clip, before.text) for before, after in filter(None, drawn) if after.text == pack.clips[2].text}
    assert parts == {(0, pack.clips[0].text), (1, pack.clips[1].text)}
    assert any(before.clip == 2 and after.clip == 2 for before, after in filter(None, drawn))
    for before, _ in filter(None, drawn):
        assert before.frames.start == 0 and (before.clip == 2 or before.count == known.frames[before.clip])
    alone = known.excerpts
    for heard, may in (([0, 1, 0], {1}), ([0, 1, 1], {1, 2}), ([0, 0, 1], {2}), ([0, 0, 0], set())):
        some = Excerpts(pack, known.frames, alone.alignment, alone.rate, np.array(heard, bool))
        drawn = [some.before(2, np.random.default_rng(seed)) for seed in range(60)]
        assert {before.clip for before, _ in filter(None, drawn)} == may


def test_what_is_gone_on_from_is_as_a_codec_hears_it(pack: Pack, base: Callable[..., TalkerTrainer]) -> None:
    known, folder = base(pack).batches, pack.folder / "heard"
    write_codes([CODES - 1 - known.codes.get(0).numpy(), *[np.zeros((0, GROUPS), np.int64)] * 2], folder)
    options = replace(OPTIONS, in_context=1.0)
    given = TalkerBatches(
        known.talker, known.config, known.text, pack, known.codes, options, known.alignment, None, known.speaker_encoder,
        heard=Codes(folder),
    )  # fmt: skip
    drawn = ((seed, *given.voiced(2, np.random.default_rng(seed))) for seed in range(50))
    seed, part, recording = next(found for found in drawn if found[2] is not None and found[2].spoken is not None)
    assert recording is not None and recording.spoken is not None and recording.spoken.clip == 0
    assert torch.equal(recording.heard[: pack.clips[0].samples], torch.from_numpy(pack.wave(pack.clips[0])))
    layout, _ = given.layout(part, recording, np.random.default_rng(0))
    with torch.no_grad():
        prompt, told = given.prompt(layout, recording), known.prompt(layout, recording)
    assert prompt.embeddings.shape == told.embeddings.shape and not torch.allclose(prompt.embeddings, told.embeddings)
    assert torch.equal(given.assemble([2], np.random.default_rng(seed)).codes[0], known.codes.get(2)), "speech stays true"


def test_in_context_training_reads_what_inference_reads(pack: Pack, base: Callable[..., TalkerTrainer]) -> None:
    trainer = base(pack)
    trainer.batches.options = replace(trainer.options, in_context=1.0)
    drawn = ((n, *trainer.batches.voiced(2, np.random.default_rng(n))) for n in range(50))
    seed, part, recording = next(found for found in drawn if found[2] is not None and found[2].spoken is not None)
    assert recording is not None and recording.spoken is not None
    spoken = recording.spoken
    batch = trainer.batches.assemble([2], np.random.default_rng(seed))
    config, codes = trainer.batches.speaker_encoder.config, trainer.batches.codes.get(2)  # type: ignore[union-attr]
    text = trainer.batches.text
    with torch.no_grad():
        vector = trainer.batches.speaker_encoder(mel_spectrogram(recording.heard[None], config.mel_dim, config.sample_rate))[0]  # type: ignore[misc]
        for language in (None, "English"):  # which of them is drawn
            layout = build_layout(
                trainer.batches.config, text_ids=text.target_ids(part.text), role_ids=text.role_ids, voice=True,
                reference_ids=text.reference_ids(spoken.text), reference_frames=spoken.count,
                language=language, streaming_text=False,
            )  # fmt: skip
            prompt = embed(layout, trainer.talker, vector, trainer.batches.codes.get(spoken.clip)[spoken.frames])
            expected = prompt.teacher_forced(trainer.talker.embed_codes(codes[None, part.frames])[0])
            if expected.shape == batch.inputs[0].shape:
                assert torch.allclose(expected, batch.inputs[0], atol=1e-5)
                break
        else:
            pytest.fail("no such layout")
    assert torch.equal(batch.codes[0], codes[part.frames])


def test_the_voice_of_a_recording_decides_what_is_spoken(pack: Pack, base: Callable[..., TalkerTrainer]) -> None:
    """Three clips with the same text, one speaker each: after training each recording alone brings back its clip's codes."""
    clips = [
        replace(clip, text="the house", speaker="", instruct="a voice", samples=pack.clips[0].samples) for clip in pack.clips
    ]
    frames = -(-clips[0].samples // 1920)
    rng = np.random.default_rng(1)
    rng.integers(0, CODES, (3 * frames, GROUPS)).astype("<i2").tofile(pack.folder / "codes.i16")
    np.save(pack.folder / "codes_start.npy", np.arange(4) * frames)
    pack.clips = clips
    trainer = base(pack, aligned=False)
    for step in range(150):
        figures = trainer.step(step)
    assert figures["code0"] < 0.1, figures
    talker, encoder, greedy = trainer.talker.eval(), trainer.batches.speaker_encoder, SamplingOptions(do_sample=False)
    assert encoder is not None
    text = trainer.batches.text
    layout = build_layout(
        trainer.batches.config, text_ids=text.target_ids("the house"), role_ids=text.role_ids, language="English",
        voice=True, streaming_text=False,
    )  # fmt: skip
    for number, clip in enumerate(clips):
        wave = torch.from_numpy(pack.wave(clip))
        with torch.no_grad():
            vector = encoder(mel_spectrogram(wave[None], encoder.config.mel_dim, encoder.config.sample_rate))[0]
            prompt = embed(layout, talker, vector)
            frames_made = generate_frames(EagerEngine(talker), [prompt], GenerationOptions(greedy, greedy), [0])
            assert torch.equal(torch.cat([made for made, _ in frames_made]), trainer.batches.codes.get(number))


def test_given_vectors_stand_for_a_speaker_encoder(pack: Pack, base: Callable[..., TalkerTrainer]) -> None:
    known = base(pack).batches
    assert known.speaker_encoder is not None
    width = known.speaker_encoder.config.enc_dim
    vectors = np.random.default_rng(0).normal(size=(len(pack.clips), width)).astype(np.float32)
    vectors[:, 0] = 0
    exact = replace(OPTIONS, vector_noise=0.0)
    given = TalkerBatches(
        known.talker, known.config, known.text, pack, known.codes, exact, known.alignment, None, None, vectors
    )
    assert set(TalkerTrainer(given).learning) == {"talker"}
    batch = given.assemble([1], np.random.default_rng(0))
    layout, _ = given.layout(*given.voiced(1, np.random.default_rng(0)), np.random.default_rng(0))
    with torch.no_grad():
        prompt = embed(layout, given.talker, torch.from_numpy(vectors[1]))
    assert torch.allclose(batch.inputs[0, : len(layout.rows)], prompt.embeddings, atol=1e-6)
    noisy = replace(given.options, vector_noise=0.5)
    given.options = noisy
    _, heard = given.voiced(1, np.random.default_rng(0))
    assert heard is not None and heard.heard[0] == 0  # what says nothing stays nothing
    assert (heard.heard[1:] != torch.from_numpy(vectors[1])[1:]).all()


def test_who_has_no_name_is_known_by_a_vector(pack: Pack, base: Callable[..., TalkerTrainer]) -> None:
    known = base(pack).batches
    pack.clips[0] = replace(pack.clips[0], speaker="somebody")
    vectors = np.ones((len(pack.clips), 8), np.float32)
    never = replace(OPTIONS, cloned=0.0)
    arguments = known.talker, known.config, known.text, pack, known.codes, never, known.alignment
    with pytest.warns(UserWarning, match="never shown: 1; .* 'somebody'"):
        assert not TalkerBatches(*arguments).often[0]
    given = TalkerBatches(*arguments, None, None, vectors)
    assert given.often[0]
    assert given.voiced(0, np.random.default_rng(0))[1] is not None
    assert given.voiced(1, np.random.default_rng(0))[1] is None


def test_a_described_voice_is_known_by_its_description(pack: Pack, base: Callable[..., TalkerTrainer]) -> None:
    known = base(pack).batches
    pack.clips[2] = replace(pack.clips[2], speaker="", instruct="a deep voice")
    vectors, rng = np.ones((len(pack.clips), 8), np.float32), np.random.default_rng(0)
    sometimes = replace(OPTIONS, cloned=0.25)
    given = TalkerBatches(
        known.talker, known.config, known.text, pack, known.codes, sometimes, known.alignment, None, None, vectors
    )
    drawn = [given.voiced(2, rng) for _ in range(200)]
    assert 100 < sum(recording is None for _, recording in drawn) < 195
    for part, recording in drawn:
        layout, _ = given.layout(part, recording, rng)
        assert bool(layout.instruct) == (recording is None)
