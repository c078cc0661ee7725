"""Teaches the decoder what of the codes: how strong each harmonic and each band of noise is, 200 times a second.

All that makes waves of it is set by synthesiser.py. OUT/state.pt holds the decoder; killed, it goes on where it was. Clips are
heard as they are, higher or lower, louder or softer, and whispered, with the codes that say so.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from captions import ENERGY_A_DECIBEL, Way
from codes import LOUDER, SPEEDS, Codebooks
from harmonics import BANDS, HARMONICS, NODES, mel_places
from kept import Kept
from score import POINTS, UNITS, VOICED, Score, sounds, through
from synthesiser import (
    BEND_IN,
    BENDS,
    DICE,
    DICE_IN,
    FIXED,
    LEARNED_IN,
    PHASE_IN,
    PHONE_DICE,
    RANGE,
    SLOWEST,
    Synthesiser,
    levels,
    strength,
)
from synthesiser import UNITS as SIXTHS
from torch import Tensor, nn

from qwen_tts.codec.decoder import Decoder
from qwen_tts.config import CodecConfig
from qwen_tts.train.loop import Average, learning_rate, saved_trainer, train

NOTES = 24  # places of the scale that a pitch is a bump on, for what is learned
BATCH, SEGMENT, SKIPPED = 6, 40, 3  # frames
PEAK = 5e-4
DECIBELS = LOUDER / ENERGY_A_DECIBEL
UNHEARD = 10**-2.4  # of the strongest amplitude of a harmonic or of a band's noise
SMALL_ERROR = 0.5  # nepers: smaller ones matter less, else the quietest sounds would be all that is learned
BELOW = 0.2  # what a level below nothing costs


class Sounds:
    """Scores that were spoken, and what their waves are made of."""

    def __init__(self, folder: Path) -> None:
        found = list(sounds(folder, "harmonics", "noise"))
        self.scores, self.parts = [made for made, _ in found], [parts for _, parts in found]
        frames = np.array([made.frames for made in self.scores], float)
        who = np.unique([made.speaker for made in self.scores], return_inverse=True)[1]
        self.chance = frames / np.bincount(who, frames)[who] ** 0.5
        self.chance /= self.chance.sum()

    def strongest(self, path: Path) -> np.ndarray:
        """The strongest of each harmonic and of each band's noise, with room for louder speech; kept in a file."""
        if not path.exists():
            picked = np.random.default_rng(0).choice(len(self.parts), min(600, len(self.parts)), replace=False)
            rows = np.concatenate([np.concatenate(self.parts[i], 1)[::7] for i in picked]).astype(np.float32)
            np.save(path, np.quantile(rows, 0.9995, axis=0) * 1.5 + 1e-3)
        return np.load(path)


def pitch_at_nodes(made: Score) -> np.ndarray:
    """Hz at the end of each node."""
    ends = (np.arange(made.frames * NODES) + 1) / NODES * UNITS * 2
    return np.interp(ends, np.arange(len(made.pitch)) + 0.5, through(made.pitch))


