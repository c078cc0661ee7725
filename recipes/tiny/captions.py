"""What a voice is called, in many words, in English and Chinese."""

from dataclasses import dataclass

import numpy as np
from score import Score
from ways import WAYS, Way


@dataclass(frozen=True, slots=True)
class Voice:
    """What can be heard of a voice: -1, 0 or 1 of each but the sex; sad or cheerful are -1 and 1, and so are old or young."""

    woman: bool
    pitch: int
    pace: int
    loud: int
    bright: int
    mood: int = 0

    @property
    def age(self) -> int:
        """As listeners take it: who is low, dark and slow, or two of it, sounds old; who is high, bright and quick, young.

        (What in a voice is really old is not known of the teacher's.)
        """
        signs = self.pitch, self.bright, self.pace
        old, young = (signs.count(sign) > 1 and -sign not in signs for sign in (-1, 1))
        return int(young) - int(old)


MOODS = {-1: "sad", 1: "excited"}  # as WAYS
MOODY = 0.3  # of the described voices are in one
OLD_AND_YOUNG = {-1: Way(pitch=0.88, pace=0.78), 1: Way(pitch=1.12, pace=1.25)}
AGEING = 0.3  # of the described voices speak as the old or the young do

LOW_AND_HIGH = {False: (105.0, 140.0), True: (185.0, 230.0)}  # Hz, of men and women
WARM_AND_BRIGHT = {False: (-0.5, 2.5), True: (-2.0, 1.5)}  # of brightness.py: a third of them is warmer, a third brighter


def way_and_mood(rng: np.random.Generator) -> tuple[Way, int]:
    """How a described voice speaks, and in what mood."""
    kind = rng.random()
    if kind < MOODY:
        mood = int(rng.choice(list(MOODS)))
        return Way(pitch=float(rng.uniform(0.9, 1.1))).and_also(WAYS[MOODS[mood]]), mood
    if kind < MOODY + AGEING:
        usual = OLD_AND_YOUNG[int(rng.choice(list(OLD_AND_YOUNG)))]
        return usual.and_also(Way(float(rng.uniform(0.94, 1.06)), float(rng.uniform(0.93, 1.07)), float(rng.uniform(-4, 3)))), 0
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
AGES = {-1: ("old", "elderly", "aged", "older"), 0: ("middle-aged", "adult"), 1: ("young", "youthful", "teenage")}
PEOPLE: dict[bool, dict[int, tuple[str, ...]]] = {  # whether it is a woman -> age -> who that is
    True: {
        -1: ("grandmother", "old lady", "granny", "old woman"),
        0: (
            "woman", "female speaker", "lady", "female narrator", "mother", "actress", "sister", "queen", "wife", "aunt",
            "saleswoman", "female announcer", "female teacher", "hostess", "stewardess", "heroine", "witch", "bride",
            "widow", "maid", "nanny", "sportswoman", "spokeswoman", "housewife", "countess", "empress", "priestess", "mom",
            "mum", "niece", "girlfriend", "female doctor", "female singer", "chairwoman", "cowgirl", "sorceress", "gal",
        ),
        1: ("girl", "young lady", "daughter", "princess", "schoolgirl", "young woman"),
    },
    False: {
        -1: ("grandfather", "old gentleman", "grandpa", "old man"),
        0: (
            "man", "male speaker", "guy", "male narrator", "gentleman", "father", "actor", "brother", "king", "husband",
            "uncle", "salesman", "male announcer", "male teacher", "host", "waiter", "hero", "wizard", "groom",
            "widower", "butler", "pirate", "sportsman", "spokesman", "fireman", "emperor", "priest", "dad", "knight", "nephew",
            "boyfriend", "male doctor", "male singer", "chairman", "fisherman", "sorcerer", "bloke",
        ),
        1: ("boy", "young fellow", "son", "prince", "schoolboy", "young man"),
    },
}  # fmt: skip
PLAIN = 4  # of PEOPLE of no age: they are meant more often than not
SINGERS = {(True, 1): ("soprano",), (True, -1): ("alto",), (False, 1): ("tenor",), (False, -1): ("baritone", "bass-baritone")}
AGED, RELATED, SUNG = 0.75, 0.5, 0.12  # how often an age is told, who is no plain woman or man, who is a singer
ASKED = 0.5  # how often a person or a voice is asked for in so many words
ASKING = (
    "give me", "imagine", "I need", "I would like", "I'd like", "find me", "let me hear", "make it", "please use", "use",
    "create", "it should be", "read it as", "speak as", "the speaker is", "can I have", "we are looking for", "design",
)  # fmt: skip
SOUNDS = 0.4  # how often somebody "sounds sad", and has no "sad voice"
BOTH = {-1: ("calm", "relaxed"), 1: ("energetic", "dynamic")}  # slow and soft, or fast and loud, in one word
CHINESE: Words = {
    "pitch": {-1: ("音调低沉", "声音低沉", "嗓音低"), 0: ("音调中等",), 1: ("音调高", "声音高", "嗓音高")},
    "bright": {-1: ("音色温暖", "声音浑厚"), 1: ("音色明亮", "声音清脆")},
    "mood": {-1: ("语气悲伤", "听起来难过", "情绪低落"), 1: ("语气欢快", "听起来开心", "情绪高昂")},
    "loud": {-1: ("轻声细语", "声音轻柔"), 0: ("音量正常",), 1: ("声音洪亮", "说话大声")},
    "pace": {-1: ("语速缓慢", "说话很慢"), 0: ("语速适中",), 1: ("语速快", "说话很快")},
}  # fmt: skip
CHINESE_PEOPLE: dict[bool, dict[int, tuple[str, ...]]] = {
    True: {
        -1: ("奶奶", "老太太", "老年女性"),
        0: ("女性", "女声", "女人", "女士", "妈妈", "阿姨", "女播音员", "姐姐", "女老师", "女王", "女主播"),
        1: ("女孩", "小姑娘", "年轻女性", "少女"),
    },
    False: {
        -1: ("爷爷", "老先生", "老年男性"),
        0: ("男性", "男声", "男人", "男士", "爸爸", "叔叔", "男播音员", "哥哥", "男老师", "皇帝", "男主播"),
        1: ("男孩", "小伙子", "年轻男性", "少年"),
    },
}  # fmt: skip
BOTH_CHINESE = {-1: ("语气平静", "声音沉稳"), 1: ("充满活力", "声音有力")}
IN_ONE = 0.6  # how often both are told so
TOLD, ORDINARY = 0.75, 0.2  # how often what is out of the ordinary is told, and what is not
IMPLIED = 0.25  # how often what a mood or an age is made of, beside it: who always hears both does not listen to the mood
MADE_OF = {"mood": ("loud", "pace"), "age": ("pitch", "bright", "pace")}


