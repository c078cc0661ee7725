"""Ways to speak, and how somebody is told to speak so: in many words, in English and Chinese."""

from dataclasses import dataclass, fields, replace
from functools import reduce

import numpy as np
from score import Score

ENERGY_A_DECIBEL = 0.35  # of the teacher's energy


@dataclass(frozen=True, slots=True)
class Way:
    """How speech is changed: its pitch and pace are multiplied; louder by so many dB; without a voice."""

    pitch: float = 1.0
    pace: float = 1.0
    loud: float = 0.0
    whispered: bool = False

    def applied(self, made: Score) -> Score:
        """All but the pace, which the teacher is told."""
        pitch = np.zeros_like(made.pitch) if self.whispered else made.pitch * self.pitch
        return replace(made, pitch=pitch.astype(np.float32), energy=made.energy + ENERGY_A_DECIBEL * self.loud)

    def changes(self) -> set[str]:
        """What is heard to be changed. (What is whispered has no pitch.)"""
        return {f.name for f in fields(self) if getattr(self, f.name) != f.default} | ({"pitch"} if self.whispered else set())

    def and_also(self, other: "Way") -> "Way":
        return Way(self.pitch * other.pitch, self.pace * other.pace, self.loud + other.loud, self.whispered or other.whispered)


WAYS: dict[str, Way] = {  # in which a preset voice can be told to speak
    "slow": Way(pace=0.74),
    "fast": Way(pace=1.32),
    "high": Way(pitch=1.22),
    "low": Way(pitch=0.82),
    "loud": Way(loud=5),
    "quiet": Way(loud=-8),
    "whisper": Way(whispered=True, loud=-5),
    "excited": Way(pitch=1.15, pace=1.2, loud=3),
    "sad": Way(pitch=0.92, pace=0.8, loud=-5),
}
ENGLISH = {
    "slow": "Speak slowly.|Slow down, please.|Talk at a slow pace.|Very slowly.|Take your time.|Slower, please.|Slowly|"
    "Speak a little slower.|At a slow speed.|Don't rush.|There is no hurry.|Say each word slowly.|Unhurried.|A slow voice.|"
    "slow pace|Reduce your speed.|Could you talk slower?|Can you slow it down?|speaking slowly",
    "fast": "Speak quickly.|Talk fast.|Hurry up.|At a fast pace.|Speak faster, please.|Quickly|Speed up, please.|Rapidly.|"
    "Say it in a hurry.|At high speed.|A little faster.|Very fast.|fast pace|Speak at a rapid pace.|A fast voice.|"
    "Increase your speed.|Could you talk faster?|Can you speed it up?|Speed it up a bit.|Could you hurry up a little?|"
    "speaking quickly|speaking fast|rapid speech",
    "high": "Speak in a high voice.|Use a higher pitch.|High-pitched.|Raise your voice's pitch.|Higher, please.|A high voice|"
    "At a high pitch.|Make your voice high.|Speak higher.|a high tone",
    "low": "Speak in a low voice.|Use a lower pitch.|Deep and low.|Lower your pitch.|Lower, please.|A low voice|"
    "In a deep voice.|At a low pitch.|Make your voice low.|Speak deeper.|a deep tone",
    "loud": "Speak loudly.|Speak up!|Shout.|In a loud, strong voice.|Louder, please.|At full volume.|Raise your volume.|"
    "Powerfully.|Say it loud and clear.|Yell it.|With a strong voice.|Loud.",
    "quiet": "Speak quietly.|Softly.|In a soft, gentle voice.|Speak more quietly, please.|Gently.|Turn the volume down.|"
    "Lower your volume.|Not so loud.|In a quiet voice.|Say it softly.|Hushed.|Keep it down.|Quiet.",
    "whisper": "Whisper.|In a whisper.|Whisper it to me.|Speak under your breath.|A whisper|As if telling a secret.|"
    "Use a whispering voice.|Breathe the words.|Whisper the words.",
    "excited": "Sound excited.|Very happy and excited.|With joy!|Cheerful and lively.|Excitedly|Happily.|Be cheerful.|"
    "Joyfully!|In a happy voice.|In a cheerful tone.|Full of energy and joy.|As if you had won.|Enthusiastic.|"
    "You are delighted.|With excitement.|Happy.|You are so happy!|"
    "You feel very happy.|You are full of joy.|You are very excited.|You have good news.|You are glad.|Say it happily.|"
    "Say it with joy.|joyous",
    "sad": "Sound sad.|Sad and tired.|In a sad, low voice.|With sorrow.|Sadly|Be unhappy.|Sorrowful.|In a sad voice.|"
    "As if you had lost a friend.|Gloomy.|You are sad.|With grief.|Depressed and tired.|In an unhappy tone.|Mournfully.|Sad.|"
    "You are so sad.|You feel very sad.|You are full of sorrow.|You are unhappy.|You have bad news.|Say it sadly.|"
    "Say it with grief.|with sadness",
}
CHINESE = {
    "slow": "请说慢一点。|语速放慢|慢慢说。|说得慢些|请放慢速度",
    "fast": "请说快一点。|语速加快|快点说。|说得快些|请加快速度",
    "high": "音调高一点。|声音高一些|用高音说。",
    "low": "音调低一点。|声音低一些|用低沉的声音说。",
    "loud": "大声说。|声音大一点|用洪亮的声音说。|提高音量",
    "quiet": "小声说。|声音小一点|轻轻地说。|降低音量",
    "whisper": "用耳语说。|悄悄地说。|低声耳语",
    "excited": "用兴奋的语气说。|开心地说|高兴地说。|语气欢快",
    "sad": "用悲伤的语气说。|难过地说|伤心地说。|语气低落",
}
SHORT = {  # what two ways are called in one breath
    "slow": "slowly", "fast": "quickly", "high": "in a high voice", "low": "in a low voice",
    "loud": "loudly", "quiet": "quietly", "whisper": "in a whisper",
}  # fmt: skip
TWICE = 0.5  # of those who are told something else than a mood are told two things at once
FOREIGN = 0.25  # of the orders are in Chinese
SLOPPY = 0.3  # are typed without capitals, or without a full stop


