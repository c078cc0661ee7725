"""Teaches the decoder what of the codes: how strong each harmonic and each band of noise is, 100 times a second.

All that makes waves of it is set by synthesiser.py. OUT/state.pt holds the decoder; killed, it goes on where it was.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from quantise import SIZE, SPEEDS, pitch_of, two_hot
from sound import HARMONICS, NODES, Sounds, controls
from synthesiser import DICE, DICE_IN, LEARNED_IN, PHASE_IN, PHONE_DICE, SLOWEST, UNITS, Synthesiser, levels, strength
from torch import Tensor, nn
from tqdm import tqdm

from qwen_tts.codec.decoder import Decoder
from qwen_tts.config import CodecConfig
from qwen_tts.train.data import Codes, Pack
from qwen_tts.train.loop import Average, learning_rate, saved_trainer, train

NOTES = 24  # places of the scale that a pitch is a bump on, for what is learned
BATCH, SEGMENT, SKIPPED = 16, 40, 2  # frames
PEAK = 7e-4


def wanted(folder: Path, codes: Path, clips: range) -> np.ndarray:
    """What the decoder is to say of some clips, at the pitch that the codes have: [nodes, HARMONICS + BANDS]."""
    sounds, said, rows = Sounds(folder), Codes(codes), []
    for i in clips:
        sound = sounds.get(i)
        pitch = pitch_of(said.get(i)[:, 1].numpy() % SPEEDS + SLOWEST)
        rows.append(np.concatenate(controls(pitch, sound.envelope, sound.noise), 1).astype("<f2"))
    return np.concatenate(rows)


def all_wanted(folder: Path, codes: Path, processes: int) -> np.ndarray:
    """The same of all clips: CODES/controls.npy, made when it is not there."""
    path, count = codes / "controls.npy", len(Pack(folder).clips)
    if not path.exists():
        parts = [range(i, min(i + 50, count)) for i in range(0, count, 50)]
        with ProcessPoolExecutor(processes) as pool:
            found = list(tqdm(pool.map(partial(wanted, folder, codes), parts), total=len(parts), mininterval=10))
        np.save(path, np.concatenate(found))
    return np.load(path, mmap_mode="r")


@torch.no_grad()
def give_codebooks(decoder: Decoder, known: dict[str, np.ndarray]) -> None:
    """What the codes stand for, as vectors."""
    rng = np.random.default_rng(1)
    first, rest = decoder.quantizer.rvq_first.codebooks(), decoder.quantizer.rvq_rest.codebooks()
    for book in (*first, *rest):
        book.get_buffer(book.sum_name).zero_()
        book.get_buffer("cluster_usage").fill_(1)
    spoken = first[0].get_buffer(first[0].sum_name)
    dots = two_hot(known["pairs"])
    spoken[: len(dots), : dots.shape[1]] = torch.from_numpy(dots * 4)
    spoken[:, PHONE_DICE:] = torch.from_numpy(rng.random((len(spoken), DICE)))
    for book in rest:
        book.get_buffer(book.sum_name)[:, DICE_IN : DICE_IN + DICE] = torch.from_numpy(rng.random((SIZE, DICE)))
    done, speed = np.divmod(np.arange(UNITS * SPEEDS), SPEEDS)
    sung = rest[0].get_buffer(rest[0].sum_name)
    sung[: len(done), PHASE_IN], sung[: len(done), PHASE_IN + 1] = torch.from_numpy(done), torch.from_numpy(speed + SLOWEST)
    notes = np.linspace(np.log(SLOWEST), np.log(SLOWEST + SPEEDS), NOTES)
    bumps = np.exp(-0.5 * ((np.log(speed + SLOWEST)[:, None] - notes) / (notes[1] - notes[0])) ** 2)
    sung[: len(done), LEARNED_IN : LEARNED_IN + NOTES] = torch.from_numpy(bumps * 4)
    scale = 4 / known["books"].std()
    for book, vectors in zip(rest[1:], known["books"], strict=True):
        begin = LEARNED_IN + NOTES
        book.get_buffer(book.sum_name)[:, begin : begin + vectors.shape[1]] = torch.from_numpy(vectors * scale)


class ControlsTrainer:
    def __init__(self, decoder: Decoder, folder: Path, guessed: list[Path], steps: int, processes: int) -> None:
        """`guessed`: folders of codes as a talker says them. Each is as likely to be learned from as the right ones."""
        self.pack = Pack(folder)
        self.said = [(Codes(codes), all_wanted(folder, codes, processes)) for codes in (folder, *guessed)]
        rows = self.said[0][1]
        strongest = np.quantile(rows[:: max(1, len(rows) // 200_000)].astype(np.float32), 0.9995, axis=0) + 1e-3
        self.decoder, self.steps = decoder, steps
        self.synthesiser = Synthesiser(decoder, strongest[:HARMONICS], strongest[HARMONICS:])
        self.strongest = np.concatenate((self.synthesiser.amplitudes, self.synthesiser.noises))
        level = torch.linspace(0, 1, 2001)
        self.scale = strength(level).numpy(), level.numpy()
        self.learning = nn.ModuleList([decoder.pre_conv, decoder.pre_transformer, decoder.upsample, decoder.decoder[0]])
        self.optimizer = torch.optim.AdamW(self.learning.parameters(), lr=PEAK, betas=(0.9, 0.98), weight_decay=0.0)
        self.average = Average(self.learning)
        self.chance = self.pack.chance()

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """codes [B, T, Q], the levels wanted [B, T * NODES, HARMONICS + BANDS], and which frames are to be learned [B, T]."""
        rows, wanted, real = [], [], []
        for clip in rng.choice(len(self.chance), BATCH, p=self.chance):
            codes, strengths = self.said[int(rng.integers(len(self.said)))]
            begin, end = int(codes.start[clip]), int(codes.start[clip + 1])
            first = begin + int(rng.integers(0, max(1, end - begin - SEGMENT + 1)))
            last = min(end, first + SEGMENT)
            pad = SEGMENT - (last - first)
            rows.append(np.pad(codes.rows[first:last].astype(np.int64), ((0, pad), (0, 0))))
            levels = np.interp(strengths[first * NODES : last * NODES] / self.strongest, *self.scale)
            wanted.append(np.pad(levels.astype(np.float32), ((0, pad * NODES), (0, 0))))
            frames = np.arange(SEGMENT)
            real.append((frames < last - first) & ((frames >= SKIPPED) | (first == begin)))
        return tuple(torch.from_numpy(np.stack(part)) for part in (rows, wanted, real))  # type: ignore[return-value]

    def said(self, codes: Tensor) -> Tensor:
        """The levels, [B, T * NODES, HARMONICS + BANDS]."""
        d = self.decoder
        return d.decoder[0](d.upsampled(d.context(d.quantizer(codes))))[:, levels()].transpose(1, 2)

    def step(self, step: int) -> dict[str, float]:
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(step, self.steps, PEAK, 100, floor=0.02)
        codes, wanted, real = self.batch(np.random.default_rng((0, step)))
        said = self.said(codes)
        off = nn.functional.smooth_l1_loss(said, wanted, reduction="none", beta=0.1)
        where = real.repeat_interleave(NODES, 1)
        voice, noise = off[..., :HARMONICS][where].mean(), off[..., HARMONICS:][where].mean()
        loss = 100 * (voice + noise)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.synthesiser.spare()
        norm = nn.utils.clip_grad_norm_(self.learning.parameters(), 2.0)
        self.optimizer.step()
        self.synthesiser.pin()
        self.average.update(step)
        return {"voice": 100 * voice.item(), "noise": 100 * noise.item(), "norm": norm.item()}

    def begin_with(self, state: dict[str, Any]) -> None:
        """Takes the averaged weights of an earlier run."""
        self.decoder.load_state_dict(state["decoder"])
        self.learning.load_state_dict(state["average"], strict=False)
        self.synthesiser.pin()
        self.average = Average(self.learning)

    def state_dict(self) -> dict[str, Any]:
        modules = {"decoder": self.decoder, "optimizer": self.optimizer}
        return {name: m.state_dict() for name, m in modules.items()} | {"average": self.average.values}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.decoder.load_state_dict(state["decoder"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average.restore(state["average"])


def trained(config: CodecConfig, state: Path) -> Decoder:
    """The decoder that was taught, with its averaged weights."""
    decoder = Decoder(config.decoder_config)
    saved = saved_trainer(state)
    decoder.load_state_dict(saved["decoder"])
    learned = nn.ModuleList([decoder.pre_conv, decoder.pre_transformer, decoder.upsample, decoder.decoder[0]])
    learned.load_state_dict(saved["average"], strict=False)
    return decoder.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--start", type=Path, help="state.pt of an earlier run, of which the weights are taken")
    parser.add_argument("--guessed", type=Path, nargs="*", default=[], help="folders of guess_codes.py")
    parser.add_argument("--config", type=Path, default=Path(__file__).parent / "config" / "codec.json")
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    decoder = Decoder(CodecConfig.from_file(args.config).decoder_config)
    give_codebooks(decoder, dict(np.load(args.pack / "codebooks.npz")))
    trainer = ControlsTrainer(decoder, args.pack, args.guessed, args.steps, args.threads)
    if args.start is not None:
        trainer.begin_with(saved_trainer(args.start))
    train(trainer, args.steps, args.out)


if __name__ == "__main__":
    main()
