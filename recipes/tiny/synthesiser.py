"""A synthesiser as weights of the decoder: its last blocks are set, not learned, and turn what is said of a voice into a wave.

A snake is x + sin²(a x) / b. Fed with a multiple of the pitch's phase it is a harmonic; two of them, shifted apart by an angle,
are a harmonic of any amplitude. Fed with large random numbers it is a die; two of them multiply two numbers:

    sin² π(kφ + θ) + sin² π(θ - kφ) = 1 - cos 2πkφ · cos 2πθ                   amplitude cos 2πθ, θ in [0, 1/4]
    sin² π(g + ρ)  - sin² π(g - ρ)  = sin 2πg · sin 2πρ                        noise of strength sin 2πg, g in [0, 1/4]

Channels that are set ("fixed") lie first and see nothing else, nothing else sees them:

    12.5 Hz   code 1 says how far the phase has come and how fast it moves, code 2 how the pitch bends
    25 Hz     phase within half a frame = parabola
    200 Hz    parabolas of 5 ms · levels, learned (`controls` of harmonics.py says what they should be) · random numbers
    400 Hz    parabolas of 2.5 ms · angles θ - 1/4 and g of levels, interpolated · dice, then noise: random numbers by sin 2πg
    24 kHz    phase · angles θ - 1/4 · noise, each product a waveform of its own, 5 ms long

Before its first frame a convolution sees zeros, and with such angles zeros are silence.

The norm between context and upsampling is kept from changing anything by one channel that is much larger than all others.
"""

import numpy as np
import torch
from harmonics import BANDS, HARMONICS, RATE, triangles
from torch import Tensor, nn

from qwen_tts.codec.decoder import Decoder
from qwen_tts.codec.layers import SnakeBeta, SnakeUnit, UpsampleBlock

UNITS = 6  # pitch is told in sixths of cycles a frame, so that the phase at a frame's end has twelve values
SLOWEST, FASTEST = 29, 198  # sixths of cycles a frame: 60 to 412 Hz
BENDS = range(-2, 3)  # by so many sixths of a turn a frame is longer or shorter than a straight line of pitch makes it
SMALL = 2.0**-6  # phases on their way through the norm
LARGE = 2.0**15  # the channel that holds the norm still
DICE, SEEDS, NOISES = 4, 96, 39
GRAIN = 120  # samples that a sound of noise is long
BEND, DIE = 4, 5  # of the latent channels: one that is 1, the parabola, the bend, what dice are thrown from
FIXED = DIE + DICE
PHASE_IN, BEND_IN, DICE_IN = 0, 2, 3  # of the acoustic codebooks' vectors: (turns so far, speed), bend, random numbers
LEARNED_IN = DICE_IN + DICE
PHONE_DICE = 124  # of codebook 0's vectors: the last ones are random numbers
SPREAD = 0.1  # radians: harmonic k is this times k² late, so that they do not all peak at once
STRONGEST = 0.9  # of what an angle can say, the strongest amplitude of the training clips is this much
RANGE = 16.0  # the greatest level. Most lie below 2: what a layer learns should be of size 1, or each step of it goes too far
BENT = 16.0  # how much stronger the sin² of a level is than the level itself


def strength(level: Tensor) -> Tensor:
    """What share of the strongest amplitude a level means: about its square, so that soft sounds, too, are easily told."""
    share = level / RANGE
    return torch.sin(torch.pi / 2 * (torch.sin(torch.pi / 2 * share) ** 2 + share / BENT))


def levels() -> slice:
    """Where the levels are among the channels at 200 Hz, and θ - 1/4 and g at 400 Hz."""
    return slice(3, 3 + HARMONICS + BANDS)


def noise_patterns(count: int = NOISES, length: int = GRAIN) -> tuple[np.ndarray, np.ndarray]:
    """Waveforms that noise is made of, [count, length], and the band of each; one band's add up to a power of 1.

    Those directions of noise in a band, seen through a window, that hold most of its power.
    """
    bins = np.linspace(0, RATE / 2, 2049)
    window = np.sin(np.pi * (np.arange(length) + 0.5) / length)
    lags = np.abs(np.subtract.outer(np.arange(length), np.arange(length)))
    found = []
    for band, row in enumerate(triangles(BANDS, bins)):
        correlation = np.array([(row * np.cos(2 * np.pi * bins * lag / RATE)).mean() for lag in range(length)])
        powers, shapes = np.linalg.eigh(correlation[lags] * np.outer(window, window))
        found += [(power / powers.sum(), band, shape) for power, shape in zip(powers[-12:], shapes.T[-12:], strict=True)]
    first = [max((f for f in found if f[1] == band), key=lambda f: f[0]) for band in range(BANDS)]
    rest = sorted((f for f in found if not any(f is g for g in first)), key=lambda f: -f[0])[: count - BANDS]
    chosen = sorted(first + rest, key=lambda f: f[1])
    share = np.array([power for power, _, _ in chosen])
    band = np.array([b for _, b, _ in chosen])
    share /= np.bincount(band, share)[band]
    return np.stack([s for _, _, s in chosen]) * np.sqrt(share * length / 2)[:, None], band


