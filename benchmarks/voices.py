"""Whose voice is it, and does it do what it is told? Speaker vectors, pitch, pace and level of what the built-in voices say.

told apart     each speaker's vector from some sentences; whom the others' vectors are nearest to
told to        the same sentence and seed with an instruction and without: did the right thing change in the right way?
in other words the same with instructions in words that nobody learned from (single words of them may be known)
described      voices from descriptions: are sex, pitch, brightness and pace what was asked for? Low and high, warm and bright
               are below and above the median of all that were made of one sex; slow and fast, of all
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


def pitch(clip: Clip) -> float:
    """The median, in Hz."""
    found = track(clip.samples, clip.rate)
    return float(np.median(found[found > 0])) if found.any() else float("nan")


def loudness(clip: Clip) -> np.ndarray:
    """The root mean square of every whole 10 ms."""
    hop = clip.rate // 100
    return np.sqrt(np.square(clip.samples[: len(clip.samples) // hop * hop].reshape(-1, hop)).mean(1))


def voiced(clip: Clip) -> float:
    """The share of 10 ms that has a voice, of those that are not silent."""
    loud = loudness(clip) > 0.01
    found = track(clip.samples, clip.rate)[: len(loud)]
    return float(np.mean(found[loud] > 0)) if loud.any() else 0.0


def brightness(clip: Clip) -> float:
    """dB of what lies above 1.5 kHz over what lies below, where there is voice."""
    hop, size = clip.rate // 100, clip.rate // 50
    found = track(clip.samples, clip.rate) > 0
    rows = np.lib.stride_tricks.sliding_window_view(np.pad(clip.samples, (hop // 2, size)), size)[::hop][: len(found)][found]
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


def described(clips: Sequence[Clip], asked: Sequence[dict[str, str]], presets: dict[str, list[Clip]]) -> dict[str, float]:
    """The share of descriptions that each attribute follows."""
    judge = SpeakerVectors()
    means = {}
    for sex in ("woman", "man"):
        of = [clip for name, own in presets.items() if (name in WOMEN) == (sex == "woman") for clip in own[:ENROLLED]]
        means[sex] = judge(of).mean(0)
    found = [max(means, key=lambda sex, v=vector: float(means[sex] @ v)) for vector in judge(clips)]
    hits = {"sex": [f == a["sex"] for f, a in zip(found, asked, strict=True)], "pitch": [], "tone": []}
    paces = np.array([pace(clip) for clip in clips])
    for name, measure, less in (("pitch", pitch, "low"), ("tone", brightness, "warm")):
        values = np.array([measure(clip) for clip in clips])
        for sex in ("woman", "man"):
            mine = [i for i, a in enumerate(asked) if a["sex"] == sex]
            middle = np.nanmedian(values[mine])
            hits[name] += [bool(values[i] < middle) == (asked[i][name] == less) for i in mine]
    middle = np.median(paces)
    hits["pace"] = [bool(p < middle) == (a["pace"] == "slowly") for p, a in zip(paces, asked, strict=True)]
    return {name: float(np.mean(values)) for name, values in hits.items()}


def cheered(designer: Qwen3TTSModel, text: str, seed: int) -> bool:
    """Whether a cheerful voice speaks faster, and louder, than a sad one."""
    person = ("woman", "man")[seed % 2]
    form = ("A {mood} {person}.", "{mood} voice of a {person}", "I want a {person} who sounds {mood}.")[seed % 3]
    sad, cheerful = (
        Clip(waves[0], rate, text)
        for waves, rate in (
            designer.generate_voice_design(text, form.format(mood=mood, person=person), "English", seed=seed)
            for mood in ("sad", "cheerful")
        )
    )
    return all(followed(wish, cheerful, sad) for wish in (FAST, LOUD))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--designer", default="tiny-voice-design", help='"" for none')
    parser.add_argument("--sentences", type=int, default=15, help="of each speaker; four of them teach who it is")
    parser.add_argument("--told", type=int, default=2, help="sentences for each speaker and instruction")
    parser.add_argument("--worded", type=int, default=4, help="clips for each instruction in other words")
    parser.add_argument("--prompts", type=int, default=100)
    parser.add_argument("--moods", type=int, default=30)
    args = parser.parse_args()

    torch.set_num_threads(1)
    texts = sentences(2500, seed=3)
    model = Qwen3TTSModel.from_pretrained(args.model)

    def say(speaker: str, text: str, seed: int, instruct: str | None = None) -> Clip:
        wave, rate = model.generate_custom_voice(text, speaker, "English", instruct, seed=seed)
        return Clip(wave[0], rate, text)

    speakers = model.get_supported_speakers()
    clips = {
        name: [say(name, text, seed) for seed, text in enumerate(texts[: args.sentences])]
        for name in tqdm(speakers, desc="told apart")
    }
    apart, right, within = told_apart(clips)
    result = {"recognised": round(right, 3), "least_cosine_within": round(within, 3)}
    body = f"## Told apart\n\n{right:.0%} of {len(speakers) * (args.sentences - ENROLLED)} clips are recognised.\n\n{apart}\n"

    rows = []
    for order, wishes in tqdm(ORDERS.items(), desc="told to"):
        done = []
        for name, n in itertools.product(speakers, range(args.told)):
            told = say(name, texts[n], n, order)
            done.append(all(followed(wish, told, clips[name][n]) for wish in wishes))
        rows.append([order, ", ".join(map(wanted, wishes)), f"{np.mean(done):.0%}"])
        result[order.rstrip(".").lower().replace(" ", "_")] = round(float(np.mean(done)), 3)
    body += (
        f"\n## Told what to do\n\nSame sentence and seed as without.\n\n{table(['instruction', 'wanted', 'followed'], rows)}\n"
    )

    rows = []
    for order, every in tqdm(OTHER_WORDS.items(), desc="in other words"):
        hits = {}
        for place, words in enumerate(every.split("|")):
            who = [(speakers[(place + 2 * n) % len(speakers)], n) for n in range(args.worded)]
            told = [(say(name, texts[n], n, words), clips[name][n]) for name, n in who]
            hits[words] = float(np.mean([all(followed(wish, a, b) for wish in ORDERS[order]) for a, b in told]))
        rows.append(
            [order, f"{np.mean(list(hits.values())):.0%}", "; ".join(f"{words} {hit:.0%}" for words, hit in hits.items())]
        )
        result[f"other_words_{order.rstrip('.').lower().replace(' ', '_')}"] = round(float(np.mean(list(hits.values()))), 3)
    body += f"\n## In other words\n\n{args.worded} clips each.\n\n{table(['as', 'followed', 'instructions'], rows)}\n"

    if args.designer:
        designer = Qwen3TTSModel.from_pretrained(args.designer)
        asked = prompts(args.prompts, np.random.default_rng(0))
        made = []
        for number, (words, _) in enumerate(tqdm(asked, desc="described")):
            text = texts[number % len(texts)]
            wave, rate = designer.generate_voice_design(text, words, "English", seed=number)
            made.append(Clip(wave[0], rate, text))
        shares = described(made, [wish for _, wish in asked], clips)
        shares["mood"] = float(np.mean([cheered(designer, texts[n], n) for n in tqdm(range(args.moods), desc="in a mood")]))
        result |= {f"described_{name}": round(value, 3) for name, value in shares.items()}
        body += (
            f"\n## Described\n\n{table(['what', 'as described'], [[name, f'{value:.0%}'] for name, value in shares.items()])}\n"
        )
    publish("voices", "The built-in voices: told apart, told what to do, described", body, result, " ".join(sys.argv[1:]))


if __name__ == "__main__":
    main()
