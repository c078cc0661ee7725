"""Who speaks: the built-in model's nine voices, and others made of the teacher's, as voices that are cloned or designed are."""

from dataclasses import dataclass

import numpy as np
from kokoro import TIMBRE, Styles

# name -> whose sound, or whose two; whose melody in English; whose in Chinese, which is spoken by whoever was taught it
PRESETS = {
    "Ryan": ("am_michael+am_santa", "am_michael", "zm_yunjian"),
    "Aiden": ("em_alex+im_nicola", "am_echo", "zm_yunjian"),
    "Dylan": ("am_fenrir", "am_michael", "zm_yunjian"),
    "Eric": ("am_eric+zm_yunyang", "am_echo", "zm_yunjian"),
    "Uncle_Fu": ("am_onyx+zm_yunjian", "am_echo", "zm_yunjian"),
    "Serena": ("af_nova+bf_emma", "af_nova", "zf_xiaoxiao"),
    "Vivian": ("af_river+zf_xiaobei", "af_heart", "zf_xiaoxiao"),
    "Ono_Anna": ("jf_alpha+ef_dora", "af_river", "zf_xiaoxiao"),
    "Sohee": ("af_sarah+zf_xiaobei", "af_sarah", "zf_xiaoxiao"),
}
SOMEBODY = "somebody"  # the speaker of clips whose voice has no name
LEFT_OUT = frozenset(("zf_xiaoni", "af_nicole"))  # misread; whispered
UNSEEN = frozenset(
    ("af_sky", "af_jessica", "am_adam", "am_liam", "bf_lily", "bf_alice", "bm_lewis", "bm_daniel", "ff_siwis", "pm_alex")
)
ENGLISH = ("a", "b")  # whose names begin so, speak it
USUAL = 60  # phones of a sentence; the teacher's voices change with the length of what they say
OWN = 0.1, 1.5  # of a voice that is like no other: each number of its sound is off by so much, times 0 to that
APART = 0.6, 1.0  # of how much voices of a sex differ, anybody's does


@dataclass(frozen=True, slots=True)
class Who:
    """A voice as a mixture of the teacher's: shares of sounds, how far it is from that, and one melody."""

    sounds: tuple[tuple[str, float], ...]
    melody: str
    off: np.ndarray | float = 0.0

    def style(self, styles: Styles, tokens: int) -> np.ndarray:
        sound = self.off + sum(share * styles.get(name, tokens)[:TIMBRE] for name, share in self.sounds)
        return np.concatenate((sound, styles.get(self.melody, tokens)[TIMBRE:])).astype(np.float32)


def preset(name: str, language: str) -> Who:
    sound, english, chinese = PRESETS[name]
    return mixed(sound, chinese if language == "Chinese" else english)


def of_one_melody(name: str, language: str) -> list[str]:
    """The presets that speak as this one does, but for their sound."""
    return [other for other in PRESETS if preset(other, language).melody == preset(name, language).melody]


def mixed(sounds: str, melody: str) -> Who:
    """Of sounds that are named A or A+B, as much of each."""
    names = sounds.split("+")
    return Who(tuple((name, 1 / len(names)) for name in names), melody)


def everybody(styles: Styles) -> list[str]:
    """All of the teacher's voices that may be learned from."""
    return [name for name in styles.names if name not in LEFT_OUT | UNSEEN]


def woman(name: str) -> bool:
    return name[1] == "f"


def somebody(styles: Styles, language: str, rng: np.random.Generator) -> tuple[Who, bool]:
    """A voice of one or two of the same sex and something of its own, and whether it is a woman's."""
    first = str(rng.choice(everybody(styles)))
    alike = same_sex(styles, first)
    share = float(rng.uniform(0.3, 1)) if rng.random() < 0.7 else 1.0
    sounds = ((first, share), (str(rng.choice(alike)), 1 - share))
    melody = some_melody(first, alike, language, rng)
    off = rng.normal(size=TIMBRE) * OWN[0] * rng.uniform(0, OWN[1])
    return Who(sounds, melody, off), woman(first)


def anybody(styles: Styles, language: str, rng: np.random.Generator) -> tuple[Who, bool]:
    """A voice that differs from the mean of its sex in all ways in which others do, and whether it is a woman's.

    Mixtures of two lie on the lines between the teacher's voices; unseen ones lie beside them.
    """
    names = everybody(styles)
    first = str(rng.choice(names))
    alike = same_sex(styles, first)
    shares = rng.normal(size=len(names)) * rng.uniform(*APART) / len(names) ** 0.5
    women = np.array([woman(name) for name in names])
    for sex in (women, ~women):
        shares[sex] -= shares[sex].mean()
    shares[women == woman(first)] += 1 / len(alike)
    sounds = tuple(zip(names, shares.tolist(), strict=True))
    return Who(sounds, some_melody(first, alike, language, rng)), woman(first)


def same_sex(styles: Styles, name: str) -> list[str]:
    return [other for other in everybody(styles) if woman(other) == woman(name)]


def some_melody(first: str, alike: list[str], language: str, rng: np.random.Generator) -> str:
    """The first one's own, or one of those who are alike, that speaks the language."""
    if language == "Chinese":
        tunes = [name for name in alike if name[0] == "z"]
    else:
        tunes = [name for name in alike if name[0] in ENGLISH]
    return first if first in tunes else str(rng.choice(tunes))
