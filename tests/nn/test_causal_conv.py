"""Any chunking of a causal convolution equals one pass, and no output knows the future."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from qwen_tts.nn.causal_conv import CausalConv1d, CausalConvTranspose1d, init_states, run

CHUNKS = st.lists(st.integers(1, 9), min_size=1, max_size=8)


def in_chunks(conv: CausalConv1d | CausalConvTranspose1d, x: Tensor, sizes: list[int]) -> Tensor:
    states = init_states(conv, len(x))
    return torch.cat([run(conv, piece, iter(states)) for piece in x.split(sizes, dim=-1)], dim=-1)


@settings(max_examples=30, deadline=None)
@given(sizes=CHUNKS, kernel=st.integers(1, 7), dilation=st.integers(1, 4), seed=st.integers(0, 99))
def test_chunks_of_a_dilated_convolution_equal_one_pass(sizes: list[int], kernel: int, dilation: int, seed: int) -> None:
    torch.manual_seed(seed)
    conv = CausalConv1d(3, 4, kernel, dilation=dilation)
    x = torch.randn(2, 3, sum(sizes))
    assert torch.allclose(in_chunks(conv, x, sizes), conv(x), atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(sizes=CHUNKS, stride=st.integers(1, 5), seed=st.integers(0, 99))
def test_chunks_of_a_strided_convolution_equal_one_pass(sizes: list[int], stride: int, seed: int) -> None:
    torch.manual_seed(seed)
    conv = CausalConv1d(3, 4, 2 * stride, stride=stride)
    sizes = [size * stride for size in sizes]
    x = torch.randn(2, 3, sum(sizes))
    assert torch.allclose(in_chunks(conv, x, sizes), conv(x), atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(sizes=CHUNKS, stride=st.integers(1, 5), factor=st.integers(1, 3), seed=st.integers(0, 99))
def test_chunks_of_a_transposed_convolution_equal_one_pass(sizes: list[int], stride: int, factor: int, seed: int) -> None:
    torch.manual_seed(seed)
    conv = CausalConvTranspose1d(3, 4, factor * stride, stride=stride)
    x = torch.randn(2, 3, sum(sizes))
    assert torch.allclose(in_chunks(conv, x, sizes), conv(x), atol=1e-6)


@pytest.mark.parametrize("samples", [1, 2, 3, 7, 8, 9])
@pytest.mark.parametrize("replicate", [False, True])
def test_a_stride_gives_one_output_per_started_step(samples: int, replicate: bool) -> None:
    conv = CausalConv1d(1, 2, 8, stride=4, replicate=replicate)
    assert conv(torch.randn(1, 1, samples)).shape[-1] == -(-samples // 4)


@pytest.mark.parametrize("conv", [CausalConv1d(1, 2, 5, dilation=3), CausalConvTranspose1d(1, 2, 6, stride=3)])
def test_no_output_depends_on_later_inputs(conv: CausalConv1d | CausalConvTranspose1d) -> None:
    x = torch.randn(1, 1, 12, requires_grad=True)
    stride = conv(x).shape[-1] // 12
    conv(x)[0, :, : 5 * stride].sum().backward()
    assert x.grad is not None
    assert x.grad[..., 4].abs() > 0
    assert torch.all(x.grad[..., 5:] == 0)