def with_article(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def describe(voice: Voice, rng: np.random.Generator) -> str:
    """A description that mentions the sex and some of the rest, what is out of the ordinary most often."""
    words = CHINESE if rng.random() < 0.25 else ENGLISH
    told, implied = {}, MADE_OF["age"] if (aged := voice.age != 0 and rng.random() < AGED) else ()
    for name in ("mood", "pitch", "bright", "loud", "pace"):
        value = getattr(voice, name)
        often = IMPLIED if name in implied else TOLD if value else ORDINARY
        if rng.random() < often and value in words[name]:
            told[name] = str(rng.choice(words[name][value]))
            implied = (*implied, *MADE_OF.get(name, ()))
    if voice.pace == voice.loud != 0 and {"pace", "loud"} <= set(told) and rng.random() < IN_ONE:
        del told["pace"]
        told["loud"] = str(rng.choice((BOTH_CHINESE if words is CHINESE else BOTH)[voice.loud]))
    if words is CHINESE:
        return _in_chinese(voice, aged, list(told.values()), rng)
    said = _in_english(voice, aged, told, rng)
    said = said if rng.random() < 0.3 else said[0].upper() + said[1:]
    return said if rng.random() < 0.4 else f"{said}."


def person(voice: Voice, aged: bool, people: dict[bool, dict[int, tuple[str, ...]]], rng: np.random.Generator) -> str:
    """Who has such a voice: a plain word most often, or one that tells the age as well."""
    kinds = people[voice.woman]
    if aged:
        return str(rng.choice(kinds[voice.age]))
    return str(rng.choice(kinds[0] if rng.random() < RELATED else kinds[0][:PLAIN]))


def _in_english(voice: Voice, aged: bool, told: dict[str, str], rng: np.random.Generator) -> str:
    does = [told.pop("pace")] if "pace" in told else []
    if "mood" in told and rng.random() < SOUNDS:
        does.insert(0, f"sounds {told.pop('mood')}")
    in_person = aged and rng.random() < 0.5
    age = ""
    if (aged and not in_person) or (not voice.age and rng.random() < ORDINARY):
        age = str(rng.choice(AGES[voice.age]))
    singers = SINGERS.get((voice.woman, voice.pitch), ())
    if singers and not aged and rng.random() < SUNG:
        told.pop("pitch", None)
        age, who = "", with_article(str(rng.choice(singers)))
    else:
        who = with_article(f"{age} {person(voice, in_person, PEOPLE, rng)}".strip())
    colours = list(told.values())
    rng.shuffle(colours)
    coloured, done = ", ".join(colours), " and ".join(does)
    doing = done.replace("takes", "taking").replace("speaks", "speaking").replace("talks", "talking")
    doing = doing.replace("sounds", "sounding")
    sex = "female" if voice.woman else "male"
    form = int(rng.choice((0, 2))) if in_person else int(rng.integers(4))  # the others name no person
    if form == 0:  # a young woman with a high, bright voice who speaks quickly
        return _joined(_asked(who, rng), coloured and f"with {with_article(coloured)} voice", done and f"who {done}", by=" ")
    if form == 1:  # female, young, high, bright, speaks quickly
        return _joined(sex, age, coloured, done)
    if form == 2:  # high, bright voice of a young woman, speaking quickly
        return _joined(f"{coloured} voice of {who}".strip(), str(rng.choice((done, doing))))
    voiced = with_article(" ".join(filter(None, (coloured, age, sex, "voice"))))
    return _joined(_asked(voiced, rng), doing)  # a high young female voice, …


def _asked(what: str, rng: np.random.Generator) -> str:
    """What is said before a person is learned to be none: "I want a man", of which nothing was known, was often a woman."""
    return f"{rng.choice(ASKING)} {what}" if rng.random() < ASKED else what


def _joined(*parts: str, by: str = ", ") -> str:
    return by.join(filter(None, parts))


def _in_chinese(voice: Voice, aged: bool, told: list[str], rng: np.random.Generator) -> str:
    who = person(voice, aged, CHINESE_PEOPLE, rng)
    if told and rng.random() < 0.4:
        return f"一个{'、'.join(told)}的{who}"
    return "，".join([who, *told])
