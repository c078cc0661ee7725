"""Whose voice is it, and does it do what it is told? Speaker vectors, pitch, pace and level of what the built-in voices say.

told apart     each speaker's vector from some sentences; whom the others' vectors are nearest to
told to        the same sentence and seed with an instruction and without: did the right thing change in the right way?
in other words the same with instructions in words that nobody learned from (single words of them may be known)
described      voices from descriptions: are sex, pitch, brightness and pace what was asked for? Low and high, warm and bright
               are below and above the median of all that were made of one sex; slow and fast, of all
freely         the same of descriptions as people may write them, in words some of which nobody learned from
unheard        the same of people that nobody learned from, a nun or a cowboy
in a mood      the same sentence, seed and description, but for cheerful and sad: is the one faster and louder than the other?
old and young  the same for young and old: is the one higher and faster than the other?
"""

import argparse
import itertools
import sys
from collections.abc import Callable

import numpy as np
import torch
from descriptions import from_descriptions
from everyday import sentences
from measures import (
    ENROLLED,
    FAST,
    HIGH,
    LOUD,
    LOW,
    QUIET,
    SLOW,
    WHISPER,
    Wish,
    followed,
    pace,
    pitch,
    wanted,
)
from report import publish, table
from tqdm import tqdm

from qwen_tts import Qwen3TTSModel
from qwen_tts.eval.metric import Clip
from qwen_tts.eval.similarity import SpeakerVectors

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
    parser.add_argument(
        "--free", type=int, default=3, help="clips for each description that is written freely, or of unheard people"
    )
    parser.add_argument("--moods", type=int, default=30, help="pairs of moods, and of ages")
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
