"""The decoder in recorded chunks: any division gives the samples of one pass, in rows that start anew and are saved."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from fake_capture import FakeCapture
from miniature import CODES, GROUPS, codec_config
from torch import Tensor

from qwen_tts.codec.codec import Codec
from qwen_tts.config import CodecConfig
from qwen_tts.engine.cuda_capture import NoCapture
from qwen_tts.engine.cuda_codec import GraphDecoder, divide, graph_codec
from qwen_tts.engine.cuda_graph import CudaGraphEngine
from qwen_tts.engine.eager import EagerEngine
from qwen_tts.stream import Utterance, stream
from qwen_tts.talker.frames import GenerationOptions
from tests import utterances

FRAME = 1920


@pytest.fixture(scope="module")
def codec() -> Codec:
    torch.manual_seed(5)
    made = Codec(CodecConfig.from_dict(codec_config())).requires_grad_(False)
    for name, value in [*made.named_parameters(), *made.named_buffers()]:
        if name.endswith(("scale", "gamma")):
            value.fill_(0.5)
        if name.endswith(("embed_sum", "embedding_sum")):
            value.normal_()
    return made


@pytest.fixture(scope="module")
def capture() -> FakeCapture:
    return FakeCapture()


@pytest.fixture(scope="module")
def graphed(codec: Codec, capture: FakeCapture) -> Codec:
    return graph_codec(codec, capture)


def codes(batch: int, frames: int, seed: int = 0) -> Tensor:
    return torch.randint(0, CODES, (batch, frames, GROUPS), generator=torch.Generator().manual_seed(seed))


def test_frames_are_divided_into_recorded_lengths():
    assert [divide(n) for n in (1, 7, 16, 25)] == [[1], [4, 2, 1], [16], [16, 8, 1]]
    assert all(sum(divide(n)) == n for n in range(70))


def test_any_chunking_equals_one_pass(codec, graphed, capture):
    sizes = [1, 2, 4, 8, 7, 1]
    given = codes(3, sum(sizes))
    state = graphed.decoder.init_state(3)
    made = torch.cat([graphed.decoder(piece, state) for piece in given.split(sizes, dim=1)], dim=-1)
    assert made.shape == (3, FRAME * sum(sizes))
    assert (made - codec.decode(given)).abs().max() < 1e-5
    assert (graphed.decode(given) - codec.decode(given)).abs().max() == 0
    assert capture.recorded == 4 and capture.replayed == 8


def test_states_are_taken_anew_reset_primed_and_saved(codec, graphed, capture):
    before, after, recorded = codes(4, 9, 1), codes(4, 2, 2), capture.recorded
    state = graphed.decoder.init_state(4)
    graphed.decoder.prime(before, state, 1)
    state.reset(torch.tensor([1]))
    saved = state.clone()
    made = [graphed.decoder(after, s) for s in (state, saved)]
    assert made[0].equal(made[1])
    for row in range(4):
        heard = after if row == 1 else torch.cat((before, after), 1)
        assert (made[0][row] - codec.decode(heard)[row, -2 * FRAME :]).abs().max() < 1e-5
    del state
    again = graphed.decoder.init_state(3)  # from silence, in memory and with recordings of before
    assert (graphed.decoder(after[:3], again) - codec.decode(after[:3])).abs().max() < 1e-5
    assert capture.recorded <= recorded + 1  # of the copy's own memory


def test_the_off_switch_and_plain_states(codec):
    off = graph_codec(codec, NoCapture())
    assert isinstance(off.decoder, GraphDecoder) and off.encoder is codec.encoder
    given = codes(2, 5)
    for state in (off.decoder.init_state(2), codec.decoder.init_state(2)):
        assert (off.decoder(given, state) - codec.decode(given)).abs().max() < 1e-5


def test_speech_by_recorded_frames_and_chunks_is_speech(codec, graphed, capture):
    """The whole pipeline: rows of unequal length, one that goes on from a reference, chunks of every size."""
    options = [GenerationOptions(max_new_tokens=n, frames_per_token=None, stop_loops=False) for n in (24, 8, 13)]
    spoken = [
        Utterance(
            utterances.prompt(4 + row), chosen, seed=row, reference=codes(1, 5)[0] if row == 1 else None, max_silence=None
        )
        for row, chosen in enumerate(options)
    ]
    talker = utterances.talker()
    made = []
    for engine, decoding in ((EagerEngine(talker), codec), (CudaGraphEngine(deepcopy(talker), capture), graphed)):
        waves: list[list[np.ndarray]] = [[] for _ in spoken]
        for chunk in stream(engine, decoding, spoken):
            waves[chunk.row].append(chunk.samples)
        made.append([np.concatenate(wave) for wave in waves])
    assert [len(wave) // FRAME for wave in made[0]] == [23, 7, 12]
    for expected, wave in zip(*made, strict=True):
        assert len(wave) == len(expected) and np.abs(wave - expected).max() < 1e-5
