"""The sentences that the built-in voice is judged by are not among those it learns from."""

from pathlib import Path

import pytest

from qwen_tts.eval.cer import ChineseNormaliser
from qwen_tts.eval.wer import WordErrorRate

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize(("language", "count"), [("en", 100), ("zh", 30)])
def test_no_sentence_is_in_the_training_text(language: str, count: int) -> None:
    normalise = WordErrorRate("tiny.en").normalise if language == "en" else ChineseNormaliser()
    lines = (ROOT / f"benchmarks/heldout_{language}.txt").read_text("utf-8").splitlines()
    sentences = [line.split("\t")[1] for line in lines]
    trained = normalise((ROOT / f"recipes/tiny/text/{language}.txt").read_text("utf-8"))
    assert len(sentences) == len(set(sentences)) == count
    assert [text for text in sentences if normalise(text) in trained] == []
