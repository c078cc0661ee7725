"""Codebook 0 as pairs of phones."""

import numpy as np

from qwen_tts.train.phone_codes import frequent_pairs, phone_codes


def test_the_most_frequent_pairs_have_codes_and_rare_ones_the_nearest() -> None:
    halves = np.array([(1, 1)] * 9 + [(0, 1)] * 5 + [(2, 0)] * 7 + [(0, 0)] * 2 + [(1, 2)] + [(2, 1)])
    pairs = frequent_pairs(halves, 3)
    assert pairs.tolist() == [[1, 1], [2, 0], [0, 1]]
    codes = phone_codes(halves, pairs)
    assert codes[:9].tolist() == [0] * 9 and codes[9:14].tolist() == [2] * 5 and codes[14:21].tolist() == [1] * 7
    assert codes[21:23].tolist() == [1, 1]  # ends with 0, as (2, 0)
    assert codes[23] == 0  # no pair ends with 2
    assert codes[24] == 0  # ends with 1: (1, 1) is more frequent than (0, 1)
    everything = frequent_pairs(halves, 100)
    assert np.array_equal(everything[phone_codes(halves, everything)], halves)
