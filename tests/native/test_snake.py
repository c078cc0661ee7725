"""The native snake against its definition in double precision."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_tts.native.compile import obstacle
from qwen_tts.native.snake import snake

pytestmark = pytest.mark.skipif(obstacle() is not None, reason=str(obstacle()))


def inputs(batch: int, frames: int, channels: int, spread: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(channels)
    x = spread * torch.randn(batch, frames, channels, generator=generator)
    return x, 3 * torch.rand(channels, generator=generator), torch.rand(channels, generator=generator)


@settings(deadline=None)
@given(st.integers(1, 3), st.integers(1, 9), st.integers(1, 70), st.sampled_from([1e-3, 1.0, 30.0, 1e3]))
def test_it_is_x_plus_gain_times_squared_sine(batch: int, frames: int, channels: int, spread: float) -> None:
    x, rate, gain = inputs(batch, frames, channels, spread)
    out = torch.empty_like(x)
    snake(x, rate, gain, out)
    y = (rate * x).double()  # the argument is rounded to fp32 by definition
    torch.testing.assert_close(out.double(), x.double() + gain.double() * y.sin() ** 2, rtol=3e-7, atol=5e-7)


@settings(deadline=None)
@given(st.integers(1, 4), st.integers(1, 40))
def test_bfloat16_is_fp32_rounded(frames: int, channels: int) -> None:
    x, rate, gain = inputs(1, frames, channels, 2.0)
    wide, narrow = torch.empty_like(x), torch.empty_like(x, dtype=torch.bfloat16)
    snake(x, rate, gain, wide)
    snake(x, rate, gain, narrow)
    assert torch.equal(narrow, wide.bfloat16())
    snake(x.bfloat16(), rate, gain, narrow)
    snake(x.bfloat16().float(), rate, gain, wide)
    assert torch.equal(narrow, wide.bfloat16())
    again = torch.empty_like(wide)
    snake(x.bfloat16(), rate, gain, again)
    assert torch.equal(again, wide)


def test_it_writes_where_it_is_told_and_nowhere_else() -> None:
    x, rate, gain = inputs(2, 5, 21, 1.0)
    room = torch.full((2, 9, 21), 7.0)
    snake(x, rate, gain, room[:, 3:8])
    assert (room[:, :3] == 7).all()
    assert (room[:, 8:] == 7).all()
    assert (room[:, 3:8] != 7).all()
