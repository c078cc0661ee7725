"""When what is in a clip is spoken, learned from the clips alone: each letter of its text, and each phone of DIR/phones.txt.

A hidden Markov model with one state a letter or phone, and silence between words, finds where they are: first with a Gaussian
a class, from equal shares of the clip, then with a small network that hears 0.5 s around each moment. Letters may be silent.

    letters   DIR/aligned.f4, aligned_start.npy   when each byte of the text begins, in codec frames; the talker's trainer
                                                  shows some of its attention heads the outcome; a Chinese character begins
                                                  with the first phone of its syllable
    phones    DIR/phones.u1 [frames, 2]           the class that sounds in the first and in the second half of each frame;
                                                  the classes are those of `symbols`
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from mandarin import is_character
from torch import Tensor, nn
from tqdm import tqdm

from qwen_tts.mel import slaney_filters
from qwen_tts.train.data import Pack

HOP = 480  # samples: 20 ms
BANDS = 40
SILENCE, OTHER = 0, 27  # 1 ... 26: letters
AROUND = range(-12, 13, 2)  # what the network hears, in hops


@dataclass(frozen=True, slots=True)
class Alphabet:
    """How many classes there are, silence included, and the log probability of passing one without a sound."""

    classes: int
    passing: float


LETTERS = Alphabet(28, -4.0)


@dataclass(frozen=True, slots=True)
class States:
    """A clip as classes, each with the number of the byte of the text that it stands for."""

    classes: np.ndarray
    byte: np.ndarray
    size: int  # bytes of the text

    @classmethod
    def of(cls, text: str) -> "States":
        data = text.lower().encode()
        rows = [(SILENCE, 0)]
        for i, code in enumerate(data):
            if 97 <= code <= 122:
                rows.append((code - 96, i))
            elif code > 127 or chr(code).isalnum():
                rows.append((OTHER, i))
            elif code != 39 and rows[-1][0] != SILENCE:  # an apostrophe is within a word
                rows.append((SILENCE, i))
        if rows[-1][0] != SILENCE:
            rows.append((SILENCE, len(data)))
        classes, byte = np.array(rows).T
        return cls(classes, byte, len(data))

    @classmethod
    def of_phones(cls, line: str, known: str, text: str = "") -> "States":
        """Of words in phones, with a space between; the class of a phone is its place in `known`, from 1.

        Where the words are the characters of a Chinese text, it says which bytes they are.
        """
        words, size = line.split(), len(text.encode())
        ends = [len(text[: i + 1].encode()) for i, c in enumerate(text) if is_character(c)]
        begins = [end - 3 for end in ends] if len(ends) == len(words) else [0] * len(words)
        rows = [(SILENCE, 0)]
        for word, begin in zip(words, begins, strict=True):
            rows += [(1 + known.index(phone), begin) for phone in word] + [(SILENCE, begin)]
        classes, byte = np.array(rows).T
        return cls(classes, byte, size)

    def times(self, path: np.ndarray) -> np.ndarray:
        """Hop at which each byte begins, and the end: [bytes + 1], from the state of each hop."""
        first = np.searchsorted(path, np.arange(len(self.classes)))  # a state that was passed begins where the next does
        spoken = self.classes != SILENCE
        known, at = np.unique(self.byte[spoken], return_index=True)
        last_silence = first[-1] if self.classes[-1] == SILENCE else len(path)
        begins = np.concatenate((first[spoken][at], [last_silence]))
        return np.interp(np.arange(self.size + 1), np.concatenate((known, [self.size])), begins)


def features(pack: Pack) -> list[np.ndarray]:
    """Log mel spectra [hops, BANDS] of every clip, float16, of mean 0 and variance 1 over a speaker's clips in a language."""
    filters, window = slaney_filters(24000, 1024, BANDS), torch.hann_window(1024)
    rows: list[np.ndarray] = []
    for clip in tqdm(pack.clips, desc="spectra", mininterval=30):
        wave = torch.from_numpy(pack.wave(clip))
        power = torch.stft(wave, 1024, HOP, window=window, return_complex=True).abs()
        rows.append((filters @ power).clamp(min=1e-3).log().T.numpy().astype(np.float16))
    for who in {(clip.speaker, clip.language) for clip in pack.clips}:
        own = [i for i, clip in enumerate(pack.clips) if (clip.speaker, clip.language) == who]
        sample = np.concatenate([rows[i] for i in own[:300]]).astype(np.float32)
        mean, deviation = sample.mean(0), np.maximum(sample.std(0), 0.1)  # a band above what was recorded is flat
        for i in own:
            rows[i] = ((rows[i] - mean) / deviation).astype(np.float16)
    return rows


