"""What a whole-wave call returns besides the waves, and when it speaks a text anew."""

import copy
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from qwen_tts import Qwen3TTSModel
from qwen_tts.errors import OptionError
from qwen_tts.result import next_seed

FRAME = 1920
BUDGET: dict[str, Any] = {"frames_per_token": 1e-6, "stop_loops": False, "max_silence": None}


@pytest.fixture(scope="module")
def model(loaded: Callable[[str], Any]) -> Qwen3TTSModel:
    return Qwen3TTSModel(loaded("custom_voice"))


@pytest.fixture
def short_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qwen_tts.talker.options.BASE_FRAMES", 15)


def lengths(model: Qwen3TTSModel, seeds: list[int], text: str = "the house") -> list[int]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = model.generate_custom_voice([text] * len(seeds), "ryan", seed=seeds, max_new_tokens=18)
        return [details.frames for details in result.details]


def test_the_official_pair_with_more_to_it(model: Qwen3TTSModel) -> None:
    result = model.generate_custom_voice("the house", "ryan", seed=7)  # ends after 13 frames
    waves, rate = result
    assert isinstance(result, tuple) and len(result) == 2 and result[0] is waves is result.waves and rate == result.rate
    for row, (wave, details) in enumerate(zip(waves, result.details, strict=True)):
        assert (details.finish_reason, details.seed, details.tries) == ("eos", 7 + row, 1)
        assert details.codes.shape == (details.frames, 4) and len(wave) == details.frames * FRAME
        assert 0 < details.first_seconds <= details.seconds
        np.testing.assert_allclose(wave, model.loaded.codec.decode(_batch(details.codes))[0].numpy(), atol=1e-5)


def test_a_result_can_be_copied_and_sent(model: Qwen3TTSModel) -> None:
    result = model.generate_custom_voice("the house", "ryan", seed=7)
    for other in (copy.deepcopy(result), pickle.loads(pickle.dumps(result))):
        np.testing.assert_array_equal(other.waves[0], result.waves[0])
        assert other.rate == result.rate and other.details[0].seed == 7


def _batch(codes: np.ndarray) -> Any:
    import torch

    return torch.from_numpy(codes)[None]


@pytest.mark.parametrize("reading", [False, True])
def test_speech_that_runs_away_is_spoken_anew(model: Qwen3TTSModel, short_budget: None, reading: bool) -> None:
    """Some seeds end within 15 frames, others do not; a text whose first try does not gets another."""
    seeds = list(range(24))
    own = lengths(model, seeds)
    following = lengths(model, [next_seed(seed, 1) for seed in seeds])
    saved = next(s for s in seeds if own[s] > 15 and following[s] < 15)
    lost = next(s for s in seeds if own[s] > 15 and following[s] > 15)
    good = next(s for s in seeds if own[s] < 15)
    texts, chosen = ["the house"] * 3, [saved, lost, good]
    with pytest.warns(UserWarning, match="text 1 was ended by 'budget'") as caught:
        result = model.generate_custom_voice(texts, "ryan", seed=chosen, reading=reading, **BUDGET)
    assert len(caught) == 1
    reasons = [(d.finish_reason, d.seed, d.tries) for d in result.details]
    assert reasons == [("eos", next_seed(saved, 1), 2), ("budget", lost, 2), ("eos", good, 1)]
    assert [d.frames for d in result.details] == [following[saved], 15, own[good]]
    seeds = [d.seed for d in result.details]
    with pytest.warns(UserWarning, match="budget"):
        again = model.generate_custom_voice(texts, "ryan", seed=seeds, retries=0, reading=reading, **BUDGET)
    for one, other in zip(result.waves, again.waves, strict=True):
        np.testing.assert_array_equal(one, other)


def test_tries_are_bounded(model: Qwen3TTSModel, short_budget: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qwen_tts.engine.eager.MIN_FRAMES", 10**6)
    for retries, options, tries in (
        (0, {}, 1),
        (1, {}, 2),
        (3, {}, 4),
        (3, {"do_sample": False, "subtalker_dosample": False}, 1),
    ):
        with pytest.warns(UserWarning, match="budget"):
            result = model.generate_custom_voice("a", "ryan", seed=1, retries=retries, **BUDGET, **options)
        assert (result.details[0].tries, result.details[0].seed) == (tries, 1)
    with pytest.warns(UserWarning, match="length"):
        assert model.generate_custom_voice("a", "ryan", seed=1, max_new_tokens=5).details[0].tries == 1


@pytest.mark.parametrize("retries", [-1, 1.5, True, None])
def test_retries_that_make_no_sense(model: Qwen3TTSModel, retries: Any) -> None:
    with pytest.raises(OptionError, match="retries"):
        model.generate_custom_voice("a", "ryan", retries=retries)


def test_streams_know_no_retries(model: Qwen3TTSModel) -> None:
    with pytest.raises(OptionError, match="unknown option 'retries'"):
        model.stream_custom_voice("a", "ryan", retries=1)  # type: ignore[call-arg]


def test_seeds_of_further_tries() -> None:
    seeds = [next_seed(seed, number) for seed in (0, 1, 2**63 - 1) for number in (1, 2)]
    assert len(set(seeds)) == 6 and all(0 <= seed < 2**63 for seed in seeds)
    assert seeds[:2] == [next_seed(0, 1), next_seed(0, 2)]


@pytest.mark.filterwarnings("ignore:the speech of text")
def test_any_schedule_is_the_whole_wave(model: Qwen3TTSModel) -> None:
    whole = model.generate_custom_voice(["the house", "a mouse"], "ryan", seed=2, max_new_tokens=30, retries=0)
    for schedule in ([1], [30], [3, 1, 7]):
        chunks = list(model.stream_custom_voice(["the house", "a mouse"], "ryan", seed=2, max_new_tokens=30, schedule=schedule))
        for row, details in enumerate(whole.details):
            parts = [chunk for chunk in chunks if chunk.row == row]
            np.testing.assert_array_equal(np.concatenate([part.codes for part in parts]), details.codes)
            np.testing.assert_allclose(np.concatenate([part.samples for part in parts]), whole.waves[row], atol=1e-5)
            assert parts[-1].finish_reason == details.finish_reason
