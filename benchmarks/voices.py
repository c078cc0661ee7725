"""Whose voice is it, and does it do what it is told? Speaker vectors, pitch, pace and level of what the built-in voices say.

told apart     each speaker's vector from some sentences; whom the others' vectors are nearest to
told to        the same sentence and seed with an instruction and without: did the right thing change in the right way?
in other words the same with instructions in words that nobody learned from (single words of them may be known)
described      voices from descriptions: are sex, pitch, brightness and pace what was asked for? Low and high, warm and bright
               are below and above the median of all that were made of one sex; slow and fast, of all
freely         the same of descriptions as people may write them, in words some of which nobody learned from
in a mood      the same sentence, seed and description, but for cheerful and sad: is the one faster and louder than the other?
"""

import argparse
import itertools
import sys
from collections.abc import Callable, Sequence

import numpy as np
import torch
from everyday import sentences
from report import publish, table
from tqdm import tqdm

from qwen_tts import Qwen3TTSModel
from qwen_tts.eval.metric import Clip
from qwen_tts.eval.pitch import track
from qwen_tts.eval.similarity import SpeakerVectors

WOMEN = ("serena", "vivian", "ono_anna", "sohee")  # of the preset voices: whom a described voice is compared with
ENROLLED = 4  # sentences that a speaker's vector is the mean of


def tracked(clip: Clip) -> np.ndarray:
    """The pitch of every 10 ms in Hz, 0 where there is none."""
    return track(clip.samples, clip.rate)


def pitch(clip: Clip, found: np.ndarray | None = None) -> float:
    """The median, in Hz. `found`: its pitch as tracked, if that is known."""
    found = tracked(clip) if found is None else found
    return float(np.median(found[found > 0])) if found.any() else float("nan")


