"""The code predictor learns to say any voice that the talker's state tells: state.pt -> OUT.

A pack has some thousand voices, and the second and third code of a voice, which say who it is among those of its kind, are
learned by heart. But voices between them cost nothing: of any speaker vector the codes are known. So the talker stays as it is,
and its predictor is shown states that choose a first frame, moved to where those of other vectors lie, with the codes of these.
Beside them it is asked to say what it said before, elsewhere. (Of true codes in their place it learns those few by heart.)
"""

import argparse
import copy
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from codes import TIMBRES, Codebooks
from kept import save_talker
from make_pack import scale
from torch import Tensor, nn
from tqdm import tqdm

from qwen_tts.checkpoint import load_codec
from qwen_tts.config import ModelConfig
from qwen_tts.talker.talker import Talker
from qwen_tts.text import TextTokenizer
from qwen_tts.train.alike import Alike, told_vectors
from qwen_tts.train.data import Alignment, Codes, Pack
from qwen_tts.train.loop import learning_rate, saved_trainer
from qwen_tts.train.talker import averaged
from qwen_tts.train.talker_batches import TalkerBatches
from qwen_tts.train.talker_options import TalkerOptions

VOICE = slice(4, 7)  # codes of a frame that tell the voice
APART = 0.6  # of how far voices differ: so far, at most, is a voice that is made up from one of the pack's
VOICES, FRAMES, FIRST = 192, 192, 64  # made-up voices a step, other frames, and first frames that words choose
TELL = 1.0  # how much it counts that states tell what is left of a voice after the codes before
PEAK = 1.5e-3


