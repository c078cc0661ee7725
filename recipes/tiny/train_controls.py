"""Teaches the decoder what of the codes: how strong each harmonic and each band of noise is, 200 times a second.

All that makes waves of it is set by synthesiser.py. OUT/state.pt holds the decoder; killed, it goes on where it was. Clips are
heard as they are, higher or lower, louder or softer, and whispered, with the codes that say so.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from codes import EARLY, SPEEDS, UNTOLD, Codebooks
from critic import Critic, judged, wish
from harmonics import BANDS, HARMONICS, NODES
from kept import Kept, add_nothing, arguments
from score import PHONES, POINTS, UNITS, VOICED
from sounded import Sounds, changed, part, pitch_at_nodes, some_way, whole
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
from qwen_tts.train.loop import saved_trainer, train

NOTES = 24  # places of the scale that a pitch is a bump on, for what is learned
BATCH, SEGMENT, SKIPPED = 6, 40, 3  # frames
UNKNOWN = 0.15  # of the clips are heard without code 7
CUT, LATE = 0.85, 15  # of the clips are heard from a later unit on: with its frames elsewhere, a clip is another one
PEAK = 5e-4
UNHEARD = 10**-2.4  # of the strongest amplitude of a harmonic or of a band's noise
SMALL_ERROR = 0.5  # nepers: smaller ones matter less, else the quietest sounds would be all that is learned
BELOW = 0.2  # what a level below nothing costs
SPEECH = 4000  # Hz; harmonics beyond tell vowels less apart, and are many
SEEN = 20  # frames of each clip that the critic is shown
CRITICISM, CRITIC_RATE = 3.0, 5e-4  # how strong its gradient is beside that of the mistakes

LISTENING = 200  # steps that a new critic and a new hint only learn, before a decoder that was taught already learns from them


def loudness(level: Tensor) -> Tensor:
    """How loud a level is heard, in nepers (8.7 dB) above what is not heard."""
    return torch.log1p(strength(level.clamp(0, RANGE)) / UNHEARD)


def telling(pitch: Tensor) -> Tensor:
    """How much a harmonic counts [..., HARMONICS], by its frequency, at a pitch in Hz [...]; 1 on average."""
    frequency = pitch[..., None] * torch.arange(1, HARMONICS + 1)
    counts = (SPEECH / frequency).clamp(max=1) ** 1.5
    return counts / counts.mean(-1, keepdim=True)


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
    sung, rough, fine, *voices, coming = (book.get_buffer(book.sum_name) for book in rest)
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
    size = known.spread
    for book, vectors in zip(voices, known.voices, strict=True):
        book[: len(vectors), begin : begin + vectors.shape[1]] = torch.from_numpy(vectors / np.sqrt(size * size.mean()))
    begin += vectors.shape[1]
    phone, when = np.divmod(np.arange(len(PHONES) * len(EARLY)), len(EARLY))
    coming[: len(when), begin : begin + EARLY.shape[1]] = torch.from_numpy(EARLY[when] * 2.0)
    begin += EARLY.shape[1]
    places = rng.normal(size=(len(PHONES), coming.shape[1] - begin))  # for each phone, since there is no room for a place each
    coming[: len(when), begin:] = torch.from_numpy(4 * places / np.linalg.norm(places, axis=1, keepdims=True))[phone]


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
    def __init__(
        self, decoder: Decoder, sounds: Sounds, known: Codebooks, strongest: np.ndarray, steps: int, peak: float = PEAK
    ) -> None:
        """`strongest`: of `Sounds.strongest`."""
        self.sounds, self.known = sounds, known
        self.decoder = decoder
        self.synthesiser = Synthesiser(decoder, strongest[:HARMONICS], strongest[HARMONICS:])
        self.strongest = np.concatenate((self.synthesiser.amplitudes, self.synthesiser.noises))
        learning = learned(decoder)
        wake(decoder, self.synthesiser, self.batch(np.random.default_rng(0))[0])
        self.hint = nn.Linear(decoder.upsample[0][0].conv.out_channels, BANDS)  # type: ignore[index, union-attr]
        self.critic = Critic()
        self.trusted = 0  # the step from which the decoder learns from both
        self.critic_optimizer = torch.optim.Adam(self.critic.parameters(), lr=CRITIC_RATE, betas=(0.5, 0.9), fused=True)
        parts = {"decoder": decoder, "hint": self.hint, "critic": self.critic, "critic_optimizer": self.critic_optimizer}
        self.keep(learning, steps, peak, 0.0, self.hint, **parts)

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """codes [B, T, Q], how loud all is in truth [B, T * NODES, HARMONICS + BANDS], which frames are to be learned [B, T],
        the envelope, every second node [B, T * NODES / 2, BANDS], and the pitch in Hz [B, T * NODES].
        """
        rows, true, real, envelopes, pitches = [], [], [], [], []
        for clip in rng.choice(len(self.sounds.chance), BATCH, p=self.sounds.chance):
            made, units = self.sounds.scores[clip], round((SEGMENT + 1) * UNITS)  # the last code tells of one frame more
            late = max(made.units - units, min(LATE, made.units - LATE))
            first = int(rng.integers(late + 1)) if late > 0 and rng.random() < CUT else 0
            made, harmonics, noise = changed(*part(made, *self.sounds.parts[clip], first, units), some_way(rng))
            codes = self.known.codes(made, int(rng.integers(SIXTHS)))[:SEGMENT]
            if rng.random() < UNKNOWN:
                codes[:, -1] = UNTOLD
            pad, nodes = SEGMENT - len(codes), len(codes) * NODES
            pitch, harmonics, noise = pitch_at_nodes(made)[:nodes], harmonics[:nodes], noise[:nodes]
            rows.append(np.pad(codes, ((0, pad), (0, 0))))
            pitches.append(np.pad(pitch, (0, pad * NODES), mode="edge").astype(np.float32))
            share = np.minimum(np.concatenate((harmonics, noise), 1) / self.strongest, 1)
            true.append(np.pad(np.log1p(share / UNHEARD), ((0, pad * NODES), (0, 0))).astype(np.float32))
            envelope = whole(pitch, harmonics, noise)[1::2] / self.strongest[-BANDS:]
            envelopes.append(np.pad(np.log1p(envelope / UNHEARD), ((0, pad * NODES // 2), (0, 0))).astype(np.float32))
            frames = np.arange(SEGMENT)
            real.append((frames < len(codes)) & ((frames >= SKIPPED) | (first == 0)))
        return tuple(torch.from_numpy(np.stack(x)) for x in (rows, true, real, envelopes, pitches))  # type: ignore[return-value]

    def said(self, codes: Tensor, trusted: bool = True) -> tuple[Tensor, Tensor]:
        """The levels, [B, T * NODES, HARMONICS + BANDS], and what a hint reads off half way, [B, T * NODES / 2, BANDS].

        Not `trusted`, the hint learns, and the decoder not from it.

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
        return said.transpose(1, 2), self.hint(x.transpose(1, 2) if trusted else x.transpose(1, 2).detach())

    def step(self, step: int) -> dict[str, float]:
        rng = np.random.default_rng((0, step))
        codes, true, real, envelope, pitch = self.batch(rng)
        trusted = step >= self.trusted
        with torch.autocast("cpu", torch.bfloat16):
            said, hint = (x.float() for x in self.said(codes, trusted))
        where = real.repeat_interleave(NODES, 1)
        heard = loudness(said)
        off = nn.functional.smooth_l1_loss(heard, true, reduction="none", beta=SMALL_ERROR)
        off = off + BELOW * (-said).clamp(min=0)
        voice, noise = (off[..., :HARMONICS] * telling(pitch))[where].mean(), off[..., HARMONICS:][where].mean()
        half = real.repeat_interleave(NODES // 2, 1)
        hinted = nn.functional.smooth_l1_loss(hint[half], envelope[half], beta=SMALL_ERROR)
        loss = voice + noise
        opinion, wished = self.criticism(heard.detach() * where[..., None], true * where[..., None], pitch, rng)
        slope = torch.autograd.grad(loss, heard, retain_graph=True)[0]
        wished = wished * where[..., None] * (trusted * CRITICISM * slope.norm() / wished.norm().clamp(min=1e-12))
        norm = self.learn(step, loss + hinted + (heard * wished).sum(), 2.0)
        return {"voice": voice.item(), "noise": noise.item(), "hint": hinted.item(), "critic": opinion, "norm": norm}

    def criticism(self, heard: Tensor, true: Tensor, pitch: Tensor, rng: np.random.Generator) -> tuple[float, Tensor]:
        """What the critic makes of a part of the batch, before it learns from it: its loss, and the gradient that it wishes."""
        first = int(rng.integers(0, heard.shape[1] - SEEN * NODES + 1))
        nodes = slice(first, first + SEEN * NODES)
        shown = heard[:, nodes], true[:, nodes], pitch[:, nodes]
        with torch.autocast("cpu", torch.bfloat16):
            wished = wish(self.critic, *shown)
            loss = judged(self.critic, *shown)
        self.critic_optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.critic_optimizer.step()
        return loss.item(), nn.functional.pad(wished.float(), (0, 0, first, heard.shape[1] - nodes.stop))

    def begin_with(self, state: dict[str, Any]) -> None:
        """Takes the averaged weights of an earlier run, and its critic and hint, if they were kept. Layers that it had not add
        nothing at first.
        """
        self.learning.load_state_dict(state["average"], strict=False)
        add_nothing(self.learning, state["average"])
        self.synthesiser.pin()
        self.average.restore(dict(self.learning.named_parameters()))
        for name, module in (("critic", self.critic), ("hint", self.hint)):
            if name in state:
                module.load_state_dict(state[name])
            else:
                self.trusted = LISTENING


def trained(config: CodecConfig, state: Path) -> Decoder:
    """The decoder that was taught, as deep as it was then, with its averaged weights."""
    saved = saved_trainer(state)
    layers = {name.split(".")[2] for name in saved["decoder"] if name.startswith("pre_transformer.layers.")}
    decoder = Decoder(replace(config.decoder_config, num_hidden_layers=len(layers)))
    decoder.load_state_dict(saved["decoder"])
    learned(decoder).load_state_dict(saved["average"], strict=False)
    return decoder.eval()


def main() -> None:
    args = arguments(
        __doc__, "codec.json", PEAK, steps=6000, start="state.pt of an earlier run, of which the weights are taken"
    )
    known = Codebooks.from_file(args.codebooks)
    decoder = Decoder(CodecConfig.from_file(args.config).decoder_config)
    give_codebooks(decoder, known)
    sounds = Sounds(args.sounds)
    args.out.mkdir(parents=True, exist_ok=True)
    trainer = ControlsTrainer(decoder, sounds, known, sounds.strongest(args.out / "strongest.npy"), args.steps, args.peak)
    if args.start is not None:
        trainer.begin_with(saved_trainer(args.start))
    train(trainer, args.steps, args.out)


if __name__ == "__main__":
    main()
