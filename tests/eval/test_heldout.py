"""The sentences that the built-in voice is judged by are not among those it learns from."""

from pathlib import Path

from qwen_tts.eval.wer import WordErrorRate

ROOT = Path(__file__).parent.parent.parent


def test_no_sentence_is_in_the_training_text():
    normalise = WordErrorRate("tiny.en").normalise
    lines = (ROOT / "benchmarks/heldout_en.txt").read_text("utf-8").splitlines()
    sentences = [line.split("\t")[1] for line in lines]
    trained = normalise((ROOT / "recipes/tiny/text/en.txt").read_text("utf-8"))
    assert len(sentences) == len(set(sentences)) == 30
    assert [text for text in sentences if normalise(text) in trained] == []