def loudness(clip: Clip) -> np.ndarray:
    """The root mean square of every whole 10 ms."""
    hop = clip.rate // 100
    return np.sqrt(np.square(clip.samples[: len(clip.samples) // hop * hop].reshape(-1, hop)).mean(1))


def voiced(clip: Clip) -> float:
    """The share of 10 ms that has a voice, of those that are not silent."""
    loud = loudness(clip) > 0.01
    found = tracked(clip)[: len(loud)]
    return float(np.mean(found[loud] > 0)) if loud.any() else 0.0


def brightness(clip: Clip, found: np.ndarray) -> float:
    """dB of what lies above 1.5 kHz over what lies below, where there is voice. `found`: its pitch as tracked."""
    hop, size = clip.rate // 100, clip.rate // 50
    rows = np.lib.stride_tricks.sliding_window_view(np.pad(clip.samples, (hop // 2, size)), size)[::hop]
    rows = rows[: len(found)][found > 0]
    power = np.square(np.abs(np.fft.rfft(rows * np.hanning(size)))).sum(0)
    high = np.fft.rfftfreq(size, 1 / clip.rate) > 1500
    return float(10 * np.log10((power[high].sum() + 1e-9) / (power[~high].sum() + 1e-9)))


def pace(clip: Clip) -> float:
    """Letters a second."""
    return sum(c.isalnum() for c in clip.text) / (len(clip.samples) / clip.rate)


def level(clip: Clip) -> float:
    """dB of the loudest tenth of all 10 ms."""
    return float(20 * np.log10(np.quantile(loudness(clip), 0.9) + 1e-9))


Wish = tuple[Callable[[Clip], float], float, float]  # what is measured, which way it should go, and by how much at least
SLOW, FAST, HIGH, LOW = (pace, -1, 1.1), (pace, 1, 1.1), (pitch, 1, 1.04), (pitch, -1, 1.04)
LOUD, QUIET, WHISPER = (level, 1, 2.0), (level, -1, 2.0), (voiced, -1, 2.0)
ORDERS: dict[str, tuple[Wish, ...]] = {
    "Speak slowly.": (SLOW,), "Speak quickly.": (FAST,), "Speak in a high voice.": (HIGH,), "Speak in a low voice.": (LOW,),
    "Speak loudly.": (LOUD,), "Speak quietly.": (QUIET,), "Whisper.": (WHISPER,),
    "Sound excited.": ((pace, 1, 1.05),), "Sound sad.": ((pace, -1, 1.05),),
    "Speak slowly in a low voice.": (SLOW, LOW), "Speak quickly and loudly.": (FAST, LOUD),
    "In a high voice, quietly.": (HIGH, QUIET), "Whisper slowly.": (WHISPER, SLOW),
}  # fmt: skip

OTHER_WORDS: dict[str, str] = {  # for the same wishes as ORDERS
    "Speak slowly.": "Could you slow down a little?|slow|Please speak more slowly.|Say this slowly and clearly.|"
    "speaking at a slow speed",
    "Speak quickly.": "Could you speed up a bit?|fast|Please speak more quickly.|Say this very fast.|speaking rapidly",
    "Speak in a high voice.": "with a high pitch|Please raise your voice's pitch a bit.|in a high-pitched tone|high voice|"
    "Speak with a higher voice.",
    "Speak in a low voice.": "with a deep voice|deep voice|in a low-pitched tone|Speak with a lower voice.|"
    "Make your voice deeper.",
    "Speak loudly.": "loudly|Say it out loud, with power.|Speak as loud as you can.|Speak with a loud voice.|shouting",
    "Speak quietly.": "softly, please|Keep your voice down.|Speak as quietly as you can.|Speak with a soft voice.|"
    "very quietly, please",
    "Whisper.": "whispering|Say it in a whisper.|Please whisper.|whispered|Speak in a whisper.",
    "Sound excited.": "Be excited.|in an excited tone|joyful|Say it with great joy!|You are very happy.",
    "Sound sad.": "Be sad.|in a sad tone|sorrowfully|You are very unhappy.|Say it with sadness.",
}


def followed(wish: Wish, told: Clip, plain: Clip) -> bool:
    """Whether the measure moved as it should: by that factor; a level, by so many dB."""
    measure, way, least = wish
    a, b = measure(told), measure(plain)
    return way * (a - b) > least if measure is level else (max(a, 1e-9) / max(b, 1e-9)) ** way > least


def wanted(wish: Wish) -> str:
    measure, way, least = wish
    much = f"{least:g} dB" if measure is level else f"a factor of {least:g}"
    return f"{measure.__name__} {'up' if way > 0 else 'down'} by {much}"


def told_apart(clips: dict[str, list[Clip]]) -> tuple[str, float, float]:
    """A table; the share of clips that are nearest to their own speaker; the least mean cosine within a speaker."""
    judge = SpeakerVectors()
    vectors = {name: judge(own) for name, own in clips.items()}
    centres = np.stack([v[:ENROLLED].mean(0) / np.linalg.norm(v[:ENROLLED].mean(0)) for v in vectors.values()])
    rows, right, within = [], [], []
    for place, (name, own) in enumerate(vectors.items()):
        near = own[ENROLLED:] @ centres.T
        hits = near.argmax(1) == place
        same = [float(a @ b) for a, b in itertools.combinations(own, 2)]
        other = int(np.argsort(centres @ centres[place])[-2])
        right += hits.tolist()
        within.append(float(np.mean(same)))
        found = [pitch(clip) for clip in clips[name]]
        rows.append([
            name, f"{hits.mean():.0%}", f"{within[-1]:.2f}", f"{list(vectors)[other]} {centres[place] @ centres[other]:.2f}",
            f"{np.nanmedian(found):.0f} Hz", f"{np.median([pace(clip) for clip in clips[name]]):.1f}",
        ])  # fmt: skip
    head = ["voice", "recognised", "cosine between sentences", "nearest other", "pitch", "letters a second"]
    return table(head, rows), float(np.mean(right)), min(within)


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


def cheered(design: Callable[[str, int], Clip], seed: int) -> bool:
    """Whether a cheerful voice speaks faster, and louder, than a sad one."""
    person = ("woman", "man")[seed % 2]
    form = ("A {mood} {person}.", "{mood} voice of a {person}", "I want a {person} who sounds {mood}.")[seed % 3]
    sad, cheerful = (design(form.format(mood=mood, person=person), seed) for mood in ("sad", "cheerful"))
    return all(followed(wish, cheerful, sad) for wish in (FAST, LOUD))


Say = Callable[[str, int, str], Clip]  # a speaker, the number of a sentence and of a seed, an instruction
Section = tuple[str, dict[str, float]]  # in words, and in figures


def told(say: Say, clips: dict[str, list[Clip]], each: int) -> Section:
    rows, result = [], {}
    for order, wishes in tqdm(ORDERS.items(), desc="told to"):
        done = [
            all(followed(wish, say(name, n, order), clips[name][n]) for wish in wishes)
            for name, n in itertools.product(clips, range(each))
        ]
        rows.append([order, ", ".join(map(wanted, wishes)), f"{np.mean(done):.0%}"])
        result[key(order)] = round(float(np.mean(done)), 3)
    return f"Same sentence and seed as without.\n\n{table(['instruction', 'wanted', 'followed'], rows)}", result


def in_other_words(say: Say, clips: dict[str, list[Clip]], each: int) -> Section:
    rows, result, speakers = [], {}, list(clips)
    for order, every in tqdm(OTHER_WORDS.items(), desc="in other words"):
        hits = {}
        for place, words in enumerate(every.split("|")):
            who = [(speakers[(place + 2 * n) % len(speakers)], n) for n in range(each)]
            done = [all(followed(w, say(name, n, words), clips[name][n]) for w in ORDERS[order]) for name, n in who]
            hits[words] = float(np.mean(done))
        share = float(np.mean(list(hits.values())))
        rows.append([order, f"{share:.0%}", "; ".join(f"{words} {hit:.0%}" for words, hit in hits.items() if hit < 1)])
        result[f"other_words_{key(order)}"] = round(share, 3)
    note = f"Five others each, {each} clips of each, of words that nobody learned from as they stand."
    return f"{note}\n\n{table(['meant', 'followed', 'those not always followed'], rows)}", result


def from_descriptions(
    design: Callable[[str, int], Clip], presets: dict[str, list[Clip]], count: int, moods: int, each: int
) -> Section:
    asked, hearing = prompts(count, np.random.default_rng(0)), Hearing(presets)
    heard = hearing([design(words, n) for n, (words, _) in enumerate(tqdm(asked, desc="described"))])
    wishes = [wish for _, wish in asked]
    middle = middles(heard, wishes)
    shares = described(heard, wishes, middle)
    shares["mood"] = float(np.mean([cheered(design, n) for n in tqdm(range(moods), desc="in a mood")]))
    free = [(words, wish) for words, wish in FREE.items() for _ in range(each)]
    heard = hearing([design(words, n) for n, (words, _) in enumerate(tqdm(free, desc="freely"))])
    loose = described(heard, [wish for _, wish in free], middle)
    result = {f"described_{name}": round(value, 3) for name, value in shares.items()}
    result |= {f"freely_{name}": round(value, 3) for name, value in loose.items()}
    rows = [[name, f"{value:.0%}", f"{loose[name]:.0%}" if name in loose else ""] for name, value in shares.items()]
    note = f"{count} descriptions, {moods} pairs of moods; {each} clips of each of {len(FREE)} that are written freely."
    return f"{note}\n\n{table(['what', 'as described', 'freely'], rows)}", result


def key(order: str) -> str:
    return order.rstrip(".").lower().replace(" ", "_")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--designer", default="tiny-voice-design", help='"" for none')
    parser.add_argument("--sentences", type=int, default=15, help="of each speaker; four of them teach who it is")
    parser.add_argument("--told", type=int, default=2, help="sentences for each speaker and instruction")
    parser.add_argument("--worded", type=int, default=4, help="clips for each instruction in other words")
    parser.add_argument("--prompts", type=int, default=100)
    parser.add_argument("--free", type=int, default=3, help="clips for each description that is written freely")
    parser.add_argument("--moods", type=int, default=30)
    args = parser.parse_args()

    torch.set_num_threads(1)
    texts = sentences(2500, seed=3)
    model = Qwen3TTSModel.from_pretrained(args.model)

    def say(speaker: str, number: int, instruct: str | None = None) -> Clip:
        wave, rate = model.generate_custom_voice(texts[number], speaker, "English", instruct, seed=number)
        return Clip(wave[0], rate, texts[number])

    speakers = model.get_supported_speakers()
    clips = {name: [say(name, n) for n in range(args.sentences)] for name in tqdm(speakers, desc="told apart")}
    apart, right, within = told_apart(clips)
    result = {"recognised": round(right, 3), "least_cosine_within": round(within, 3)}
    several = len(speakers) * (args.sentences - ENROLLED)
    sections = {"Told apart": f"{right:.0%} of {several} clips are recognised.\n\n{apart}"}
    sections["Told what to do"], figures = told(say, clips, args.told)
    result |= figures
    sections["In other words"], figures = in_other_words(say, clips, args.worded)
    result |= figures
    if args.designer:
        designer = Qwen3TTSModel.from_pretrained(args.designer)

        def design(words: str, number: int) -> Clip:
            text = texts[number % len(texts)]
            wave, rate = designer.generate_voice_design(text, words, "English", seed=number)
            return Clip(wave[0], rate, text)

        sections["Described"], figures = from_descriptions(design, clips, args.prompts, args.moods, args.free)
        result |= figures
    body = "\n\n".join(f"## {title}\n\n{text}" for title, text in sections.items())
    publish(
        "voices", "The built-in voices: told apart, told what to do, described", body + "\n", result, " ".join(sys.argv[1:])
    )


if __name__ == "__main__":
    main()
