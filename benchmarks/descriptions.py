"""Voices from descriptions: what is asked for, what is heard of it, and how often it is right."""

from collections.abc import Callable, Sequence

import numpy as np
from measures import ENROLLED, FAST, HIGH, LOUD, Wish, brightness, followed, pace, pitch, tracked
from report import table
from tqdm import tqdm

from qwen_tts.eval.metric import Clip
from qwen_tts.eval.similarity import SpeakerVectors

WOMEN = ("serena", "vivian", "ono_anna", "sohee")  # of the preset voices: whom a described voice is compared with


def prompts(count: int, rng: np.random.Generator) -> list[tuple[str, dict[str, str]]]:
    """Descriptions of voices, and what they ask for."""
    made = []
    forms = (
        "A {age} {sex} with a {pitch}, {tone} voice who speaks {pace}.", "{pitch} and {tone} voice of a {sex}, speaks {pace}",
        "{sex}, {age}, {pitch} {tone} voice, {pace} pace",
        "I want a {sex} with a {tone}, {pitch}-pitched voice, speaking {pace}.",
    )  # fmt: skip
    for number in range(count):
        asked = {
            "sex": str(rng.choice(["woman", "man"])), "pitch": str(rng.choice(["low", "high"])),
            "pace": str(rng.choice(["slowly", "quickly"])), "tone": str(rng.choice(["warm", "bright"])),
        }  # fmt: skip
        words = asked | {"age": str(rng.choice(["young", "middle-aged"]))}
        form = forms[number % len(forms)]
        if "{pace} pace" in form:
            words["pace"] = {"slowly": "slow", "quickly": "fast"}[asked["pace"]]
        made.append((form.format(**words), asked))
    return made


LESS = {"pitch": "low", "tone": "warm", "pace": "slowly"}
FREE: dict[str, dict[str, str]] = {  # what people may write, and what of it can be measured
    "Deep male voice, slow and calm.": {"sex": "man", "pitch": "low", "pace": "slowly"},
    "An elderly woman who takes her time.": {"sex": "woman", "pace": "slowly"},
    "A cheerful girl with a high voice.": {"sex": "woman", "pitch": "high"},
    "Baritone, dark and rich.": {"sex": "man", "tone": "warm"},
    "Soprano.": {"sex": "woman", "pitch": "high"},
    "An energetic sports commentator, male, very fast.": {"sex": "man", "pace": "quickly"},
    "Bedtime story: a gentle mother, slow and soft.": {"sex": "woman", "pace": "slowly"},
    "A clear female voice with a high pitch, brisk.": {"sex": "woman", "pitch": "high", "tone": "bright"},
    "Gruff old man.": {"sex": "man", "pitch": "low"},
    "grandfather telling a story, slow, deep": {"sex": "man", "pitch": "low", "pace": "slowly"},
    "A teenage boy, talking fast": {"sex": "man", "pace": "quickly"},
    "A news anchor, a woman, clear and bright": {"sex": "woman", "tone": "bright"},
    "the warm voice of a man who does not hurry": {"sex": "man", "tone": "warm", "pace": "slowly"},
    "A businesswoman in a hurry.": {"sex": "woman", "pace": "quickly"},
    "A velvety, low female voice.": {"sex": "woman", "pitch": "low", "tone": "warm"},
    "A man with a thin, high voice.": {"sex": "man", "pitch": "high"},
    "低沉的男声，语速很慢": {"sex": "man", "pitch": "low", "pace": "slowly"},
    "清脆的女声，语速较快": {"sex": "woman", "tone": "bright", "pace": "quickly"},
    "一位声音温暖的中年男人": {"sex": "man", "tone": "warm"},
    "年轻女孩，音调偏高，说话飞快": {"sex": "woman", "pitch": "high", "pace": "quickly"},
}
UNHEARD: dict[str, dict[str, str]] = {  # people whom nobody learned from in the language they are asked for in
    "a nun who prays, slow and gentle": {"sex": "woman", "pace": "slowly"},
    "A monk, calm and deep.": {"sex": "man", "pitch": "low"},
    "a waitress in a rush": {"sex": "woman", "pace": "quickly"},
    "A grumpy grandad, very slow.": {"sex": "man", "pace": "slowly"},
    "Voice of a duchess: dark, low.": {"sex": "woman", "pitch": "low", "tone": "warm"},
    "A squeaky ballerina, talking very fast!": {"sex": "woman", "pitch": "high", "pace": "quickly"},
    "a cowboy with a deep, mellow voice": {"sex": "man", "pitch": "low", "tone": "warm"},
    "Policeman, sharp and loud.": {"sex": "man", "tone": "bright"},
    "一位和蔼的外婆，说话慢": {"sex": "woman", "pace": "slowly"},
    "声音低沉的国王，语速缓慢": {"sex": "man", "pitch": "low", "pace": "slowly"},
}


