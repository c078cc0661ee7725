"""The code predictor: teacher-forced = step by step, and what each step may see."""

import dataclasses

import pytest
import torch
from torch import nn

from qwen_tts.sampling import SamplingOptions, SamplingRows
from qwen_tts.talker import code_predictor
from qwen_tts.talker.code_predictor import CodePredictor
from tests import utterances

GREEDY = SamplingOptions(do_sample=False)


def inputs(batch: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    hidden, first = torch.randn(2, batch, 32, generator=generator)
    return hidden, first, torch.rand(batch, 3, generator=generator)


def test_training_equals_generation(monkeypatch):
    """The logits that `generate` samples from are those that `forward` gives for the codes it drew."""
    predictor, (hidden, first, uniforms) = utterances.talker().code_predictor, inputs(5)
    seen = []

    def recording(logits, *arguments):
        seen.append(logits)
        return original(logits, *arguments)

    original = code_predictor.sample
    monkeypatch.setattr(code_predictor, "sample", recording)
    codes = predictor.generate(hidden, first, uniforms, SamplingRows([SamplingOptions()] * 5))
    frames = torch.cat((torch.zeros(5, 1, dtype=torch.int64), codes), dim=1)
    torch.testing.assert_close(torch.stack(seen, dim=1), predictor(hidden, first, frames), atol=1e-5, rtol=1e-5)


def test_a_state_is_as_new_for_every_frame():
    predictor, state = utterances.talker().code_predictor, utterances.talker().code_predictor.init_state(2)
    for seed in range(3):
        hidden, first, uniforms = inputs(2, seed)
        rows = SamplingRows([SamplingOptions(), GREEDY])
        used = predictor.generate(hidden, first, uniforms, rows, state)
        assert used.equal(predictor.generate(hidden, first, uniforms, rows))
        assert used.shape == (2, 3) and used.dtype == torch.int64


@pytest.mark.parametrize("changed", [0, 1, 2, 3])
def test_a_step_sees_only_the_codes_before_it(changed):
    predictor, (hidden, first, _) = utterances.talker().code_predictor, inputs(1)
    codes = torch.tensor([[1, 2, 3, 4]])
    other = codes.clone()
    other[0, changed] += 1
    same = (predictor(hidden, first, codes) == predictor(hidden, first, other)).all(dim=2)[0].tolist()
    # logits for codes 1, 2, 3; code 0 comes in as `first`, code 3 is the last
    assert same == [True, changed != 1, changed not in (1, 2)]


def test_the_projection_is_there_only_where_the_widths_differ():
    config = utterances.config().talker_config.code_predictor_config
    assert isinstance(CodePredictor(config, 32).small_to_mtp_projection, nn.Linear)
    equal = CodePredictor(dataclasses.replace(config, hidden_size=32), 32)
    assert not [name for name in equal.state_dict() if "projection" in name]
    hidden, first, uniforms = inputs(2)
    codes = equal.generate(hidden, first, uniforms, SamplingRows([GREEDY] * 2))
    frames = torch.cat((torch.zeros(2, 1, dtype=torch.int64), codes), dim=1)
    assert equal(hidden, first, frames).argmax(dim=2).equal(codes)
