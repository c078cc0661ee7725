"""Codebook 0 as pairs of phones."""

import numpy as np
import pytest
import torch
from miniature import CODES, codec_config

from qwen_tts.codec.codec import Codec
from qwen_tts.config import CodecConfig
from qwen_tts.train.phone_codes import frequent_pairs, hear, pair_vectors, set_codebook
from qwen_tts.train.quantizer import QuantizerTrainer


def test_the_most_frequent_pairs_have_codes_and_rare_ones_the_nearest() -> None:
    halves = np.array([(1, 1)] * 9 + [(0, 1)] * 5 + [(2, 0)] * 7 + [(0, 0)] * 2 + [(1, 2)] + [(2, 1)])
    pairs, codes = frequent_pairs(halves, 3)
    assert pairs.tolist() == [[1, 1], [2, 0], [0, 1]]
    assert codes[:9].tolist() == [0] * 9 and codes[9:14].tolist() == [2] * 5 and codes[14:21].tolist() == [1] * 7
    assert codes[21:23].tolist() == [1, 1]  # ends with 0, as (2, 0)
    assert codes[23] == 0  # no pair ends with 2
    assert codes[24] == 0  # ends with 1: (1, 1) is more frequent than (0, 1)
    everything, same = frequent_pairs(halves, 100)
    assert np.array_equal(everything[same], halves)


def test_what_the_encoder_hears_becomes_the_nearest_pair() -> None:
    torch.manual_seed(0)
    codec = Codec(CodecConfig.from_dict(codec_config()))
    (codebook,) = QuantizerTrainer(codec).halves[0][0].codebooks()
    dim = codebook.vectors().shape[1]
    pairs = np.array([(a, b) for a in range(3) for b in range(3)])[: min(9, CODES)]
    vectors = pair_vectors(pairs, CODES, dim, 5.0)
    assert torch.allclose(vectors[: len(pairs)].norm(dim=1), torch.tensor(5.0))
    set_codebook(codec, vectors)
    for half in QuantizerTrainer(codec).halves[0]:
        assert torch.equal(half.codebooks()[0].vectors(), vectors)
    codes = torch.randint(0, len(pairs), (400,))
    width = QuantizerTrainer(codec).halves[0][0].input_proj.in_channels
    z = vectors[codes] @ torch.randn(dim, width) + 0.01 * torch.randn(400, width)
    hear(codec, z, codes)
    made = QuantizerTrainer(codec).halves[0][0].input_proj(z.T[None])[0].T
    assert (codebook.nearest(made) == codes).float().mean() > 0.99


def test_too_many_phones_are_an_error() -> None:
    with pytest.raises(ValueError, match="20 phones, twice, do not fit vectors of 32 numbers"):
        pair_vectors(np.array([(19, 3)]), 8, 32, 1.0)