class Hearing:
    """Says of each clip whose sex it has, and its pitch, tone and pace."""

    def __init__(self, presets: dict[str, list[Clip]]) -> None:
        self.judge = SpeakerVectors()
        by_sex = {
            sex: [clip for name, own in presets.items() if (name in WOMEN) == (sex == "woman") for clip in own[:ENROLLED]]
            for sex in ("woman", "man")
        }
        self.means = {sex: self.judge(of).mean(0) for sex, of in by_sex.items()}

    def __call__(self, clips: Sequence[Clip]) -> list[dict[str, float | str]]:
        heard: list[dict[str, float | str]] = []
        for clip, vector in zip(clips, self.judge(clips), strict=True):
            found = tracked(clip)
            sex = max(self.means, key=lambda sex, v=vector: float(self.means[sex] @ v))
            heard.append({"sex": sex, "pitch": pitch(clip, found), "tone": brightness(clip, found), "pace": pace(clip)})
        return heard


Asked = Sequence[dict[str, str]]


def middles(heard: Sequence[dict], asked: Asked) -> dict[tuple[str, str], float]:
    """The median of each measure, of those of whom a sex was asked; of pace, of all."""

    def middle(name: str, sex: str) -> float:
        of = [h[name] for h, a in zip(heard, asked, strict=True) if name == "pace" or a["sex"] == sex]
        return float(np.nanmedian(of))

    return {(name, sex): middle(name, sex) for name in LESS for sex in ("woman", "man")}


def described(heard: Sequence[dict], asked: Asked, middle: dict[tuple[str, str], float]) -> dict[str, float]:
    """The share of descriptions that each attribute follows, of those that ask for it."""
    hits: dict[str, list[bool]] = {name: [] for name in ("sex", *LESS)}
    for found, wish in zip(heard, asked, strict=True):
        hits["sex"].append(found["sex"] == wish["sex"])
        for name in LESS.keys() & wish.keys():
            hits[name].append(bool(found[name] < middle[name, wish["sex"]]) == (wish[name] == LESS[name]))
    return {name: float(np.mean(values)) for name, values in hits.items()}


PAIRS: dict[str, tuple[tuple[str, ...], tuple[str, str], tuple[Wish, ...]]] = {  # of voices: forms, words, what the second is
    "mood": (
        ("A {which} {person}.", "{which} voice of a {person}", "I want a {person} who sounds {which}."),
        ("sad", "cheerful"), (FAST, LOUD),
    ),
    "age": (("{which} {person}.", "{person}, {which}", "the {which} {person}'s voice"), ("old", "young"), (HIGH, FAST)),
}  # fmt: skip


def differ(design: Callable[[str, int], Clip], name: str, seed: int) -> bool:
    """Whether the second of a pair of voices differs from the first in all that it should."""
    forms, words, wishes = PAIRS[name]
    form, person = forms[seed % len(forms)], ("woman", "man")[seed % 2]
    first, second = (design(form.format(which=which, person=person), seed) for which in words)
    return all(followed(wish, second, first) for wish in wishes)


def from_descriptions(
    design: Callable[[str, int], Clip], presets: dict[str, list[Clip]], count: int, moods: int, each: int
) -> tuple[str, dict[str, float]]:
    """In words, and in figures."""
    asked, hearing = prompts(count, np.random.default_rng(0)), Hearing(presets)
    heard = hearing([design(words, n) for n, (words, _) in enumerate(tqdm(asked, desc="described"))])
    wishes = [wish for _, wish in asked]
    middle = middles(heard, wishes)
    shares = described(heard, wishes, middle)
    for name in PAIRS:
        shares[name] = float(np.mean([differ(design, name, n) for n in tqdm(range(moods), desc=name)]))
    result = {f"described_{name}": round(value, 3) for name, value in shares.items()}
    columns = [shares]
    for name, some in (("freely", FREE), ("unheard", UNHEARD)):
        free = [(words, wish) for words, wish in some.items() for _ in range(each)]
        heard = hearing([design(words, n) for n, (words, _) in enumerate(tqdm(free, desc=name))])
        columns.append(described(heard, [wish for _, wish in free], middle))
        result |= {f"{name}_{what}": round(value, 3) for what, value in columns[-1].items()}
    rows = [[name, *(f"{column[name]:.0%}" if name in column else "" for column in columns)] for name in shares]
    note = (
        f"{count} descriptions, {moods} pairs of moods and of ages; {each} clips of each of {len(FREE)} that are written "
        f"freely, and of {len(UNHEARD)} with people that nobody learned from."
    )
    return f"{note}\n\n{table(['what', 'as described', 'freely', 'unheard people'], rows)}", result
