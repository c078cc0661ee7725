import pytest

from qwen_tts.eval.cer import ChineseNormaliser
from qwen_tts.eval.wer import word_error_rate


@pytest.fixture(scope="module")
def normalise() -> ChineseNormaliser:
    return ChineseNormaliser()


def test_script_numerals_and_marks_do_not_count(normalise: ChineseNormaliser) -> None:
    assert normalise("他買了3個蘋果，OK！") == normalise("他买了三个苹果。ok") == "他 买 了 三 个 苹 果 o k"


def test_errors_are_counted_in_characters(normalise: ChineseNormaliser) -> None:
    texts, heard = ["今天早上下雨了。"], ["今天早上下雪"]
    score = word_error_rate([normalise(t) for t in texts], [normalise(h) for h in heard])
    assert score.value == pytest.approx(2 / 7)
