"""The speaker encoder against the same network written out with plain arrays."""

import numpy as np
import pytest
import torch

from qwen_tts.config import SpeakerEncoderConfig
from qwen_tts.errors import AudioError
from qwen_tts.speaker.ecapa import SpeakerEncoder

CONFIG = SpeakerEncoderConfig(
    enc_dim=10, sample_rate=24_000, mel_dim=12, enc_channels=(8, 8, 8, 8, 24), enc_attention_channels=6,
    enc_res2net_scale=4, enc_se_channels=3,
)  # fmt: skip


@pytest.fixture(scope="module")
def encoder() -> SpeakerEncoder:
    torch.manual_seed(5)
    made = SpeakerEncoder(CONFIG).requires_grad_(False)
    made.asp.tdnn.conv.weight.mul_(20)  # into the bend of tanh
    return made


class Arrays:
    """The definition, over [C, T] arrays in double precision."""

    def __init__(self, encoder: SpeakerEncoder) -> None:
        self.weights = {name: tensor.double().numpy() for name, tensor in encoder.state_dict().items()}

    def conv(self, name: str, x: np.ndarray, dilation: int = 1) -> np.ndarray:
        weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        reach = (weight.shape[2] - 1) * dilation // 2
        x = np.pad(x, ((0, 0), (reach, reach)), mode="reflect")
        length = x.shape[1] - 2 * reach
        return bias[:, None] + sum(weight[:, :, k] @ x[:, k * dilation :][:, :length] for k in range(weight.shape[2]))

    def tdnn(self, name: str, x: np.ndarray, dilation: int = 1) -> np.ndarray:
        return np.maximum(self.conv(f"{name}.conv", x, dilation), 0)

    def block(self, n: int, x: np.ndarray) -> np.ndarray:
        name = f"blocks.{n}"
        y = self.tdnn(f"{name}.tdnn1", x)
        parts = np.split(y, 4)
        parts[1] = self.tdnn(f"{name}.res2net_block.blocks.0", parts[1], n + 1)
        parts[2] = self.tdnn(f"{name}.res2net_block.blocks.1", parts[2] + parts[1], n + 1)
        parts[3] = self.tdnn(f"{name}.res2net_block.blocks.2", parts[3] + parts[2], n + 1)
        y = self.tdnn(f"{name}.tdnn2", np.concatenate(parts))
        squeezed = np.maximum(self.conv(f"{name}.se_block.conv1", y.mean(1, keepdims=True)), 0)
        return x + y / (1 + np.exp(-self.conv(f"{name}.se_block.conv2", squeezed)))

    def __call__(self, mel: np.ndarray) -> np.ndarray:
        x = self.tdnn("blocks.0", mel.T)
        first = self.block(1, x)
        second = self.block(2, first)
        x = self.tdnn("mfa", np.concatenate((first, second, self.block(3, second))))
        ones = np.ones_like(x)
        context = np.concatenate((x, ones * x.mean(1, keepdims=True), ones * x.std(1, keepdims=True)))
        scores = np.exp(self.conv("asp.conv", np.tanh(self.tdnn("asp.tdnn", context))))
        weights = scores / scores.sum(1, keepdims=True)
        mean = (weights * x).sum(1, keepdims=True)
        deviation = np.sqrt(np.maximum((weights * (x - mean) ** 2).sum(1, keepdims=True), 1e-12))
        return self.conv("fc", np.concatenate((mean, deviation)))[:, 0]


@pytest.mark.parametrize("frames", [5, 30])
def test_equals_the_definition(encoder, frames):
    mel = torch.randn(2, frames, 12, generator=torch.Generator().manual_seed(frames))
    found = encoder(mel)
    assert found.shape == (2, 10)
    for row in range(2):
        np.testing.assert_allclose(found[row].numpy(), Arrays(encoder)(mel[row].double().numpy()), atol=1e-5)


def test_silence_gives_a_finite_vector(encoder):
    assert encoder(torch.full((1, 20, 12), -11.5)).isfinite().all()


def test_runs_in_the_dtype_of_its_weights():
    half = SpeakerEncoder(CONFIG).bfloat16()
    assert half(torch.randn(1, 20, 12)).dtype == torch.bfloat16


def test_too_short(encoder):
    with pytest.raises(AudioError, match="at least 5 mel frames of audio, found 4"):
        encoder(torch.zeros(1, 4, 12))
