"""What a voice is called, in many words, in English and Chinese."""

from dataclasses import dataclass

import numpy as np
from score import Score
from ways import WAYS, Way


@dataclass(frozen=True, slots=True)
class Voice:
    """What can be heard of a voice: -1, 0 or 1 of each but the sex; sad or cheerful are -1 and 1."""

    woman: bool
    pitch: int
    pace: int
    loud: int
    bright: int
    mood: int = 0


MOODS = {-1: "sad", 1: "excited"}  # as WAYS
MOODY = 0.3  # of the described voices are in one

LOW_AND_HIGH = {False: (105.0, 140.0), True: (185.0, 230.0)}  # Hz, of men and women
WARM_AND_BRIGHT = {False: (-0.5, 2.5), True: (-2.0, 1.5)}  # of brightness.py: a third of them is warmer, a third brighter


def way_and_mood(rng: np.random.Generator) -> tuple[Way, int]:
    """How a described voice speaks, and in what mood."""
    if rng.random() < MOODY:
        mood = int(rng.choice(list(MOODS)))
        return Way(pitch=float(rng.uniform(0.9, 1.1))).and_also(WAYS[MOODS[mood]]), mood
    loud = float(rng.uniform(-5, 4))
    return Way(pitch=float(rng.uniform(0.85, 1.18)), pace=float(rng.uniform(0.72, 1.35)), loud=loud), 0


def heard(woman: bool, made: Score, way: Way, bright: np.ndarray, mood: int = 0) -> Voice:
    """What is to be said of a voice: its pitch as planned, how bright it is by brightness.py, the rest as it was told."""
    low, high = LOW_AND_HIGH[woman]
    warmer, brighter = WARM_AND_BRIGHT[woman]
    shine = float(made.voice @ bright)
    voiced = made.pitch[made.pitch > 0]
    hertz = float(np.median(voiced)) * way.pitch if len(voiced) else (low + high) / 2
    return Voice(
        woman, int(hertz > high) - int(hertz < low), int(way.pace > 1.12) - int(way.pace < 0.88),
        int(way.loud > 2) - int(way.loud < -2.5), int(shine > brighter) - int(shine < warmer),
        mood,
    )  # fmt: skip


Words = dict[str, dict[int, tuple[str, ...]]]
ENGLISH: Words = {
    "pitch": {-1: ("low", "deep", "low-pitched", "bass"), 0: ("medium-pitched",), 1: ("high", "high-pitched")},
    "bright": {-1: ("warm", "dark", "mellow", "rich"), 1: ("bright", "clear", "crisp", "sharp")},
    "mood": {
        -1: ("sad", "tired", "sorrowful", "gloomy", "melancholy"),
        1: ("cheerful", "lively", "happy", "excited", "joyful", "upbeat"),
    },
    "loud": {-1: ("soft", "quiet", "gentle", "soft-spoken"), 0: ("normal",), 1: ("loud", "strong", "powerful")},
    "pace": {
        -1: ("speaks slowly", "talks at a slow pace", "takes time", "talks very slowly", "speaks in no hurry"),
        0: ("speaks at a normal pace", "talks at a medium pace"),
        1: ("speaks quickly", "talks fast", "speaks at a fast pace", "talks very fast", "speaks rapidly", "talks in a hurry"),
    },
}  # fmt: skip
AGES = ("young", "adult", "middle-aged", "older", "elderly", "old")
WOMAN, MAN = (
    ("woman", "female speaker", "lady", "female narrator"),
    ("man", "male speaker", "guy", "male narrator", "gentleman"),
)
BOTH = {-1: ("calm", "relaxed"), 1: ("energetic", "dynamic")}  # slow and soft, or fast and loud, in one word
CHINESE: Words = {
    "pitch": {-1: ("音调低沉", "声音低沉", "嗓音低"), 0: ("音调中等",), 1: ("音调高", "声音高", "嗓音高")},
    "bright": {-1: ("音色温暖", "声音浑厚"), 1: ("音色明亮", "声音清脆")},
    "mood": {-1: ("语气悲伤", "听起来难过", "情绪低落"), 1: ("语气欢快", "听起来开心", "情绪高昂")},
    "loud": {-1: ("轻声细语", "声音轻柔"), 0: ("音量正常",), 1: ("声音洪亮", "说话大声")},
    "pace": {-1: ("语速缓慢", "说话很慢"), 0: ("语速适中",), 1: ("语速快", "说话很快")},
}  # fmt: skip
BOTH_CHINESE = {-1: ("语气平静", "声音沉稳"), 1: ("充满活力", "声音有力")}
IN_ONE = 0.6  # how often both are told so
TOLD, ORDINARY = 0.75, 0.2  # how often what is out of the ordinary is told, and what is not
IMPLIED = {"loud": 0.25, "pace": 0.25}  # what a mood is made of, beside it: who always hears both does not listen to the mood


def with_article(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def describe(voice: Voice, rng: np.random.Generator) -> str:
    """A description that mentions the sex and some of the rest, what is out of the ordinary most often."""
    words = CHINESE if rng.random() < 0.25 else ENGLISH
    told = {}
    for name in ("pitch", "bright", "mood", "loud", "pace"):
        value = getattr(voice, name)
        often = IMPLIED[name] if "mood" in told and name in IMPLIED else TOLD if value else ORDINARY
        if rng.random() < often and value in words[name]:
            told[name] = str(rng.choice(words[name][value]))
    if voice.pace == voice.loud != 0 and {"pace", "loud"} <= set(told) and rng.random() < IN_ONE:
        del told["pace"]
        told["loud"] = str(rng.choice((BOTH_CHINESE if words is CHINESE else BOTH)[voice.loud]))
    if words is CHINESE:
        return _in_chinese(voice.woman, list(told.values()), rng)
    pace = told.pop("pace", "")
    colours = list(told.values())
    rng.shuffle(colours)
    said = _in_english(voice.woman, ", ".join(colours), pace, rng)
    said = said if rng.random() < 0.3 else said[0].upper() + said[1:]
    return said if rng.random() < 0.4 else f"{said}."


def _in_english(woman: bool, coloured: str, pace: str, rng: np.random.Generator) -> str:
    age = f"{rng.choice(AGES)} " if rng.random() < 0.3 else ""  # said by some, and not to be heard
    who = with_article(f"{age}{rng.choice(WOMAN if woman else MAN)}")
    sex = "female" if woman else "male"
    doing = pace.replace("takes", "taking").replace("speaks", "speaking").replace("talks", "talking")
    form = int(rng.integers(4))
    if form == 0:  # a young woman with a high, bright voice who speaks quickly
        before = str(rng.choice(("", "", "give me ", "imagine ")))
        return _joined(f"{before}{who}", coloured and f"with {with_article(coloured)} voice", pace and f"who {pace}", by=" ")
    if form == 1:  # female, young, high, bright, speaks quickly
        return _joined(sex, age.strip(), coloured, pace)
    if form == 2:  # high, bright voice of a young woman, speaking quickly
        return _joined(f"{coloured} voice of {who}".strip(), str(rng.choice((pace, doing))))
    return _joined(with_article(f"{coloured} {age}{sex} voice".strip()), doing)  # a high, bright young female voice, speaking …


def _joined(*parts: str, by: str = ", ") -> str:
    return by.join(filter(None, parts))


def _in_chinese(woman: bool, told: list[str], rng: np.random.Generator) -> str:
    who = str(rng.choice(("女性", "女声", "女人") if woman else ("男性", "男声", "男人")))
    if told and rng.random() < 0.4:
        return f"一个{'、'.join(told)}的{who}"
    return "，".join([who, *told])
