"""The decoder is a stream: chunking changes nothing, rows do not touch each other, nothing is heard before its time."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from miniature import CODES, codec_config
from torch import Tensor

from qwen_tts.codec.codec import Codec
from qwen_tts.config import CodecConfig

FRAME = 1920


@pytest.fixture(scope="module")
def codec() -> Codec:
    """Random weights at a scale where every part is heard (a fresh model's gains would hide the transformer)."""
    torch.manual_seed(5)
    made = Codec(CodecConfig.from_dict(codec_config())).requires_grad_(False)
    for name, value in made.named_parameters():
        if name.endswith(("scale", "gamma")):
            value.fill_(0.5)
    for name, buffer in made.named_buffers():
        if name.endswith(("embed_sum", "embedding_sum")):
            buffer.normal_()
    return made


def random_codes(codec: Codec, batch: int, frames: int, seed: int = 0) -> Tensor:
    groups = codec.config.decoder_config.num_quantizers
    return torch.randint(0, CODES, (batch, frames, groups), generator=torch.Generator().manual_seed(seed))


@settings(max_examples=15, deadline=None)
@given(sizes=st.lists(st.integers(1, 20), min_size=1, max_size=6), seed=st.integers(0, 99))
def test_any_chunking_equals_one_pass(codec: Codec, sizes: list[int], seed: int) -> None:
    codes = random_codes(codec, 2, sum(sizes), seed)
    whole, state = codec.decode(codes), codec.decoder.init_state(2)
    made = torch.cat([codec.decoder(piece, state) for piece in codes.split(sizes, dim=1)], dim=-1)
    assert whole.shape == (2, FRAME * sum(sizes))
    assert whole.std() > 0.01
    assert (made - whole).abs().max() < 1e-5


def test_frame_by_frame_equals_one_pass_far_beyond_the_window(codec: Codec) -> None:
    frames = 3 * codec.config.decoder_config.sliding_window + 5
    codes = random_codes(codec, 1, frames)
    state = codec.decoder.init_state(1)
    made = torch.cat([codec.decoder(codes[:, t : t + 1], state) for t in range(frames)], dim=-1)
    assert (made - codec.decode(codes)).abs().max() < 1e-5


def test_interleaved_streams_of_one_decoder_do_not_touch(codec: Codec) -> None:
    one, two = random_codes(codec, 1, 6, 1), random_codes(codec, 1, 6, 2)
    states = [codec.decoder.init_state(1) for _ in range(2)]
    made: list[list[Tensor]] = [[], []]
    for t in range(6):
        for out, codes, state in zip(made, (one, two), states, strict=True):
            out.append(codec.decoder(codes[:, t : t + 1], state))
    assert (torch.cat(made[0], -1) - codec.decode(one)).abs().max() < 1e-5
    assert (torch.cat(made[1], -1) - codec.decode(two)).abs().max() < 1e-5


def test_a_reset_row_starts_from_silence(codec: Codec) -> None:
    codes, more = random_codes(codec, 2, 7), random_codes(codec, 2, 4, 3)
    state = codec.decoder.init_state(2)
    codec.decoder(codes, state)
    state.reset(torch.tensor([1]))
    made = codec.decoder(more, state)
    assert (made[1] - codec.decode(more)[1]).abs().max() < 1e-5
    assert (made[0] - codec.decode(torch.cat((codes, more), 1))[0, 7 * FRAME :]).abs().max() < 1e-5


def test_a_saved_state_gives_the_same_samples(codec: Codec) -> None:
    state, next_codes = codec.decoder.init_state(1), random_codes(codec, 1, 2, 4)
    codec.decoder(random_codes(codec, 1, 5), state)
    saved = state.clone()
    assert torch.equal(codec.decoder(next_codes, state), codec.decoder(next_codes, saved))


def test_a_code_is_heard_from_its_own_frame_on(codec: Codec) -> None:
    codes = random_codes(codec, 1, 8)
    changed = codes.clone()
    changed[0, 5] = (changed[0, 5] + 1) % CODES
    different = (codec.decode(codes) != codec.decode(changed))[0]
    first: Any = different.nonzero()[0, 0]
    assert 5 * FRAME <= first < 6 * FRAME


def test_the_windowed_way_is_the_same_up_to_its_window_and_not_beyond(codec: Codec) -> None:
    codes = random_codes(codec, 1, 70)
    assert torch.equal(codec.decode_windowed(codes[:, :60], chunk=60, context=5), codec.decode(codes[:, :60]))
    windowed = codec.decode_windowed(codes, chunk=60, context=5)
    assert windowed.shape == (1, 70 * FRAME)
    assert (windowed - codec.decode(codes))[:, 60 * FRAME :].abs().max() > 1e-5


@settings(max_examples=10, deadline=None)
@given(sizes=st.lists(st.integers(1, 30), min_size=1, max_size=3), seed=st.integers(0, 99))
def test_frames_that_nobody_hears_leave_the_same_state(codec: Codec, sizes: list[int], seed: int) -> None:
    total, reach = sum(sizes), codec.decoder.reach
    codes = random_codes(codec, 2, total + 4, seed)
    heard, primed = codec.decoder.init_state(2), codec.decoder.init_state(2)
    codec.decoder(codes[:, :total], heard)
    done = 0
    for size in sizes:
        codec.decoder.prime(codes[:, done : done + size], primed, min(size, max(0, total - reach - done)))
        done += size
    for one, other in zip(heard.convs, primed.convs, strict=True):
        assert (one - other).abs().max() < 1e-5
    assert (codec.decoder(codes[:, total:], heard) - codec.decoder(codes[:, total:], primed)).abs().max() < 1e-5


def test_the_reach_is_what_the_waveform_sees(codec: Codec) -> None:
    """Two frames less would be heard; so the state after a long reference costs a dozen frames of waveform, not all."""
    reach = codec.decoder.reach
    x = torch.randn(1, codec.config.decoder_config.latent_dim, reach + 1, generator=torch.Generator().manual_seed(0))
    x.requires_grad_(True)
    codec.decoder.waveform(x)[0, -FRAME:].square().sum().backward()
    assert x.grad is not None
    seen = (x.grad.abs().sum(dim=(0, 1)) > 0).nonzero()[0].item()
    assert 0 <= seen <= 2 and 5 < reach < 20
