"""Trainings kept in 8 bits go on from nearly where they were."""

import torch
from start import SCALE, small, whole


def test_weights_come_back_within_half_a_step_of_8_bits() -> None:
    generator = torch.Generator().manual_seed(0)
    tensors = {
        "matrix": torch.randn(70, 80, generator=generator), "convolution": torch.randn(40, 60, 7, generator=generator) * 1e-3,
        "bias": torch.tensor([2.0**15, 0.1]), "few": torch.randn(3, 4, generator=generator), "nothing": torch.zeros(100, 50),
    }  # fmt: skip
    packed = small(tensors)
    assert packed["matrix"].dtype == torch.int8 and "few" + SCALE not in packed
    found = whole(packed)
    assert set(found) == set(tensors)
    for name, tensor in tensors.items():
        most = tensor.flatten(1).abs().amax(1) if tensor.ndim > 1 else torch.zeros(1)
        off = (found[name] - tensor).flatten(1).abs().amax(1) if tensor.ndim > 1 else (found[name] - tensor).abs().max()[None]
        assert (off <= most / 127 / 2 * 1.001 + 1e-12).all(), name