def best_paths(scores: list[np.ndarray], states: list[States], passing: float, batch: int = 64) -> list[np.ndarray]:
    """The most probable state of each hop. scores: log probabilities [hops, classes] of each clip."""
    paths: list[np.ndarray] = [np.empty(0)] * len(scores)
    order = sorted(range(len(scores)), key=lambda i: len(scores[i]))
    for at in range(0, len(order), batch):
        group = order[at : at + batch]
        hops, width = max(len(scores[i]) for i in group), max(len(states[i].classes) for i in group)
        local = np.full((hops, len(group), width), -1e9, np.float32)
        skip = np.full((len(group), width + 3), -1e9, np.float32)  # of passing the state, three places to the right
        for b, i in enumerate(group):
            classes = states[i].classes
            local[: len(scores[i]), b, : len(classes)] = scores[i][:, classes]
            skip[b, 3 : 3 + len(classes)] = np.where(classes == SILENCE, 0, passing)
        one, two = skip[:, 2:-1], skip[:, 2:-1] + skip[:, 1:-2]  # of passing the state before; the two before
        best = np.full((len(group), width + 3), -1e9, np.float32)
        best[:, 3] = local[0, :, 0]
        best[:, 4] = local[0, :, 1]
        came = np.zeros((hops, len(group), width), np.int8)
        for t in range(1, hops):
            options = np.stack((best[:, 3:], best[:, 2:-1], best[:, 1:-2] + one, best[:, :-3] + two))
            came[t] = options.argmax(0)
            best[:, 3:] = options.max(0) + local[t]
            for b in [b for b, i in enumerate(group) if len(scores[i]) == t + 1]:
                i, path = group[b], np.empty(t + 1, np.int32)
                last = len(states[i].classes) - 1
                state = last if best[b, 3 + last] >= best[b, 2 + last] else last - 1
                for back in range(t, -1, -1):
                    path[back] = state
                    state -= int(came[back, b, state])
                paths[i] = path
    return paths


def cepstra(mel: np.ndarray) -> np.ndarray:
    """[hops, BANDS] -> [hops, 26]: 13 cosines of the spectrum and how they change."""
    k = np.arange(13)[:, None] * (np.arange(BANDS) + 0.5) * np.pi / BANDS
    rows = mel.astype(np.float32) @ np.cos(k).T.astype(np.float32) * (2 / BANDS) ** 0.5
    ahead = np.pad(rows, ((2, 2), (0, 0)), mode="edge")
    return np.concatenate((rows, ahead[4:] - ahead[:-4]), 1)


def gaussians(rows: list[np.ndarray], labels: list[np.ndarray], classes: int) -> list[np.ndarray]:
    """Log densities of one diagonal Gaussian a class, fitted to the labels."""
    x, y = np.concatenate(rows), np.concatenate(labels)
    count = np.bincount(y, minlength=classes)[:, None] + 1e-3
    mean = np.stack([np.bincount(y, column, classes) for column in x.T], 1) / count
    square = np.stack([np.bincount(y, column, classes) for column in (x**2).T], 1) / count
    variance = np.maximum(square - mean**2, 0.05)
    shift = -0.5 * (np.log(variance).sum(1) + (mean**2 / variance).sum(1))
    return [(-0.5 * (r**2) @ (1 / variance).T + r @ (mean / variance).T + shift).astype(np.float32) for r in rows]


class Ear(nn.Sequential):
    """[N, len(AROUND) * BANDS] -> logits of the class heard."""

    def __init__(self, classes: int, width: int = 256) -> None:
        super().__init__(
            nn.Linear(len(AROUND) * BANDS, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, classes)
        )

    @staticmethod
    def inputs(mel: np.ndarray) -> Tensor:
        reach = AROUND[-1]
        padded = torch.from_numpy(np.pad(mel.astype(np.float32), ((reach, reach), (0, 0)), mode="edge"))
        return torch.cat([padded[reach + k : reach + k + len(mel)] for k in AROUND], 1)

    def learn(self, mels: list[np.ndarray], labels: list[np.ndarray], rate: float, rng: np.random.Generator) -> float:
        """One pass over all clips; the mean loss."""
        optimizer, losses = torch.optim.AdamW(self.parameters(), lr=rate), []
        order = rng.permutation(len(mels))
        for at in tqdm(range(0, len(order), 16), desc="network", mininterval=30):
            group = order[at : at + 16]
            with torch.autocast("cpu", torch.bfloat16):
                logits = self(torch.cat([self.inputs(mels[i]) for i in group]))
            loss = F.cross_entropy(logits.float(), torch.from_numpy(np.concatenate([labels[i] for i in group])))
            for parameters in optimizer.param_groups:
                parameters["lr"] = rate * (1 - 0.9 * at / len(order))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return float(np.mean(losses))

    @torch.no_grad()
    def hear(self, mels: list[np.ndarray], share: np.ndarray) -> list[np.ndarray]:
        """Log likelihoods up to a constant: the posterior over the class's share."""
        prior = torch.from_numpy(np.log(np.maximum(share, 1e-4))).float()
        with torch.autocast("cpu", torch.bfloat16):
            return [(self(self.inputs(mel)).float().log_softmax(-1) - prior).numpy() for mel in mels]


