"""A user's lexicon."""

import pytest

from qwen_tts.errors import OptionError
from qwen_tts.reading import Lexicon


@pytest.mark.parametrize(
    ("entries", "text", "said"),
    [
        ({"sql": "sequel"}, "SQL, Sql and sql; MySQL sqlite sql_x", "sequel, sequel and sequel; MySQL sqlite sql_x"),
        ({"US": "U S"}, "US us Us", "U S us Us"),
        ({"us": "we", "US": "U S"}, "US us Us", "U S we we"),
        ({"new": "old", "new york": "N Y"}, "New York is new, newer", "N Y is old, newer"),
        ({"GPT-4o": "G P T four o"}, "GPT-4o, GPT-4omni", "G P T four o, GPT-4omni"),
        ({"a": "b", "b": "c"}, "a b", "b c"),
        ({"行": "háng"}, "银行行长", "银háng" + "háng长"),
        ({"c++": "C plus plus"}, "C++!", "C plus plus!"),
        ({".net": "dot net"}, ".NET", "dot net"),
        ({"straße": "Strasse"}, "Straße STRASSE", "Strasse STRASSE"),
        ({}, "as it is", "as it is"),
    ],
)
def test_whole_words(entries, text, said):
    assert Lexicon(entries).apply(text) == said


def test_files(tmp_path):
    table = tmp_path / "words.tsv"
    table.write_bytes("\ufeff# names\nQwen\tKwen\r\n\nNguyen\tWin\n".encode())
    assert Lexicon.from_file(table).entries == {"Qwen": "Kwen", "Nguyen": "Win"}
    table = tmp_path / "words.json"
    table.write_text('{"Qwen": "Kwen"}', "utf-8")
    assert Lexicon.from_file(table).apply("Qwen!") == "Kwen!"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.tsv", b"x\ty\nno tab\n", "line 2: 0 tabs"),
        ("a.tsv", b"x\ty\tz\n", "line 1: 2 tabs"),
        ("a.tsv", b"#\n\nx\ty\nx\tz\n", "line 4: 'x' stands here a second time"),
        ("a.tsv", b"x\t \n", "line 1: the spelling is blank"),
        ("a.tsv", b"\xff\xfe", "not UTF-8"),
        ("a.json", b'{"a": "b",\n"c": 5}', "line 2: both"),
        ("a.json", b'{"a": "b",\n\n"a": "c"}', "line 3: 'a' stands"),
        ("a.json", b'{"a": "b"\n"c"}', "line 2"),
        ("a.json", b"[1]", "not a JSON object"),
        ("a.json", b"[" * 100_000, "nested too deeply"),
        ("none.tsv", None, "cannot be read"),
    ],
)
def test_files_that_are_wrong(tmp_path, name, content, words):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(OptionError, match=words):
        Lexicon.from_file(tmp_path / name)


@pytest.mark.parametrize("entries", [{"": "x"}, {"x": ""}, {" x": "y"}, {"x": 5}])
def test_entries_that_are_wrong(entries):
    with pytest.raises(OptionError, match="lexicon, "):
        Lexicon(entries)


def test_many_entries_take_no_longer():
    lexicon = Lexicon({f"word{i}": "w" for i in range(50_000)})
    assert lexicon.apply("word77 wordy " * 20_000).count("w wordy") == 20_000