def whole(pitch: np.ndarray, harmonics: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """The root mean square of all that sounds in each band, [nodes, BANDS]."""
    at = np.interp(pitch[:, None] * np.arange(1, HARMONICS + 1), mel_places(BANDS), np.arange(BANDS))
    left = np.minimum(at.astype(int), BANDS - 2)
    power, rows = np.square(noise), np.arange(len(noise))[:, None]
    for band, share in ((left, left + 1 - at), (left + 1, at - left)):
        np.add.at(power, (rows, band), share * np.square(harmonics) / 2)
    return np.sqrt(power)


def changed(made: Score, harmonics: np.ndarray, noise: np.ndarray, way: Way) -> tuple[Score, np.ndarray, np.ndarray]:
    """A clip's score and controls, sung higher, louder or whispered; the envelope stays where it is."""
    harmonics, noise = harmonics.astype(np.float32), noise.astype(np.float32)
    if way.pitch != 1:
        x = np.arange(1, HARMONICS + 1) * way.pitch - 1  # where in the row of old harmonics the new ones lie
        left = np.clip(np.floor(x).astype(int), 0, HARMONICS - 2)
        weight = np.clip(x - left, 0, 1).astype(np.float32)
        moved = harmonics[:, left] * (1 - weight) + harmonics[:, left + 1] * weight
        harmonics = moved * np.float32(way.pitch**0.5) * (x <= HARMONICS - 1)
    if way.whispered:
        harmonics, noise = np.zeros_like(harmonics), whole(pitch_at_nodes(made), harmonics, noise)
    gain = np.float32(10 ** (way.loud / 20))
    return way.applied(made), harmonics * gain, noise * gain


def loudness(level: Tensor) -> Tensor:
    """How loud a level is heard, in nepers (8.7 dB) above what is not heard."""
    return torch.log1p(strength(level.clamp(0, RANGE)) / UNHEARD)


def some_way(rng: np.random.Generator) -> Way:
    return Way(
        pitch=float(np.exp(rng.uniform(-0.25, 0.25))) if rng.random() < 0.25 else 1.0,
        loud=float(rng.uniform(-DECIBELS * 1.2, DECIBELS)) if rng.random() < 0.3 else 0.0, whispered=rng.random() < 0.05,
    )  # fmt: skip


@torch.no_grad()
def give_codebooks(decoder: Decoder, known: Codebooks) -> None:
    """What the codes stand for, as vectors."""
    rng = np.random.default_rng(1)
    first, rest = decoder.quantizer.rvq_first.codebooks(), decoder.quantizer.rvq_rest.codebooks()
    for book in (*first, *rest):
        book.get_buffer(book.sum_name).zero_()
        book.get_buffer("cluster_usage").fill_(1)
    spoken = first[0].get_buffer(first[0].sum_name)
    dots = np.zeros((len(known.pairs), 2 * (PHONE_DICE // 2)), np.float32)
    for half in range(2):
        dots[np.arange(len(dots)), half * (PHONE_DICE // 2) + known.pairs[:, half]] = 4
    spoken[: len(dots), : dots.shape[1]] = torch.from_numpy(dots)
    spoken[:, PHONE_DICE : PHONE_DICE + DICE] = torch.from_numpy(rng.random((len(spoken), DICE)))
    sung, rough, fine, *voices = (book.get_buffer(book.sum_name) for book in rest)
    for book in (sung, rough, fine):
        book[:, DICE_IN : DICE_IN + DICE] = torch.from_numpy(rng.random((len(book), DICE)))
    done, speed = np.divmod(np.arange(SIXTHS * SPEEDS), SPEEDS)
    sung[: len(done), PHASE_IN], sung[: len(done), PHASE_IN + 1] = torch.from_numpy(done), torch.from_numpy(speed + SLOWEST)
    notes = np.linspace(np.log(SLOWEST), np.log(SLOWEST + SPEEDS), NOTES)
    bumps = np.exp(-0.5 * ((np.log(speed + SLOWEST)[:, None] - notes) / (notes[1] - notes[0])) ** 2)
    begin = LEARNED_IN
    sung[: len(done), begin : begin + NOTES] = torch.from_numpy(bumps * 4)
    begin += NOTES
    bend, shape = np.divmod(np.arange(len(BENDS) * len(known.rough)), len(known.rough))
    rough[: len(bend), BEND_IN] = torch.from_numpy(bend + BENDS[0]).float()
    scale = np.repeat([0.4, 2 / VOICED], POINTS)
    rough[: len(bend), begin : begin + 2 * POINTS] = torch.from_numpy((known.rough * scale)[shape])
    fine[: len(known.fine), begin : begin + 2 * POINTS] = torch.from_numpy(known.fine * scale)
    begin += 2 * POINTS
    size = np.sqrt(np.square(known.voices[0]).mean(0))  # of each direction
    for book, vectors in zip(voices, known.voices, strict=True):
        book[: len(vectors), begin : begin + vectors.shape[1]] = torch.from_numpy(vectors / np.sqrt(size * size.mean()))


@torch.no_grad()
def wake(decoder: Decoder, synthesiser: Synthesiser, codes: Tensor) -> None:
    """Scales what is to be learned until each layer's output is of size 1 on some codes [B, T, Q], and sets its biases to 0.

    PyTorch's own start shrinks a signal by the root of three a layer: phones are then hardly heard of below all biases.
    """
    transformer = decoder.pre_transformer
    layers: list[nn.Module] = [decoder.pre_conv.conv, transformer.input_proj, transformer.output_proj]
    for up, mix in decoder.upsample:  # type: ignore[misc]
        layers += [up.conv, mix.dwconv.conv, mix.pwconv1, mix.pwconv2]
    for layer in layers:
        heard: list[Tensor] = []
        hook = layer.register_forward_hook(lambda _, __, out, heard=heard: heard.append(out))
        bias = layer.bias
        assert isinstance(bias, Tensor)
        bias.zero_()
        synthesiser.pin()
        decoder.upsampled(decoder.context(decoder.quantizer(codes)))
        hook.remove()
        out = heard[0]
        learned = out[:, FIXED:] if isinstance(layer, nn.Conv1d | nn.ConvTranspose1d) else out[..., FIXED:]
        layer.weight.div_(learned.std())  # type: ignore[union-attr]
        synthesiser.pin()


def learned(decoder: Decoder) -> nn.ModuleList:
    """What of a decoder is not all set by the synthesiser."""
    return nn.ModuleList([decoder.pre_conv, decoder.pre_transformer, decoder.upsample, decoder.decoder[0]])


class ControlsTrainer(Kept):
    def __init__(self, decoder: Decoder, sounds: Sounds, known: Codebooks, strongest: np.ndarray, steps: int) -> None:
        """`strongest`: of `Sounds.strongest`."""
        self.sounds, self.known = sounds, known
        self.decoder, self.steps = decoder, steps
        self.synthesiser = Synthesiser(decoder, strongest[:HARMONICS], strongest[HARMONICS:])
        self.strongest = np.concatenate((self.synthesiser.amplitudes, self.synthesiser.noises))
        level = torch.linspace(0, RANGE, 4001)
        self.scale = strength(level).numpy(), level.numpy()
        self.learning = learned(decoder)
        wake(decoder, self.synthesiser, self.batch(np.random.default_rng(0))[0])
        self.hint = nn.Linear(decoder.upsample[0][0].conv.out_channels, BANDS)  # type: ignore[index, union-attr]
        both = [*self.learning.parameters(), *self.hint.parameters()]
        self.optimizer = torch.optim.AdamW(both, lr=PEAK, betas=(0.9, 0.98), weight_decay=0.0)
        self.keep(Average(self.learning), decoder=decoder, hint=self.hint, optimizer=self.optimizer)

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """codes [B, T, Q], the levels wanted [B, T * NODES, HARMONICS + BANDS], which frames are to be learned [B, T], and
        the envelope, every second node [B, T * NODES / 2, BANDS].
        """
        rows, wanted, real, envelopes = [], [], [], []
        for clip in rng.choice(len(self.sounds.chance), BATCH, p=self.sounds.chance):
            made, harmonics, noise = changed(self.sounds.scores[clip], *self.sounds.parts[clip], some_way(rng))
            codes = self.known.codes(made, int(rng.integers(SIXTHS)))
            first = int(rng.integers(0, max(1, len(codes) - SEGMENT + 1)))
            last = min(len(codes), first + SEGMENT)
            pad = SEGMENT - (last - first)
            rows.append(np.pad(codes[first:last], ((0, pad), (0, 0))))
            part = np.concatenate((harmonics, noise), 1)[first * NODES : last * NODES]
            said = np.interp(part / self.strongest, *self.scale)
            wanted.append(np.pad(said.astype(np.float32), ((0, pad * NODES), (0, 0))))
            nodes = slice(first * NODES, last * NODES)
            envelope = whole(pitch_at_nodes(made)[nodes], harmonics[nodes], noise[nodes])[1::2] / self.strongest[-BANDS:]
            envelopes.append(np.pad(np.log1p(envelope / UNHEARD), ((0, pad * NODES // 2), (0, 0))).astype(np.float32))
            frames = np.arange(SEGMENT)
            real.append((frames < last - first) & ((frames >= SKIPPED) | (first == 0)))
        return tuple(torch.from_numpy(np.stack(part)) for part in (rows, wanted, real, envelopes))  # type: ignore[return-value]

    def said(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """The levels, [B, T * NODES, HARMONICS + BANDS], and what a hint reads off half way, [B, T * NODES / 2, BANDS].

        Where formants lie among harmonics depends on the pitch. So the decoder is asked for the envelope first, which does not.
        """
        d = self.decoder
        *coarse, last = d.upsample
        x = d.context(d.quantizer(codes))
        for up, mix in coarse:  # type: ignore[misc]
            x = mix(up(x))
        up, mix = last  # type: ignore[misc]
        conv = d.decoder[0].conv  # type: ignore[union-attr]
        x_fine = nn.functional.pad(mix(up(x)), (conv.kernel_size[0] - 1, 0))
        said = nn.functional.conv1d(x_fine, conv.weight[levels()], conv.bias[levels()])  # no other channel is learned
        return said.transpose(1, 2), self.hint(x.transpose(1, 2))

    def step(self, step: int) -> dict[str, float]:
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(step, self.steps, PEAK, 100, floor=0.02)
        codes, wanted, real, envelope = self.batch(np.random.default_rng((0, step)))
        with torch.autocast("cpu", torch.bfloat16):
            said, hint = (part.float() for part in self.said(codes))
        off = nn.functional.smooth_l1_loss(loudness(said), loudness(wanted), reduction="none", beta=SMALL_ERROR)
        off = off + BELOW * (-said).clamp(min=0)
        where = real.repeat_interleave(NODES, 1)
        voice, noise = off[..., :HARMONICS][where].mean(), off[..., HARMONICS:][where].mean()
        half = real.repeat_interleave(NODES // 2, 1)
        hinted = nn.functional.smooth_l1_loss(hint[half], envelope[half], beta=SMALL_ERROR)
        loss = voice + noise + hinted
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.synthesiser.spare()
        norm = nn.utils.clip_grad_norm_(self.learning.parameters(), 2.0)
        self.optimizer.step()
        self.synthesiser.pin()
        self.average.update(step)
        return {"voice": voice.item(), "noise": noise.item(), "hint": hinted.item(), "norm": norm.item()}

    def begin_with(self, state: dict[str, Any]) -> None:
        """Takes the averaged weights of an earlier run."""
        self.learning.load_state_dict(state["average"], strict=False)
        self.synthesiser.pin()
        self.average.restore(dict(self.learning.named_parameters()))


def trained(config: CodecConfig, state: Path) -> Decoder:
    """The decoder that was taught, with its averaged weights."""
    decoder = Decoder(config.decoder_config)
    saved = saved_trainer(state)
    decoder.load_state_dict(saved["decoder"])
    learned(decoder).load_state_dict(saved["average"], strict=False)
    return decoder.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sounds", type=Path, help="folder of make_scores.py --sound")
    parser.add_argument("codebooks", type=Path, help="of codes.py")
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--start", type=Path, help="state.pt of an earlier run, of which the weights are taken")
    parser.add_argument("--config", type=Path, default=Path(__file__).parent / "config" / "codec.json")
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    known = Codebooks.from_file(args.codebooks)
    decoder = Decoder(CodecConfig.from_file(args.config).decoder_config)
    give_codebooks(decoder, known)
    sounds = Sounds(args.sounds)
    args.out.mkdir(parents=True, exist_ok=True)
    trainer = ControlsTrainer(decoder, sounds, known, sounds.strongest(args.out / "strongest.npy"), args.steps)
    if args.start is not None:
        trainer.begin_with(saved_trainer(args.start))
    train(trainer, args.steps, args.out)


if __name__ == "__main__":
    main()