def order(rng: np.random.Generator) -> tuple[str, ...]:
    """What a preset voice is told: one of WAYS, or two that do not get in each other's way."""
    name = str(rng.choice(list(WAYS)))
    others = [other for other in WAYS if not WAYS[other].changes() & WAYS[name].changes()]
    if not others or rng.random() > TWICE:
        return (name,)
    return name, str(rng.choice(others))


def way(names: tuple[str, ...]) -> Way:
    return reduce(Way.and_also, (WAYS[name] for name in names))


def instruction(names: tuple[str, ...], rng: np.random.Generator) -> str:
    """An order in words."""
    if rng.random() < FOREIGN:
        return "，".join(str(rng.choice(CHINESE[name].split("|"))).rstrip("。") for name in names) + rng.choice(["", "。"])
    said = [str(rng.choice(ENGLISH[name].split("|"))) for name in names]
    if len(said) == 1:
        text = said[0]
    elif rng.random() < 0.5:
        verb, joint = rng.choice(["Speak ", "Talk ", "Say it ", ""]), rng.choice([" ", " and ", ", "])
        text = verb + joint.join(SHORT[name] for name in names) + "."
        text = text[0].upper() + text[1:]
    elif rng.random() < 0.5:
        text = f"{said[0].rstrip('.!')}. {said[1]}"
    else:
        text = f"{said[0].rstrip('.!')}, {said[1][0].lower()}{said[1][1:]}"
    text = text.lower() if rng.random() < SLOPPY else text
    return text.rstrip(".") if rng.random() < SLOPPY else text
