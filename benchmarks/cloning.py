"""Voices that the model has never heard, cloned from some seconds: whose voice is it then, and is it understood?

The recordings are synthetic voices that the built-in model did not learn from (`UNSEEN` in recipes/tiny/voices.py, and
mixtures of two of them), each saying two sentences; the first is cloned:

    python recipes/tiny/make_speech.py benchmarks/reference_en.txt DIR --voice af_sky     # and others, such as af_sky+bf_lily
    python benchmarks/cloning.py --recordings DIR

Likeness is the cosine of speaker vectors. Beside each figure stands what the same speaker's other recording reaches.
"""

import argparse
import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from everyday import endless
from report import publish, table
from tiny_quality import manifest_rows
from tqdm import tqdm

from qwen_tts import Qwen3TTSModel
from qwen_tts.audio import load_audio
from qwen_tts.eval.metric import Clip
from qwen_tts.eval.similarity import SpeakerVectors
from qwen_tts.eval.wer import WordErrorRate

MODES = {"from its sound alone": True, "in context": False}  # x_vector_only_mode


def recordings(folder: Path) -> dict[str, list[Clip]]:
    """Speaker -> what it says, in the order of the manifests."""
    found: dict[str, list[Clip]] = {}
    for row in manifest_rows(folder):
        found.setdefault(row["speaker"], []).append(Clip(*load_audio(row["audio"]), row["text"]))
    return found


def figures(
    clips: Sequence[Sequence[Clip]], references: np.ndarray, judge: SpeakerVectors, words: WordErrorRate
) -> tuple[float, float, float]:
    """Of each speaker's clips: mean cosine to its reference, how many are nearest to it, words misheard."""
    cosines, nearest = [], []
    for place, own in enumerate(clips):
        near = judge(own) @ references.T
        cosines.append(near[:, place])
        nearest.append(near.argmax(1) == place)
    flat = [clip for own in clips for clip in own]
    return float(np.concatenate(cosines).mean()), float(np.concatenate(nearest).mean()), words(flat).value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="tiny-base")
    parser.add_argument("--recordings", type=Path, required=True, help="made by recipes/tiny/make_speech.py")
    parser.add_argument("--sentences", type=int, default=3, help="for each voice and mode")
    args = parser.parse_args()

    torch.set_num_threads(1)
    judge, words = SpeakerVectors(), WordErrorRate("base")
    voices = recordings(args.recordings)
    references = judge([own[0] for own in voices.values()])
    found = {"the speaker's other recording": figures([own[1:2] for own in voices.values()], references, judge, words)}
    model, texts = Qwen3TTSModel.from_pretrained(args.model), list(islice(endless(seed=3), args.sentences))
    for mode, alone in MODES.items():
        made = []
        for own in tqdm(voices.values(), desc=mode):
            prompt = model.create_voice_clone_prompt((own[0].samples, own[0].rate), own[0].text, x_vector_only_mode=alone)
            waves, rate = model.generate_voice_clone(texts, "English", voice_clone_prompt=prompt, seed=0)
            made.append([Clip(wave, rate, text) for wave, text in zip(waves, texts, strict=True)])
        found[f"cloned {mode}"] = figures(made, references, judge, words)
    head = ["speech", "cosine to the reference", "nearest to its own", "words misheard"]
    rows = [[name, f"{cosine:.2f}", f"{share:.0%}", f"{rate:.1%}"] for name, (cosine, share, rate) in found.items()]
    names = ("cosine", "nearest", "wer")
    result = {name: {key: round(x, 4) for key, x in zip(names, values, strict=True)} for name, values in found.items()}
    note = f"{len(voices)} voices, {len(texts)} sentences each."
    publish("cloning", "Voices cloned from one recording", f"{note}\n\n{table(head, rows)}\n", result, " ".join(sys.argv[1:]))


if __name__ == "__main__":
    main()