@dataclass(frozen=True, slots=True)
class States:
    """Hidden states of a talker that choose frames [N, D], and these frames [N, Q]."""

    states: Tensor
    frames: Tensor

    def some(self, count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        at = torch.from_numpy(rng.integers(len(self.states), size=count))
        return self.states[at], self.frames[at]


@torch.no_grad()
def chosen(talker: Talker, shown: Iterable[tuple[TalkerBatches, list[int]]], *, first: bool) -> States:
    """The states and frames of some clips; or only the first frame of each."""
    states, frames, rng = [], [], np.random.default_rng(0)
    for maker, clips in shown:
        made = maker.assemble(clips, rng)
        with torch.autocast("cpu", torch.bfloat16):
            hidden = talker(made.inputs[:, : max(made.first) + 1] if first else made.inputs).float()
        for row, codes in enumerate(made.codes):
            count = 1 if first else len(codes)
            states.append(hidden[row, made.first[row] : made.first[row] + count])
            frames.append(codes[:count])
    return States(torch.cat(states), torch.cat(frames))


class Voices:
    """States that choose first frames of voices told by vectors, and how they change with the vector."""

    def __init__(self, states: States, vectors: np.ndarray, known: Codebooks) -> None:
        """`vectors`: of each state, [N, D]"""
        self.states, self.voices, self.known = states, torch.from_numpy(vectors[:, :TIMBRES]), known
        self.scale = torch.from_numpy(scale(known)).float()
        self.books = [torch.from_numpy(book).float() for book in known.voices]
        self.apart = self.voices.std(0)
        rows = torch.cat((self.voices, torch.ones(len(self.voices), 1)), 1).double()
        self.slope = torch.linalg.lstsq(rows, states.states.double()).solution[:TIMBRES].float()

    def left(self, voices: Tensor, codes: Tensor) -> list[Tensor]:
        """What is left of voices [N, TIMBRES] before each code of theirs [N, 3]."""
        found = [voices]
        for book, code in zip(self.books[:-1], codes.T, strict=False):
            found.append(found[-1] - book[code] / self.scale)
        return found

    def some(self, count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """States, frames and voices that are made up."""
        at = torch.from_numpy(rng.integers(len(self.voices), size=count))
        far = torch.from_numpy(rng.normal(size=(count, TIMBRES)) * rng.uniform(0, APART, size=(count, 1))).float()
        off = far * self.apart
        voices, frames = self.voices[at] + off, self.states.frames[at].clone()
        frames[:, VOICE] = torch.from_numpy(self.known.told((voices * self.scale).numpy()))
        return self.states.states[at] + off @ self.slope, frames, voices


def learn(talker: Talker, voices: Voices, others: list[tuple[States, int]], alike: Alike, steps: int) -> None:
    """`others`: of what it says already, and how many of each are shown a step; there it is to say what it said before."""
    predictor = talker.code_predictor
    before = copy.deepcopy(predictor).requires_grad_(False)
    tellers = nn.ModuleList(nn.Linear(predictor.model.norm.weight.shape[0], TIMBRES) for _ in voices.books)
    seen: list[Tensor] = []
    hook = predictor.model.norm.register_forward_hook(lambda _, __, out: seen.append(out))
    for parameter in talker.parameters():
        parameter.grad = torch.zeros_like(parameter)  # of tables that are not looked at, too
    learning = [*predictor.parameters(), *alike.parameters()]
    optimizer = torch.optim.AdamW([*learning, *tellers.parameters()], lr=PEAK, betas=(0.9, 0.98), weight_decay=0.01)
    for step in (bar := tqdm(range(steps), mininterval=10)):
        rng = np.random.default_rng((0, step))
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps, PEAK, 50, floor=0.03)
        states, frames, truth = voices.some(VOICES, rng)
        drawn = [(states, frames), *(some.some(count, rng) for some, count in others)]
        seen.clear()
        every, shown = torch.cat([s for s, _ in drawn]), torch.cat([f for _, f in drawn])
        with torch.autocast("cpu", torch.bfloat16):
            logits = talker.code_logits(every, shown).float()
            with torch.no_grad():
                first = talker.embed_code0(shown[VOICES:, 0])
                knew = before(every[VOICES:], first, shown[VOICES:]).float().log_softmax(-1)
        made_up = logits[:VOICES, VOICE.start - 1 : VOICE.stop - 1].flatten(0, 1)
        new = nn.functional.cross_entropy(made_up, frames[:, VOICE].flatten())
        old = nn.functional.kl_div(logits[VOICES:].log_softmax(-1), knew, reduction="none", log_target=True).sum(-1).mean()
        told = []
        for number, left in enumerate(voices.left(truth, frames[:, VOICE])):
            off = tellers[number](seen[0][:VOICES, VOICE.start + number].float()) - left
            told.append(off.square().sum(1).mean() / left.var(0).sum())
        loss = 3 * new + 7 * old + TELL * torch.stack(told).sum()
        optimizer.zero_grad(set_to_none=False)
        loss.backward()
        nn.utils.clip_grad_norm_(learning, 1.0)
        alike.take_gradients()
        optimizer.step()
        alike.give()
        bar.set_postfix(new=f"{new.item():.2f}", old=f"{old.item():.2f}", left=f"{torch.stack(told).mean().item():.2f}")
    hook.remove()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("state", type=Path, help="state.pt of `qwen-tts train talker`")
    parser.add_argument("pack", type=Path, help="of make_pack.py")
    parser.add_argument("codebooks", type=Path, help="of codes.py")
    parser.add_argument("codec", type=Path, help="of make_codec.py")
    parser.add_argument("text", type=Path, help="of make_vocabulary.py")
    parser.add_argument("out", type=Path, help="what to give to export.py, or to --start")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--clips", type=int, default=6000, help="of voices without a name whose first frames are shown")
    parser.add_argument("--config", type=Path, default=Path(__file__).parent / "config" / "config.json")
    args = parser.parse_args()

    torch.set_num_threads(1)
    torch.manual_seed(0)
    sizes, known = ModelConfig.from_file(args.config), Codebooks.from_file(args.codebooks)
    talker = Talker(sizes.talker_config)
    talker.load_state_dict(averaged(saved_trainer(args.state)))
    vectors, text = np.load(args.pack / "vectors.npy"), TextTokenizer.from_dir(args.text)

    pack, codes, alignment = Pack(args.pack), Codes(args.pack), Alignment(args.pack)

    def shows(**how: float) -> TalkerBatches:
        options = TalkerOptions(steps=1, excerpts=0, described=0.25, **how)  # type: ignore[arg-type]
        return TalkerBatches(talker, sizes, text, pack, codes, options, alignment, vectors=vectors)

    def groups(clips: np.ndarray) -> list[list[int]]:
        return [list(map(int, some)) for some in np.array_split(clips, math.ceil(len(clips) / 50))]

    told, usual, words = shows(cloned=1, in_context=0, vector_noise=0), shows(cloned=0.3, vector_noise=0.1), shows(cloned=0)
    rng = np.random.default_rng(1)
    unnamed, described = np.flatnonzero(~told.named), np.flatnonzero(told.described)
    clips = rng.choice(unnamed, min(args.clips, len(unnamed)), replace=False)
    states = chosen(talker, ((told, some) for some in tqdm(groups(clips), desc="vectors")), first=True)
    voices = Voices(states, vectors[clips], known)
    some = groups(rng.choice(described, min(args.clips // 4, len(described)), replace=False))
    firsts = chosen(talker, ((words, clips) for clips in tqdm(some, desc="words")), first=True)
    frames = chosen(
        talker, ((usual, usual.clips(place)) for place in tqdm(range(args.clips // 100), desc="frames")), first=False
    )
    alike = Alike(talker, told_vectors(load_codec(args.codec, torch.device("cpu")).decoder))
    talker.model.requires_grad_(False)
    learn(talker, voices, [(frames, FRAMES), (firsts, FIRST)], alike, args.steps)
    save_talker({name: tensor.detach() for name, tensor in talker.state_dict().items()}, args.out)


if __name__ == "__main__":
    main()