class Synthesiser:
    """What of a decoder's weights is fixed. `pin` sets it; an optimiser without decay leaves it so, as its gradient is 0."""

    def __init__(self, decoder: Decoder, amplitudes: np.ndarray, noises: np.ndarray) -> None:
        """The strongest amplitude of each harmonic [HARMONICS] and of each band's noise [BANDS]."""
        self.decoder = decoder
        self.amplitudes, self.noises = amplitudes / STRONGEST, noises / STRONGEST
        self._masks: list[tuple[Tensor, Tensor, Tensor]] = []  # weight, what of it is fixed, its values
        self._rng = np.random.default_rng(0)
        self._context()
        self._upsampling()
        self._blocks()

    @torch.no_grad()
    def pin(self) -> None:
        for weight, fixed, values in self._masks:
            weight.data[fixed] = values

    def _fix(self, weight: Tensor, rows: slice | Tensor, columns: slice | Tensor | None = None) -> None:
        """Keeps a part of a weight as it is now."""
        fixed = torch.zeros_like(weight, dtype=torch.bool)
        if columns is None:
            fixed[rows] = True
        else:
            fixed[rows] |= True
            fixed[:, columns] = True
        if weight.requires_grad:
            weight.register_post_accumulate_grad_hook(lambda w: spare(w, fixed))
        self._masks.append((weight, fixed, weight.data[fixed].clone()))

    @torch.no_grad()
    def _context(self) -> None:
        d, fixed = self.decoder, slice(0, FIXED)
        size = d.quantizer.rvq_first.output_proj.weight.shape[1]
        for part, first in ((d.quantizer.rvq_first, 0), (d.quantizer.rvq_rest, size)):  # side by side
            part.output_proj.weight.zero_()
            part.output_proj.weight[first : first + size, :, 0] = torch.eye(size)
            self._fix(part.output_proj.weight, slice(None))
        turns, speed = size + PHASE_IN, size + PHASE_IN + 1
        conv = d.pre_conv.conv
        bend = size + BEND_IN
        unlearned = [turns, speed, bend, *range(size + DICE_IN, size + DICE_IN + DICE), *range(PHONE_DICE, PHONE_DICE + DICE)]
        conv.weight[:FIXED] = 0
        conv.weight[:, unlearned] = 0
        conv.bias[:FIXED] = 0
        conv.bias[0] = LARGE
        now, before = 2, 1
        conv.weight[1, turns, before], conv.weight[1, speed, before] = SMALL, SMALL / 2  # where the last frame's phase ended
        conv.weight[2, speed, before] = SMALL
        conv.weight[3, speed, now], conv.weight[3, speed, before] = SMALL / 2, -SMALL / 2
        conv.weight[BEND, bend, now] = 2 * SMALL  # the middle's pitch lies two sixths higher for each
        for i in range(DICE):
            conv.weight[DIE + i, size + DICE_IN + i] = torch.tensor([0.37, 0.61, 1.0])
            conv.weight[DIE + i, PHONE_DICE + i] = torch.tensor([0.53, 0.29, 1.0])
        self._fix(conv.weight, fixed, torch.tensor(unlearned))
        self._fix(conv.bias, fixed)
        t, still = d.pre_transformer, LARGE / t_width(d) ** 0.5  # a norm divides by this
        for linear in (t.input_proj, t.output_proj):
            linear.weight[:FIXED], linear.weight[:, :FIXED], linear.bias[:FIXED] = 0, 0, 0
            linear.weight[torch.arange(FIXED), torch.arange(FIXED)] = 1
        t.output_proj.weight[0], t.output_proj.bias[0] = 0, 1  # from here on the first channel is 1
        for linear in (t.input_proj, t.output_proj):
            self._fix(linear.weight, fixed, fixed)
            self._fix(linear.bias, fixed)
        t.norm.weight.fill_(still)
        self._fix(t.norm.weight, fixed)
        for layer in t.layers:
            for norm in (layer.input_layernorm, layer.post_attention_layernorm):
                norm.weight.fill_(still)
                norm.weight[:FIXED] = 0
                self._fix(norm.weight, fixed)
            for scale in (layer.self_attn_layer_scale, layer.mlp_layer_scale):
                scale.scale[:FIXED] = 0
                self._fix(scale.scale, fixed)

    @torch.no_grad()
    def _upsampling(self) -> None:
        fixed = slice(0, FIXED)
        for number, (up, mix) in enumerate(self.decoder.upsample):
            weight, bias, rate = up.conv.weight, up.conv.bias, up.conv.stride[0]  # [in, out, rate]
            weight[:FIXED], weight[:, :FIXED], bias[:FIXED] = 0, 0, 0
            weight[0, 0] = 1
            parabolas(weight[1:4, 1:4], rate)
            if number == 0:  # the pitch is a line to the middle, and another one from there
                assert rate == 2
                weight[BEND, 1:4] = torch.tensor([[0, 1 / 4], [0, 1 / 2], [1 / 4, -1 / 4]])
            for i in range(DICE):
                weight[DIE + i, DIE + i] = 1
                weight[0, DIE + i] = torch.from_numpy(self._rng.uniform(0, 1, rate)).to(weight)
            self._fix(weight, fixed, fixed)
            self._fix(bias, fixed)
            mix.dwconv.conv.weight[:FIXED], mix.dwconv.conv.bias[:FIXED], mix.gamma[:FIXED] = 0, 0, 0
            mix.gamma[FIXED:] = 0.3
            for part in (mix.dwconv.conv.weight, mix.dwconv.conv.bias, mix.gamma):
                self._fix(part, fixed)

    @torch.no_grad()
    def _blocks(self) -> None:
        first, coarse, fine, snake, last = self.decoder.decoder
        for weight in (*coarse.parameters(), *fine.parameters(), *snake.parameters(), *last.parameters()):
            weight.zero_()
        for module in (*coarse.modules(), *fine.modules(), snake):
            if isinstance(module, SnakeBeta):
                straight(module)
        self._conductor(first.conv)
        self._noise(coarse)
        self._voice(fine)
        wave = last.conv.weight[0, :, -1]  # channels at 24 kHz: phase, angles, wave
        wave[1 + HARMONICS] = 1
        wave[1 : 1 + HARMONICS] = 2 * torch.from_numpy(self.amplitudes)
        # a snake keeps its x: with that, two of them are 2 (θ - 1/4) + 1.5 too much
        last.conv.bias[0] = 1.5 * float(self.amplitudes.sum())
        for weight in (*coarse.parameters(), *fine.parameters(), *snake.parameters(), *last.parameters()):
            self._fix(weight, slice(None))

    def _conductor(self, conv: nn.Conv1d) -> None:
        """200 Hz: parabola, levels, seeds of the dice."""
        learned, seeds = levels(), slice(levels().stop, levels().stop + SEEDS)
        conv.weight[:, :FIXED] = 0
        others = torch.ones(len(conv.weight), dtype=torch.bool)
        others[learned] = False
        conv.weight[others], conv.bias[others] = 0, 0
        conv.bias[learned] = 0.5
        conv.weight[torch.arange(3), torch.arange(1, 4), -1] = 1
        conv.weight[seeds, DIE : DIE + DICE, -1] = torch.from_numpy(self._rng.normal(0, 1.5, (SEEDS, DICE))).to(conv.weight)
        self._fix(conv.weight, others, slice(0, FIXED))
        self._fix(conv.bias, others)

    def _noise(self, block: UpsampleBlock) -> None:
        """400 Hz: of seeds dice, of dice and angles noise."""
        snake, up, throw, multiply, _ = block.block
        seeds, learned = slice(levels().stop, levels().stop + SEEDS), levels()
        dice(snake, seeds, 64.0)
        dice(snake, learned, BENT * RANGE, 0.5 / RANGE)
        weight, rate = up.conv.weight, up.conv.stride[0]  # [in, out, 2 * rate]
        parabolas(weight[:3, :3, :rate], rate)
        self._fade(weight, range(learned.start, learned.stop), range(learned.start, learned.stop), rate)
        weight[learned, learned] *= 0.25 / (BENT * RANGE)
        weight[3 : 3 + HARMONICS, 3 : 3 + HARMONICS] *= -1
        noises = slice(learned.stop, learned.stop + NOISES)
        weight[seeds, noises, :rate] = torch.from_numpy(self._rng.normal(0, 0.25 / 64, (SEEDS, NOISES, rate))).to(weight)
        places, own = torch.arange(learned.stop, learned.stop + NOISES), torch.arange(NOISES)
        dice(throw.act2, slice(0, NOISES), 1.0)
        throw.conv1.conv.weight[own, places, -1] = 1
        throw.conv2.conv.weight[places, own, 0] = -1
        throw.conv2.conv.bias[noises] = 0.5  # now cos(..) / 2
        _, band = noise_patterns()
        strengths = torch.from_numpy(3 + HARMONICS + band)
        dice(multiply.act2, slice(0, 2 * NOISES), 1.0)
        for place, sign in ((own, 0.5), (own + NOISES, -0.5)):
            multiply.conv1.conv.weight[place, strengths, -1] = 1
            multiply.conv1.conv.weight[place, places, -1] = sign
            multiply.conv2.conv.weight[places, place, 0] = -2 * sign

    def _voice(self, block: UpsampleBlock) -> None:
        """24 kHz: the phase, and what of harmonics and noise makes the wave."""
        _, up, *units = block.block
        weight, rate = up.conv.weight, up.conv.stride[0]
        x = (torch.arange(rate) + 1) / rate
        for power in range(3):  # in cycles from here on
            weight[power, 0, :rate] = x**power / (SMALL * UNITS)
        self._fade(weight, range(3, 3 + HARMONICS), range(1, 1 + HARMONICS), rate)
        patterns, band = noise_patterns()
        spread = 0.652**-0.5  # the root mean square of sin(pi / 2 cos x) is that of 1 / spread
        waves = patterns * (self.noises[band] * spread)[:, None]
        weight[levels().stop : levels().stop + NOISES, 1 + HARMONICS] = torch.from_numpy(waves).to(weight)
        size, wave = len(units[0].conv1.conv.weight), 1 + HARMONICS
        for number in range(HARMONICS):
            unit: SnakeUnit = units[number // (size // 2)]
            late = SPREAD * (number + 1) ** 2 / (2 * np.pi) % 1
            for side, place in ((1, 2 * number % size), (-1, 2 * number % size + 1)):
                dice(unit.act2, slice(place, place + 1), 1.0)
                unit.conv1.conv.weight[place, 0, -1] = side * (number + 1)
                unit.conv1.conv.weight[place, 1 + number, -1] = 1
                unit.conv1.conv.bias[place] = 0.25 + side * late
                unit.conv2.conv.weight[wave, place, 0] = -float(self.amplitudes[number])

    @staticmethod
    def _fade(weight: Tensor, inputs: range, outputs: range, rate: int) -> None:
        """From the last value to this one, which is reached at the end."""
        x = (torch.arange(rate) + 1) / rate
        for i, o in zip(inputs, outputs, strict=True):
            weight[i, o] = torch.cat((x, 1 - x))


def spare(weight: Tensor, fixed: Tensor) -> None:
    """Takes what is fixed out of a gradient."""
    assert weight.grad is not None
    weight.grad.masked_fill_(fixed, 0)


def t_width(decoder: Decoder) -> int:
    return decoder.pre_transformer.norm.weight.shape[0]


def parabolas(weight: Tensor, rate: int) -> None:
    """Cuts a parabola (a, b, c): a + b x + c x², x from 0 to 1, into `rate` of them: [3, 3, rate] from each to each."""
    x = torch.arange(rate) / rate
    weight[0, 0], weight[1, 0], weight[2, 0] = 1, x, x**2
    weight[1, 1], weight[2, 1] = 1 / rate, 2 * x / rate
    weight[2, 2] = 1 / rate**2


def straight(snake: SnakeBeta) -> None:
    """All but x itself."""
    snake.alpha.data.zero_()
    snake.beta.data.fill_(18)


def dice(snake: SnakeBeta, channels: slice, strength: float, turns: float = 1.0) -> None:
    """x + strength sin²(pi turns x) in these channels."""
    snake.alpha.data[channels] = float(np.log(np.pi * turns))
    snake.beta.data[channels] = -float(np.log(strength))