def equal_shares(states: States, hops: int) -> np.ndarray:
    """The first guess: silence at the ends, the letters in between at an even pace."""
    lead, tail = 2, 6  # hops of silence that a pack keeps
    inner = max(1, hops - lead - tail)
    sounding = np.flatnonzero(states.classes != SILENCE)
    path = sounding[np.minimum(np.arange(inner) * len(sounding) // inner, len(sounding) - 1)]
    return np.concatenate((np.zeros(lead, int), path, np.full(tail, len(states.classes) - 1)))[:hops]


def align(
    mels: list[np.ndarray], states: list[States], alphabet: Alphabet, gaussian_rounds: int, network_rounds: int
) -> list[np.ndarray]:
    """The state of each hop of each clip."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    paths = [equal_shares(s, len(mel)) for s, mel in zip(states, mels, strict=True)]
    rows, ear = [cepstra(mel) for mel in mels], Ear(alphabet.classes)
    for turn in range(gaussian_rounds + network_rounds):
        labels = [s.classes[path] for s, path in zip(states, paths, strict=True)]
        if turn < gaussian_rounds:
            scores = gaussians(rows, labels, alphabet.classes)
        else:
            loss = ear.learn(mels, labels, 1e-3, rng)
            share = np.bincount(np.concatenate(labels), minlength=alphabet.classes) / sum(map(len, labels))
            print(f"network: loss {loss:.3f}", flush=True)
            scores = ear.hear(mels, share)
        before, paths = paths, best_paths(scores, states, alphabet.passing)
        likely = sum(s[np.arange(len(p)), c.classes[p]].sum() for s, p, c in zip(scores, paths, states, strict=True))
        moved = np.concatenate([np.abs(a - b) for a, b in zip(before, paths, strict=True)])
        print(f"round {turn}: {likely / len(moved):.3f} a hop; {moved.mean():.2f} states moved", flush=True)
    return paths


def halves(heard: np.ndarray, frames: int, hops: int) -> np.ndarray:
    """The class at a quarter and at three quarters of each frame, [frames, 2], from that of each hop; silence past the end."""
    places = np.arange(frames)[:, None] * hops + np.array([hops // 4, 3 * hops // 4])
    return np.where(places < len(heard), heard[np.minimum(places, len(heard) - 1)], SILENCE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--gaussian-rounds", type=int, default=5)
    parser.add_argument("--network-rounds", type=int, default=3)
    parser.add_argument("--frame", type=int, default=1920, help="samples of one codec frame")
    args = parser.parse_args()

    pack, rounds = Pack(args.pack), (args.gaussian_rounds, args.network_rounds)
    lines = (args.pack / "phones.txt").read_text("utf-8").splitlines()
    known, mels = symbols(lines), features(pack)
    states = [States.of_phones(line, known, clip.text) for line, clip in zip(lines, pack.clips, strict=True)]
    paths = align(mels, states, Alphabet(len(known) + 1, -7.0), *rounds)
    frames = [-(-clip.samples // args.frame) for clip in pack.clips]
    heard = [s.classes[path] for s, path in zip(states, paths, strict=True)]
    rows = [halves(h, n, args.frame // HOP) for h, n in zip(heard, frames, strict=True)]
    np.concatenate(rows).astype("u1").tofile(args.pack / "phones.u1")

    lettered = [i for i, clip in enumerate(pack.clips) if clip.language != "Chinese"]
    spelled = [States.of(pack.clips[i].text) for i in lettered]
    for i, s, path in zip(lettered, spelled, align([mels[i] for i in lettered], spelled, LETTERS, *rounds), strict=True):
        states[i], paths[i] = s, path
    times = [s.times(path) * HOP / args.frame for s, path in zip(states, paths, strict=True)]
    np.concatenate(times).astype("<f4").tofile(args.pack / "aligned.f4")
    np.save(args.pack / "aligned_start.npy", np.concatenate(([0], np.cumsum([len(t) for t in times]))))


def symbols(lines: list[str]) -> str:
    """All phones of some lines, in order: class 1 and on."""
    return "".join(sorted(set("".join(lines)) - {" "}))


if __name__ == "__main__":
    main()
