"""The talker one step at a time against the whole sequence at once."""

import dataclasses

import pytest
import torch
from torch import nn

from qwen_tts.errors import ConfigError
from qwen_tts.talker.talker import Talker
from tests import utterances


def test_embed_codes_sums_the_groups():
    talker = utterances.talker()
    codes = torch.tensor([[[3, 1, 4, 1], [5, 9, 2, 6]]])
    total = talker.embed_codes(codes)
    for t, frame in enumerate(codes[0]):
        expected = talker.model.codec_embedding.weight[frame[0]].double()
        for group in (1, 2, 3):
            expected = expected + talker.code_predictor.model.codec_embedding[group - 1].weight[frame[group]].double()
        torch.testing.assert_close(total[0, t].double(), expected, atol=1e-6, rtol=0)


def test_low_precision_sums_are_rounded_once():
    talker = Talker(utterances.config().talker_config).bfloat16()
    codes = torch.tensor([[[3, 1, 4, 1]]])
    tables = [talker.model.codec_embedding, *talker.code_predictor.model.codec_embedding]
    exact = sum(table.weight[code].double() for table, code in zip(tables, codes[0, 0], strict=True))
    assert talker.embed_codes(codes)[0, 0].equal(exact.bfloat16())


@pytest.mark.parametrize("lengths", [[7], [9, 4, 6]])
def test_step_by_step_equals_the_whole_sequence(lengths):
    """Rows of unequal length, padded at the first call and then fed one position at a time: training = inference."""
    talker, batch, steps = utterances.talker(), len(lengths), 5
    generator = torch.Generator().manual_seed(2)
    rows = [torch.randn(length + steps, 32, generator=generator) for length in lengths]
    state = talker.init_state(batch, max(lengths) + steps)
    starts = [row[:length] for row, length in zip(rows, lengths, strict=True)]
    hidden = talker(nn.utils.rnn.pad_sequence(starts, batch_first=True), state, torch.tensor(lengths))
    found = [[hidden[b, t] for t in range(lengths[b])] for b in range(batch)]
    for step in range(steps):
        x = torch.stack([row[length + step] for row, length in zip(rows, lengths, strict=True)])
        hidden = talker(x[:, None], state)
        for b in range(batch):
            found[b].append(hidden[b, 0])
    for b, row in enumerate(rows):
        torch.testing.assert_close(torch.stack(found[b]), talker(row[None])[0], atol=1e-5, rtol=1e-5)


def test_the_future_does_not_reach_back():
    talker = utterances.talker()
    x = torch.randn(1, 6, 32, requires_grad=True)
    talker.logits(talker(x))[0, 2].sum().backward()
    assert x.grad is not None
    assert x.grad[0, :3].abs().amin(dim=1).gt(0).all()
    assert not x.grad[0, 3:].any()


def test_code_logits_embed_code_0():
    talker = utterances.talker()
    hidden, codes = torch.randn(3, 32), torch.randint(0, 64, (3, 4))
    first = talker.model.codec_embedding.weight[codes[:, 0]]
    assert talker.code_logits(hidden, codes).equal(talker.code_predictor(hidden, first, codes))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"hidden_act": "gelu"}, "hidden_act"), ({"sliding_window": 64}, "sliding_window"),
        ({"rope_scaling": {"rope_type": "yarn"}}, "rope_type"), ({"num_code_groups": 5}, "num_code_groups"),
    ],
)  # fmt: skip
def test_unknown_variants_are_refused(change, words):
    with pytest.raises(ConfigError, match=words):
        Talker(dataclasses.replace(utterances.config().talker_config, **change))
