"""Codes that stand for similar vectors learn from each other, and the first frames of described voices are learned apart."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from miniature import CODES, GROUPS, codec_config, model_config

from qwen_tts.codec.codec import Codec
from qwen_tts.config import CodecConfig, ModelConfig
from qwen_tts.errors import DataError
from qwen_tts.talker.talker import Talker
from qwen_tts.text import TextTokenizer
from qwen_tts.train.alike import SIZE, Alike, told_vectors
from qwen_tts.train.data import Alignment, Codes, Pack
from qwen_tts.train.talker import TalkerTrainer
from qwen_tts.train.talker_batches import TalkerBatches
from qwen_tts.train.talker_options import TalkerOptions

OPTIONS = TalkerOptions(
    steps=4, tokens=400, peak=1e-2, streaming_share=0.0, guide_layers=(0, 1), hidden=0, spelled=0, excerpts=0, cloned=0,
    bf16=False,
)  # fmt: skip


@pytest.fixture
def talker() -> Talker:
    torch.manual_seed(0)
    return Talker(ModelConfig.from_dict(model_config("custom_voice")).talker_config)


@pytest.fixture
def make(pack: Pack, model_dir: Callable[[str], Path], talker: Talker) -> Callable[..., TalkerTrainer]:
    def made(options: TalkerOptions, vectors: np.ndarray | None = None, alike: list | None = None) -> TalkerTrainer:
        config, text = ModelConfig.from_dict(model_config("custom_voice")), TextTokenizer.from_dir(model_dir("custom_voice"))
        alignment = Alignment(pack.folder)
        batches = TalkerBatches(talker, config, text, pack, Codes(pack.folder), options, alignment, None, None, vectors)
        return TalkerTrainer(batches, alike)

    return made


def vectors_of_two_kinds() -> list[torch.Tensor]:
    """Of each codebook, codes below the middle stand for one vector, the others for its opposite."""
    kind = torch.where(torch.arange(CODES) < CODES // 2, 1.0, -1.0)[:, None]
    return [kind.expand(-1, 3).contiguous()] * GROUPS


def test_vectors_are_what_the_decoder_looks_up_in_one_size() -> None:
    codec = Codec(CodecConfig.from_dict(codec_config()))
    rest = codec.decoder.quantizer.rvq_rest.codebooks()
    wide = torch.randn(CODES, rest[0].get_buffer(rest[0].sum_name).shape[1], generator=torch.Generator().manual_seed(0))
    wide[:, 0] *= 1000
    wide[:, 1] = 7.0
    rest[0].get_buffer(rest[0].sum_name).copy_(wide)
    found = told_vectors(codec.decoder)
    assert len(found) == codec.config.decoder_config.num_quantizers
    told = found[1]
    assert told.shape == (CODES, wide.shape[1]), "a column that says nothing is left out, one of lengths is added"
    assert torch.allclose(told.mean(0), torch.zeros(told.shape[1]), atol=1e-4)
    assert float(told.square().sum(1).mean()) == pytest.approx(SIZE**2, rel=1e-4)
    assert float(told[:, 0].std()) == pytest.approx(float(told[:, 1].std()), rel=0.3), "no column drowns the others"
    assert np.corrcoef(told[:, 0].numpy(), wide[:, 0].numpy())[0, 1] == pytest.approx(1, abs=1e-5)


def test_a_map_gets_what_the_chain_rule_gives_it_and_goes_into_the_tables(talker: Talker) -> None:
    vectors = [torch.randn(CODES, 3, generator=torch.Generator().manual_seed(number)) for number in range(GROUPS)]
    alike, head = Alike(talker, vectors), talker.code_predictor.lm_head[0].weight
    assert len(alike.maps) == 2 * GROUPS and not set(alike.state_dict()) & set(talker.state_dict())
    for table in talker.parameters():
        table.grad = torch.zeros_like(table)
    before, given = head.detach().clone(), torch.randn(head.shape)
    head.grad = given
    alike.take_gradients()
    free = torch.zeros(3, head.shape[1], requires_grad=True)
    ((before + vectors[1] @ free) * given).sum().backward()
    (moved,) = (each for each in alike.maps if each.grad is not None and each.grad.any())
    assert torch.allclose(moved.grad, free.grad, atol=1e-5)  # type: ignore[arg-type]
    with torch.no_grad():
        moved += 0.5
    alike.give()
    assert torch.allclose(head, before + vectors[1] @ torch.full((3, head.shape[1]), 0.5), atol=1e-5)
    assert not any(each.any() for each in alike.maps)


def test_a_code_that_is_never_said_learns_from_those_that_are_like_it(
    make: Callable[..., TalkerTrainer], talker: Talker
) -> None:
    """All clips say code 1 in book 2; code 3 is like it, and the codes from the middle on are not."""
    start = {name: tensor.clone() for name, tensor in talker.state_dict().items()}

    def scores(alike: list[torch.Tensor] | None) -> tuple[float, float]:
        """Of code 3 and of a code unlike it, as the trained talker scores them in frames of the clips."""
        talker.load_state_dict(start)
        trainer = make(replace(OPTIONS, peak=1.0, guide_weight=0.0), None, alike)  # a step is a 300th of it, in the warm-up
        trainer.batches.codes.rows = trainer.batches.codes.rows.copy()
        trainer.batches.codes.rows[:, 2] = 1
        for step in range(6):
            trainer.step(step)
        batch = trainer.batches.assemble([0, 1, 2], np.random.default_rng(0))
        with torch.no_grad():
            hidden, frames = trainer.starts(batch)
            logits = talker.code_logits(hidden, frames)[:, 1].log_softmax(-1).mean(0)
        return float(logits[3]), float(logits[CODES // 2 + 3])

    alone, shared = scores(None), scores(vectors_of_two_kinds())
    assert shared[0] - shared[1] > alone[0] - alone[1] + 0.5
    assert not any("maps" in name for name in talker.state_dict())


def test_first_frames_are_asked_for_the_voice(pack: Pack, make: Callable[..., TalkerTrainer]) -> None:
    for number in (0, 2):
        pack.clips[number] = replace(pack.clips[number], speaker="", instruct="a deep voice" if number else "a high voice")
    vectors = np.zeros((3, 6), np.float32)
    vectors[:, 0], vectors[:, 3] = (1, 9, -1), (0.5, 9, 0)
    trainer = make(replace(OPTIONS, beginnings=5, peak=1e-2), vectors)
    learned = trainer.beginnings
    assert learned is not None and list(learned.parts) == [0, 3]
    assert set(learned.some(50, np.random.default_rng(0))) == {0, 2}

    states = torch.randn(200, learned.teller.in_features, generator=torch.Generator().manual_seed(0))
    states[:, 4:6] *= 0.01
    learned.aim(states)
    read = learned.teller.weight.detach()
    assert read[[0, 3]][:, 4:6].norm() == pytest.approx(2**0.5, abs=0.01), "where states differ least"
    assert not read[[1, 2, 4, 5]].any()
    assert torch.allclose(learned.teller(states).mean(0), torch.from_numpy(vectors[[0, 2]]).mean(0), atol=1e-4)

    batch = trainer.batches.assemble([2, 0], np.random.default_rng(0))
    with torch.no_grad():
        hidden, frames = trainer.starts(batch)
        chosen, off = learned.losses(trainer.talker, hidden, frames, [2, 0])
        whole = trainer.talker(batch.inputs)
        rows = [whole[row, first] for row, first in enumerate(batch.first)]
        told = [learned.teller(row).numpy() for row in rows]
        logits = [trainer.talker.code_logits(rows[i][None], batch.codes[i][:1])[0].log_softmax(-1) for i in range(2)]
    assert torch.equal(frames, torch.stack([codes[0] for codes in batch.codes]))
    wrong = [((a - vectors[clip]) ** 2).sum() for a, clip in zip(told, (2, 0), strict=True)]
    assert float(off) == pytest.approx(np.mean(wrong) / (1 + 0.0625), rel=1e-4)
    true = [-float(logits[i][n, batch.codes[i][0, n + 1]]) for i in range(2) for n in range(GROUPS - 1)]
    assert float(chosen) == pytest.approx(np.mean(true), rel=1e-4)

    figures = [trainer.step(step) for step in range(40)]
    assert figures[-1]["voice"] < 0.2 * figures[0]["voice"] and figures[-1]["first"] < figures[0]["first"]
    again = make(replace(OPTIONS, beginnings=5), vectors)
    again.load_state_dict(trainer.state_dict())
    assert again.beginnings is not None and torch.equal(again.beginnings.teller.weight, learned.teller.weight)


def test_first_frames_take_descriptions_and_vectors(pack: Pack, make: Callable[..., TalkerTrainer]) -> None:
    for vectors in (None, np.ones((3, 6), np.float32)):
        with pytest.raises(DataError, match="vectors.npy"):
            make(replace(OPTIONS, beginnings=5), vectors)


def test_first_frames_are_of_all_voices_without_a_name(pack: Pack, make: Callable[..., TalkerTrainer]) -> None:
    pack.clips[0] = replace(pack.clips[0], speaker="", instruct="a deep voice")
    pack.clips[2] = replace(pack.clips[2], speaker="somebody")  # only a vector can tell whose voice that is
    learned = make(replace(OPTIONS, beginnings=5), np.eye(3, 32, dtype=np.float32)).beginnings
    assert learned is not None and set(learned.some(50, np.random.default_rng(0))) == {0, 2}
