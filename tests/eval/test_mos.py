import numpy as np
import pytest

from qwen_tts.eval.metric import Clip
from qwen_tts.eval.mos import DistillMos


@pytest.fixture(scope="module")
def metric() -> DistillMos:
    return DistillMos()


def clip(samples: np.ndarray, rate: int) -> Clip:
    return Clip(samples.astype(np.float32), rate, "")


def test_what_is_no_speech_scores_near_the_bottom(metric):
    noise = 0.1 * np.random.default_rng(0).normal(size=48000)
    tone = 0.1 * np.sin(0.1 * np.arange(48000))
    score = metric([clip(noise, 24000), clip(tone, 24000)])
    assert all(1.0 <= each < 2.5 for each in score.each)
    assert score.value == pytest.approx(sum(score.each) / 2)


def test_a_clip_scores_the_same_alone_and_in_a_set(metric):
    waves = [0.1 * np.random.default_rng(seed).normal(size=n) for seed, n in enumerate((16000, 150000))]
    together = metric([clip(wave, 16000) for wave in waves]).each
    assert together == pytest.approx([metric([clip(wave, 16000)]).value for wave in waves], abs=1e-4)
