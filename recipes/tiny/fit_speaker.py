"""Has the speaker encoder hear what tells a voice from others: the vectors of make_pack.py. OUT is a file of its weights.

Mean and deviation of a mel spectrogram tell most of a voice, and of what layers make of it by chance some more. So the encoder
lets them pass, and only its last layer is fitted, by least squares. The talker learns from the vectors themselves, so neither
waits for the other.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from codes import TIMBRES, Codebooks
from harmonics import RATE
from make_pack import vector
from safetensors.torch import save_file
from score import sounds
from sounded import shared
from torch import Tensor
from tqdm import tqdm

from qwen_tts.config import ModelConfig
from qwen_tts.mel import mel_spectrogram
from qwen_tts.speaker.ecapa import SpeakerEncoder

SECONDS = 0.8, 6.0  # of a clip that are heard, at least and at most
OTHERS = 0.9  # of what is heard is of voices that have no name: there are nearly as many as clips
TIMES = 2  # as so many microphones hear it
TILT = 0.12  # of each sample is added to the next one, or taken from it: 2 dB more or less of the lowest than of the highest
NOISY = 0.4  # of what is heard has noise
RIDGE, LEAST = 20.0, 0.1  # what differs by less from clip to clip is not trusted
QUIETEST = 12.0  # added to the logarithms of a mel spectrogram, which are then above 0
FAINT = 0.05  # of what a layer makes by chance is added to what passes it


@torch.no_grad()
def pass_on(encoder: SpeakerEncoder) -> None:
    """Lets each mel band through to what is pooled, with even weights; beside them is what layers make of them by chance."""
    first, *blocks = encoder.blocks
    bands = torch.arange(encoder.config.mel_dim)
    conv = first.conv  # type: ignore[union-attr]
    conv.weight[bands], conv.bias[bands] = 0, QUIETEST
    conv.weight[bands, bands, conv.weight.shape[2] // 2] = 1
    for block in blocks:
        block.tdnn2.conv.weight.mul_(FAINT)  # type: ignore[union-attr]
        block.tdnn2.conv.bias.zero_()  # type: ignore[union-attr]
    conv = encoder.mfa.conv
    same = torch.arange(conv.weight.shape[1] // len(blocks))  # channels of the last block
    conv.weight[same], conv.bias[same] = 0, 0
    conv.weight[same, conv.weight.shape[1] - len(same) + same] = 1
    encoder.asp.conv.weight.zero_()
    encoder.asp.conv.bias.zero_()


def microphone(wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A wave [N] as some microphone hears it: a little darker or brighter, louder or softer, now and then with noise."""
    heard = wave + rng.uniform(-TILT, TILT) * np.concatenate((wave[:1], wave[:-1]))
    heard = heard * np.exp(rng.uniform(-1.2, 0.8))
    if rng.random() < NOISY:
        heard = heard + rng.normal(size=len(wave)) * np.exp(rng.uniform(-11, -7))
    return heard.astype(np.float32)


@torch.no_grad()
def pooled(encoder: SpeakerEncoder, wave: np.ndarray) -> Tensor:
    """What the encoder's last layer is given of a wave [N]: [K]"""
    found: list[Tensor] = []
    hook = encoder.asp.register_forward_hook(lambda _, __, out: found.append(out[0, :, 0]))
    encoder(mel_spectrogram(torch.from_numpy(wave)[None], encoder.config.mel_dim))
    hook.remove()
    return found[0]


@torch.no_grad()
def fit_last(encoder: SpeakerEncoder, rows: Tensor, wanted: Tensor, often: Tensor) -> None:
    """Sets the last layer by least squares: of what is pooled [N, K], each `often` [N] times, what is wanted [N, D] comes."""
    share = (often / often.sum())[:, None]
    mean, middle = (share * rows).sum(0), (share * wanted).sum(0)
    size = ((share * (rows - mean).square()).sum(0) + LEAST**2).sqrt()
    even = ((rows - mean) / size).double()
    weighed = even * often[:, None]
    slope = torch.linalg.solve(weighed.T @ even + RIDGE * torch.eye(even.shape[1]), weighed.T @ (wanted - middle).double())
    encoder.fc.weight.copy_((slope.T / size)[..., None])
    encoder.fc.bias.copy_(middle - encoder.fc.weight[..., 0] @ mean)


def fit(encoder: SpeakerEncoder, folder: Path, known: Codebooks) -> None:
    """Has an encoder hear the voices of some clips."""
    found = [(parts[0][: round(SECONDS[1] * RATE)], made) for made, parts in sounds(folder, "wave")]
    clips = [(wave, made) for wave, made in found if len(wave) > SECONDS[0] * RATE]
    often = shared(np.ones(len(clips)), [made for _, made in clips], OTHERS) * len(clips)
    wanted = torch.from_numpy(np.stack([vector(made, known) for _, made in clips]))
    pass_on(encoder)
    rng, rows = np.random.default_rng(0), []
    for wave, _ in tqdm(clips * TIMES, desc="hearing", mininterval=10):
        rows.append(pooled(encoder, microphone(wave.astype(np.float32) / 32767, rng)))
    heard, aims = torch.stack(rows), wanted.repeat(TIMES, 1)
    fit_last(encoder, heard, aims, torch.from_numpy(often).float().repeat(TIMES))
    with torch.no_grad():
        off = (encoder.fc(heard[..., None])[..., 0] - aims).square()[:, :TIMBRES].mean()
    print(f"{len(clips)} clips; of their voices' variance {float(off / wanted[:, :TIMBRES].var(0).mean()):.1%} is not heard")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sounds", type=Path, help="folder of make_scores.py --sound")
    parser.add_argument("codebooks", type=Path, help="of codes.py")
    parser.add_argument("out", type=Path)
    parser.add_argument("--config", type=Path, default=Path(__file__).parent / "config" / "config.json")
    args = parser.parse_args()

    torch.set_num_threads(1)
    torch.manual_seed(0)
    sizes = ModelConfig.from_file(args.config).speaker_encoder_config
    assert sizes is not None
    encoder = SpeakerEncoder(sizes)
    fit(encoder, args.sounds, Codebooks.from_file(args.codebooks))
    save_file(encoder.state_dict(), args.out)


if __name__ == "__main__":
    main()
