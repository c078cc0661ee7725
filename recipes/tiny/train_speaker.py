"""Teaches the speaker encoder to hear what tells a voice from others: the vectors of make_pack.py.

The talker learns from the vectors themselves, so neither waits for the other. OUT/state.pt holds the speaker encoder; killed,
it goes on where it was.
"""

from pathlib import Path

import numpy as np
import torch
from codes import TIMBRES, Codebooks
from harmonics import RATE
from kept import Kept, arguments
from make_pack import vector
from score import sounds
from sounded import shared
from torch import Tensor

from qwen_tts.config import ModelConfig
from qwen_tts.mel import mel_spectrogram
from qwen_tts.speaker.ecapa import SpeakerEncoder
from qwen_tts.train.loop import saved_trainer, train

BATCH, SECONDS, PEAK = 24, (1.2, 4.0), 1e-3
OTHERS = 0.7  # of what is heard is of voices that have no name: there are as many as clips


class SpeakerTrainer(Kept):
    def __init__(self, encoder: SpeakerEncoder, folder: Path, known: Codebooks, steps: int, peak: float) -> None:
        self.encoder = encoder
        found = [(parts[0], made) for made, parts in sounds(folder, "wave")]
        self.waves, scores = zip(*found, strict=True)
        self.vectors = np.stack([vector(made, known) for made in scores])
        self.chance = shared(np.array([len(wave) for wave in self.waves]) > SECONDS[0] * RATE, scores, OTHERS)
        self.keep(encoder, steps, peak, 0.01, encoder=encoder)

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Crops of one length, as different microphones hear them [B, N], and their vectors [B, D]."""
        count = int(rng.uniform(*SECONDS) * RATE)
        rows, clips = [], rng.choice(len(self.waves), BATCH, p=self.chance)
        for clip in clips:
            wave = self.waves[clip].astype(np.float32) / 32767
            first = int(rng.integers(max(1, len(wave) - count + 1)))
            part = np.pad(wave[first : first + count], (0, max(0, count - len(wave))), "wrap")
            tilt = rng.uniform(-0.35, 0.35)
            part = part + tilt * np.concatenate((part[:1], part[:-1]))
            part = part * np.exp(rng.uniform(-1.2, 0.8)) + rng.normal(size=count) * np.exp(rng.uniform(-11, -5.5))
            rows.append(part.astype(np.float32))
        return torch.from_numpy(np.stack(rows)), torch.from_numpy(self.vectors[clips])

    def step(self, step: int) -> dict[str, float]:
        waves, wanted = self.batch(np.random.default_rng((0, step)))
        with torch.autocast("cpu", torch.bfloat16):
            heard = self.encoder(mel_spectrogram(waves, self.encoder.config.mel_dim)).float()
        off = (heard - wanted).square()
        self.learn(step, off.mean(), 1.0)
        return {"voice": off[:, :TIMBRES].mean().item(), "pitch": off[:, TIMBRES].mean().item()}


def trained(path: Path) -> dict[str, Tensor]:
    """The averaged weights of a speaker encoder that was taught."""
    state = saved_trainer(path)
    return state["encoder"] | state["average"]


def main() -> None:
    args = arguments(__doc__, "config.json", PEAK)
    sizes = ModelConfig.from_file(args.config).speaker_encoder_config
    assert sizes is not None
    trainer = SpeakerTrainer(SpeakerEncoder(sizes), args.sounds, Codebooks.from_file(args.codebooks), args.steps, args.peak)
    train(trainer, args.steps, args.out)


if __name__ == "__main__":
    main()
