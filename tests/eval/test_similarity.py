"""Speaker vectors, against what the package itself says of the same waves (figures written down once, see `EXPECTED`)."""

import numpy as np
import pytest

from qwen_tts import Qwen3TTSModel
from qwen_tts.eval.metric import Clip
from qwen_tts.eval.similarity import SpeakerVectors, windows

EXPECTED = (  # the first 16 components, by resemblyzer 0.1.4 with librosa; silence left in
    [0.02442, 0.04313, 0, 0, 0, 0, 0.02039, 0, 0.09735, 0.04005, 0.04680, 0.08722, 0.02254, 0, 0.13833, 0],
    [0, 0.08034, 0.18814, 0, 0.03021, 0, 0.16483, 0.01205, 0, 0, 0.07340, 0.12233, 0, 0, 0, 0],
)


@pytest.fixture(scope="module")
def vectors() -> SpeakerVectors:
    return SpeakerVectors()


def sounds() -> list[Clip]:
    """Two waves that every machine makes alike: a buzz that glides, and a chord in noise."""
    t = np.arange(48_000) / 16_000
    buzz = sum(np.sin(2 * np.pi * k * (110 * t + 10 * t**2)) / k for k in range(1, 12))
    chord = sum(np.sin(2 * np.pi * f * t) for f in (220, 470, 1300)) * (1 + np.sin(20 * t))
    noise = np.random.default_rng(5).standard_normal(len(t))
    waves = 0.1 * buzz, 0.002 * (chord + 0.3 * noise)[:20_000]
    return [Clip(wave.astype(np.float32), 16_000, "") for wave in waves]


def test_vectors_are_the_packages_own(vectors: SpeakerVectors) -> None:
    for found, expected in zip(vectors(sounds()), EXPECTED, strict=True):
        assert found.shape == (256,) and np.linalg.norm(found) == pytest.approx(1, abs=1e-5) and (found >= 0).all()
        assert found[:16] == pytest.approx(expected, abs=2e-4)


@pytest.mark.parametrize(("samples", "starts"), [(100, [0]), (25_600, [0]), (40_000, [0, 77]), (48_000, [0, 77, 154])])
def test_windows_cover_the_clip(samples: int, starts: list[int]) -> None:
    assert windows(samples) == starts


def test_a_voice_is_nearer_to_itself_than_to_another(vectors: SpeakerVectors) -> None:
    model = Qwen3TTSModel.from_pretrained("tiny")
    texts = [
        "The garden gate was open all night, and in the morning the horses were gone.",
        "Nobody had told her about the letter that was waiting in the kitchen.",
        "We walked along the river until it was too dark to see the other side.",
    ]
    clips = []
    for speaker in ("Ryan", "Serena"):
        waves, rate = model.generate_custom_voice(text=texts, speaker=speaker, language="English", seed=1)
        clips += [Clip(wave, rate, "") for wave in waves]
    likeness = vectors(clips) @ vectors(clips).T
    for mine in (slice(0, 3), slice(3, 6)):
        own = likeness[mine, mine][~np.eye(3, dtype=bool)]
        assert own.min() > likeness[:3, 3:].max() + 0.1, likeness.round(2)
