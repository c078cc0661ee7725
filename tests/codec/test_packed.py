"""The packed decoder speaks as the reference does, and is the same kind of stream: chunks, rows, resets, saved states."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from miniature import CODES, codec_config
from torch import Tensor

from qwen_tts.codec.codec import Codec
from qwen_tts.codec.decoder import Decoder
from qwen_tts.codec.packed import PackedDecoder, pack
from qwen_tts.config import CodecConfig
from qwen_tts.errors import OptionError
from qwen_tts.nn.packed import missing

FRAME = 1920
EXACT = 1e-5  # between chunkings in fp32; of a wave that is loud
ONE_ROUNDING = 55.0  # dB; in bfloat16 the attention, summed in another order, now and then makes a rounding fall the other way
pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))


def audible(config: CodecConfig) -> Codec:
    """Random weights at which every part is heard, and snakes differ."""
    torch.manual_seed(5)
    made = Codec(config).requires_grad_(False)
    for name, value in made.named_parameters():
        if name.endswith(("scale", "gamma")):
            value.fill_(0.5)
        elif name.endswith(("alpha", "beta")):
            value.normal_(0, 0.2)
    last = made.decoder.decoder[-1].conv
    last.bias.zero_()  # type: ignore[operator]
    last.weight.mul_(0.3)  # type: ignore[operator]
    for name, buffer in made.named_buffers():
        if name.endswith(("embed_sum", "embedding_sum")):
            buffer.normal_()
        elif name.endswith("cluster_usage"):
            buffer.uniform_(0.5, 2)
    return made


@pytest.fixture(scope="module")
def codec() -> Codec:
    return audible(CodecConfig.from_dict(codec_config()))


@pytest.fixture(scope="module", params=[torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
def decoder(request: pytest.FixtureRequest, codec: Codec) -> Decoder:
    return pack(codec, request.param).decoder


def random_codes(codec: Codec, batch: int, frames: int, seed: int = 0) -> Tensor:
    groups = codec.config.decoder_config.num_quantizers
    return torch.randint(0, CODES, (batch, frames, groups), generator=torch.Generator().manual_seed(seed))


def signal_to_noise(true: Tensor, made: Tensor) -> float:
    """Decibels; what is constant in the true wave is no signal."""
    return 10 * float(torch.log10((true - true.mean()).square().sum() / (true - made).square().sum()))


def close(decoder: Decoder, one: Tensor, other: Tensor) -> bool:
    """In fp32 the same; in bfloat16, which runs the same code, apart by less than half of what it is from the reference."""
    assert isinstance(decoder, PackedDecoder)
    if one.shape != other.shape or decoder.dtype == torch.float32:
        return one.shape == other.shape and bool((one - other).abs().max() < EXACT)
    return torch.equal(one, other) or signal_to_noise(one, other) > ONE_ROUNDING


def test_in_fp32_it_gives_the_samples_of_the_reference(codec: Codec) -> None:
    codes = random_codes(codec, 2, 30)
    true = codec.decode(codes)
    assert true.std() > 0.01 and (true.abs() == 1).float().mean() < 0.01
    assert (pack(codec, torch.float32).decode(codes) - true).abs().max() < 1e-5


def test_in_bfloat16_its_error_is_below_the_bound(codec: Codec) -> None:
    codes = random_codes(codec, 2, 30)
    assert signal_to_noise(codec.decode(codes), pack(codec, torch.bfloat16).decode(codes)) > 45


@settings(max_examples=10, deadline=None)
@given(sizes=st.lists(st.integers(1, 20), min_size=1, max_size=6), seed=st.integers(0, 99))
def test_any_chunking_equals_one_pass(codec: Codec, decoder: Decoder, sizes: list[int], seed: int) -> None:
    codes = random_codes(codec, 2, sum(sizes), seed)
    state = decoder.init_state(2)
    made = torch.cat([decoder(piece, state) for piece in codes.split(sizes, dim=1)], dim=-1)
    assert made.shape == (2, FRAME * sum(sizes)) and made.std() > 0.01
    assert close(decoder, made, decoder(codes))


def test_interleaved_streams_do_not_touch(codec: Codec, decoder: Decoder) -> None:
    pair = [random_codes(codec, 1, 6, seed) for seed in (1, 2)]
    states = [decoder.init_state(1) for _ in pair]
    made: list[list[Tensor]] = [[], []]
    for t in range(6):
        for out, codes, state in zip(made, pair, states, strict=True):
            out.append(decoder(codes[:, t : t + 1], state))
    for out, codes in zip(made, pair, strict=True):
        assert close(decoder, torch.cat(out, -1), decoder(codes))


def test_rows_are_decoded_together_as_alone(codec: Codec, decoder: Decoder) -> None:
    codes = random_codes(codec, 3, 5)
    states = [decoder.init_state(1) for _ in range(3)]
    for row, state in enumerate(states):  # at different places of their streams
        decoder(codes[row : row + 1, : row + 1], state)
    alone = torch.cat([decoder(codes[row : row + 1], state.clone()) for row, state in enumerate(states)])
    together = decoder.init_state(3)
    together.gather(states)
    assert close(decoder, decoder(codes, together), alone)
    together.scatter(states)
    assert close(decoder, decoder(codes[1:2], states[1]), decoder(codes, together)[1:2])


def test_a_reset_row_starts_from_silence(codec: Codec, decoder: Decoder) -> None:
    codes, more = random_codes(codec, 2, 7), random_codes(codec, 2, 4, 3)
    state = decoder.init_state(2)
    decoder(codes, state)
    state.reset(torch.tensor([1]))
    made = decoder(more, state)
    assert close(decoder, made[1], decoder(more)[1])
    assert close(decoder, made[0], decoder(torch.cat((codes, more), 1))[0, 7 * FRAME :])


def test_the_same_codes_give_the_same_samples_again(codec: Codec, decoder: Decoder) -> None:
    state = decoder.init_state(1)
    decoder(random_codes(codec, 1, 5), state)
    saved, codes = state.clone(), random_codes(codec, 1, 3, 4)
    assert torch.equal(decoder(codes, state), decoder(codes, saved))


def test_frames_that_nobody_hears_leave_the_same_sound(codec: Codec, decoder: Decoder) -> None:
    codes = random_codes(codec, 1, 34)
    heard, primed = decoder.init_state(1), decoder.init_state(1)
    decoder(codes[:, :30], heard)
    decoder.prime(codes[:, :30], primed, 30 - decoder.reach)
    assert close(decoder, decoder(codes[:, 30:], heard), decoder(codes[:, 30:], primed))


def test_packing_changes_nothing_of_the_codec(codec: Codec) -> None:
    before = {name: value.clone() for name, value in codec.state_dict().items()}
    made = pack(codec, torch.bfloat16)
    made.decode(random_codes(codec, 1, 2))
    assert made.state_dict().keys() == before.keys() == codec.state_dict().keys()
    assert all(torch.equal(value, before[name]) for name, value in codec.state_dict().items())
    assert made.encoder is codec.encoder and type(codec.decoder) is Decoder


def test_a_small_codec_is_packed_in_fp32(codec: Codec) -> None:
    decoder = pack(codec).decoder
    assert isinstance(decoder, PackedDecoder) and decoder.dtype == torch.float32


def test_a_codec_elsewhere_is_refused() -> None:
    with torch.device("meta"):
        codec = Codec(CodecConfig.from_dict(codec_config()))
    with pytest.raises(OptionError, match=r"on the CPU.*device_map"):
        pack(codec)
