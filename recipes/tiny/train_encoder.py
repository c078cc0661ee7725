"""Teaches the codec's encoder to hear the codes: phones, pitch, energy and voicing, voice.

It hears no further than the frame that it codes, while code 0 tells the phones of the next one. So it codes the frame before:
what is decoded of its codes comes a frame, 80 ms, late.
OUT/state.pt holds the codec; killed, it goes on where it was.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import soxr
import torch
from choosers import audible_vectors, choosers, give_codebooks
from codes import UNTOLD, Codebooks
from harmonics import FRAME, RATE
from kept import Kept, add_nothing, arguments, weights
from score import UNITS, Score, sounds
from sounded import after_silence
from synthesiser import LEARNED_IN, PHONE_DICE
from torch import Tensor, nn
from train_controls import give_codebooks as give_decoder_codebooks

from qwen_tts.codec.codec import Codec
from qwen_tts.codec.encoder import Encoder
from qwen_tts.config import CodecConfig
from qwen_tts.train.loop import saved_trainer, train

BATCH, SEGMENT, PEAK = 12, 45, 1.5e-3  # clips, frames
OFTEN, PLAYED = 0.6, 0.2  # of the clips are played faster or slower, by up to that power of e
VOICE_BOOK = 4  # the first of those that tell the voice
HALF = PHONE_DICE // 2  # of codebook 0's vectors: a place for each phone
SHARP = 4.0  # what stands there
LAYER = "encoder_transformer.layers.{}."


class EncoderTrainer(Kept):
    def __init__(self, codec: Codec, folder: Path, known: Codebooks, steps: int, peak: float) -> None:
        self.codec, self.known = codec, known
        self.vectors = audible_vectors(codec)
        self.clips = [(made, parts[0], heard_late(made, known)) for made, parts in sounds(folder, "wave")]
        voice = self.vectors[VOICE_BOOK][:, LEARNED_IN:].abs().amax(0) > 0
        self.told = torch.where(voice, 0.0, 1.0)  # what is known of a clip that is played faster or slower
        self.keep(nn.ModuleList([codec.encoder]), steps, peak, 0.01, encoder=codec.encoder)

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Beginnings of clips, now and then with others before them, [B, N]; codes [B, T, Q], -1 where there are none; and
        whether a clip is in its own voice [B]: others are played faster or slower, as if by a smaller or larger speaker.
        """
        waves, codes, own = [], [], []
        for _ in range(BATCH):
            made, wave, row = self.clips[int(rng.integers(len(self.clips)))]
            times = float(np.exp(rng.uniform(-PLAYED, PLAYED))) if rng.random() < OFTEN else 1.0
            if times != 1:
                made, wave = played(made, wave, times)
                row = heard_late(made, self.known)
            late = int(rng.integers(0, max(1, len(row) - SEGMENT + 1))) if rng.random() < 0.5 else 0
            wave, row = wave[late * FRAME : (late + SEGMENT) * FRAME], row[late : late + SEGMENT]
            gain = np.float32(np.exp(rng.uniform(-0.1, 0.1)) / 32767)
            waves.append(np.pad(wave.astype(np.float32) * gain, (0, SEGMENT * FRAME - len(wave))))
            codes.append(np.pad(row, ((0, SEGMENT - len(row)), (0, 0)), constant_values=-1))
            own.append(times == 1)
        return torch.from_numpy(np.stack(waves)), torch.from_numpy(np.stack(codes)), torch.tensor(own)

    def step(self, step: int) -> dict[str, float]:
        waves, codes, own = self.batch(np.random.default_rng((0, step)))
        real = codes[..., 0] >= 0
        with torch.autocast("cpu", torch.bfloat16):
            z = self.codec.encoder.embed(waves)
            said, sung = (chooser.input_proj(z).transpose(1, 2)[real].float() for chooser in choosers(self.codec))
        codes, told = codes[real], torch.where(own[:, None, None], 1.0, self.told).expand(*real.shape, -1)[real]
        pairs = torch.from_numpy(self.known.pairs)[codes[:, 0].clamp(max=len(self.known.pairs) - 1)]
        guesses = SHARP * said[:, : 2 * HALF].unflatten(1, (2, HALF)).transpose(1, 2)  # [N, HALF, 2]
        phones = nn.functional.cross_entropy(guesses, pairs) * 2
        wanted = torch.stack([self.vectors[number][codes[:, number]] for number in range(1, codes.shape[1])]).sum(0)
        off = ((sung - wanted)[:, LEARNED_IN:].square() * told).mean() * 10
        self.learn(step, phones + off, 1.0)
        return {"phones": phones.item(), "rest": off.item()}


def played(made: Score, wave: np.ndarray, times: float) -> tuple[Score, np.ndarray]:
    """A clip and its wave [N] played so many times as fast: shorter, higher, and in another voice."""
    count = 2 * round(made.units / times)
    places = (np.arange(count) + 0.5) * len(made.pitch) / count - 0.5
    found = replace(
        made, ends=made.ends / np.float32(times), spoken=made.spoken / np.float32(times),
        pitch=made.pitch[np.clip(np.round(places).astype(int), 0, len(made.pitch) - 1)] * np.float32(times),
        energy=np.interp(places, np.arange(len(made.energy)), made.energy).astype(np.float32),
    )  # fmt: skip
    return found, soxr.resample(wave.astype(np.float32), RATE * times, RATE, quality="LQ")[: found.frames * FRAME]


def heard_late(made: Score, known: Codebooks) -> np.ndarray:
    """The codes of a score a frame late, the first one that of silence, and nothing of what comes."""
    frames = 5  # the fewest that are whole units
    codes = known.codes(after_silence(made, round(frames * UNITS)))[frames - 1 :][: made.frames]
    codes[:, -1] = UNTOLD
    return codes


def trained(path: Path) -> dict[str, Tensor]:
    """The averaged weights of an encoder that was taught."""
    state = saved_trainer(path)
    return state["encoder"] | {name.removeprefix("0."): value for name, value in state["average"].items()}


@torch.no_grad()
def begin_with(encoder: Encoder, heard: dict[str, Tensor], layers: int) -> None:
    """Takes the weights of an earlier encoder, which had so many layers; those that it lacks add nothing at first."""
    encoder.load_state_dict(heard, strict=False)
    add_nothing(encoder, heard)
    last = LAYER.format(layers - 1)
    for number in range(layers, len(encoder.encoder_transformer.layers)):
        for name, weight in encoder.get_submodule(LAYER.format(number).rstrip(".")).named_parameters():
            if name.endswith("scale"):  # signals are as loud as what was learned made them
                weight.copy_(heard[last + name])


def main() -> None:
    args = arguments(__doc__, "codec.json", PEAK, start="model.safetensors of an earlier codec, whose encoder hears already")
    known = Codebooks.from_file(args.codebooks)
    codec = Codec(CodecConfig.from_file(args.config))
    give_decoder_codebooks(codec.decoder, known)
    if args.start is not None:
        heard = weights(args.start, "encoder.")
        begin_with(codec.encoder, heard, sum(name.endswith("self_attn.o_proj.weight") for name in heard))
    give_codebooks(codec, audible_vectors(codec))
    train(EncoderTrainer(codec, args.sounds, known, args.steps, args.peak), args.steps, args.out)


if __name__ == "__main__":
    main()
