"""Character error rate: the word error rate's counterpart for Chinese, which writes no spaces between words."""

import cn2an
import opencc

from .wer import WordErrorRate


class ChineseNormaliser:
    """Chinese text as single characters with spaces between: simplified, numbers in characters, no punctuation."""

    def __init__(self) -> None:
        self.simplify = opencc.OpenCC("t2s").convert

    def __call__(self, text: str) -> str:
        written = cn2an.transform(self.simplify(text).lower(), "an2cn")
        return " ".join(character for character in written if character.isalnum())


class CharacterErrorRate(WordErrorRate):
    """Edits / characters of the text, over the whole set; Mandarin. Only the multilingual recogniser "base" hears it.

    Whisper writes traditional or simplified characters, digits or numerals as it pleases: both sides are brought to
    simplified characters and numerals first, so that only what was heard counts. Homophones count as errors.
    """

    name = "CER"
    language = "zh"

    def __init__(self, threads: int = 1) -> None:
        super().__init__("base", threads)
        self.normalise = ChineseNormaliser()
