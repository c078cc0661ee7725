"""The speaker encoder: ECAPA-TDNN without batch norm, from a mel spectrogram to a speaker vector.

    mel -> TDNN -> SE-Res2Net x 3 -> their outputs side by side -> TDNN -> attentive mean and deviation over time -> vector

Every convolution keeps the length and mirrors the signal at its ends.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import SpeakerEncoderConfig
from ..errors import AudioError


class TDNN(nn.Module):
    """Convolution and ReLU: [B, C, T] -> [B, C', T]."""

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, kernel, dilation=dilation, padding="same", padding_mode="reflect")

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.conv(x))


class Res2Net(nn.Module):
    """Channels in `scale` chunks: the first passes, each later one is convolved with the result of the one before it added."""

    def __init__(self, channels: int, scale: int, kernel: int, dilation: int) -> None:
        super().__init__()
        width = channels // scale
        self.blocks = nn.ModuleList(TDNN(width, width, kernel, dilation) for _ in range(scale - 1))

    def forward(self, x: Tensor) -> Tensor:
        first, *rest = x.chunk(len(self.blocks) + 1, dim=1)
        done = [first]
        for n, (block, chunk) in enumerate(zip(self.blocks, rest, strict=True)):
            done.append(block(chunk if n == 0 else chunk + done[-1]))
        return torch.cat(done, dim=1)


class SqueezeExcitation(nn.Module):
    """Scales each channel by a gate computed from the means over time."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(channels, squeezed, 1)
        self.conv2 = nn.Conv1d(squeezed, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        gate = x.mean(dim=2, keepdim=True)
        return x * torch.sigmoid(self.conv2(F.relu(self.conv1(gate))))


class SERes2NetBlock(nn.Module):
    def __init__(self, channels: int, scale: int, squeezed: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.tdnn1 = TDNN(channels, channels, 1)
        self.res2net_block = Res2Net(channels, scale, kernel, dilation)
        self.tdnn2 = TDNN(channels, channels, 1)
        self.se_block = SqueezeExcitation(channels, squeezed)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.se_block(self.tdnn2(self.res2net_block(self.tdnn1(x))))


class AttentivePooling(nn.Module):
    """Mean and deviation over time, weighted per channel by attention: [B, C, T] -> [B, 2 C, 1]."""

    def __init__(self, channels: int, attention: int) -> None:
        super().__init__()
        self.tdnn = TDNN(3 * channels, attention, 1)
        self.conv = nn.Conv1d(attention, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        even = torch.full_like(x, 1 / x.shape[2])
        context = torch.cat((x, *(part.expand_as(x) for part in _statistics(x, even))), dim=1)
        weights = self.conv(self.tdnn(context).tanh()).softmax(dim=2)
        return torch.cat(_statistics(x, weights), dim=1)


def _statistics(x: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    mean = (weights * x).sum(dim=2, keepdim=True)
    variance = (weights * (x - mean).square()).sum(dim=2, keepdim=True)
    return mean, variance.clamp(min=1e-12).sqrt()


class SpeakerEncoder(nn.Module):
    """Parameter names are the checkpoint's below `speaker_encoder.`."""

    def __init__(self, config: SpeakerEncoderConfig) -> None:
        super().__init__()
        self.config = config
        channels, kernels, dilations = config.enc_channels, config.enc_kernel_sizes, config.enc_dilations
        self.blocks = nn.ModuleList([TDNN(config.mel_dim, channels[0], kernels[0], dilations[0])])
        for width, kernel, dilation in zip(channels[1:-1], kernels[1:-1], dilations[1:-1], strict=True):
            scale, squeezed = config.enc_res2net_scale, config.enc_se_channels
            self.blocks.append(SERes2NetBlock(width, scale, squeezed, kernel, dilation))
        self.mfa = TDNN(sum(channels[1:-1]), channels[-1], kernels[-1], dilations[-1])
        self.asp = AttentivePooling(channels[-1], config.enc_attention_channels)
        self.fc = nn.Conv1d(2 * channels[-1], config.enc_dim, 1)
        reach = zip(kernels, dilations, strict=True)
        self.shortest = 1 + max((kernel - 1) * dilation // 2 for kernel, dilation in reach)  # frames that can be mirrored

    def forward(self, mel: Tensor) -> Tensor:
        """`mel_spectrogram` of a recording, [B, T, M] -> speaker vectors [B, D], in this module's dtype.

        Raises:
            AudioError: the recording has fewer frames than the convolutions mirror at its ends.
        """
        if mel.shape[1] < self.shortest:
            raise AudioError(f"a voice needs at least {self.shortest} mel frames of audio, found {mel.shape[1]}")
        x = mel.to(self.fc.weight.dtype).transpose(1, 2)  # [B, M, T]
        outputs = []
        for block in self.blocks:
            x = block(x)
            outputs.append(x)
        x = self.mfa(torch.cat(outputs[1:], dim=1))
        return self.fc(self.asp(x))[..., 0]
