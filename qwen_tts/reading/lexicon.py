"""A user's lexicon: words that are to be read as if they were spelled otherwise."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from ..errors import OptionError

DENSE = "\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff"
ATOM = re.compile(rf"[{DENSE}]|(?:(?![{DENSE}])\w)+|[^\w\s]")
FORM = "each line of a lexicon is a word, a tab and its spelling (or the file is one JSON object of strings)"


class Lexicon:
    """Replaces whole words.

    - A word matches only whole: "cat" not in "category". Chinese, Japanese and Korean characters need no boundary.
    - A word in lower case matches in any case, one with a capital exactly as it is. Where both match, the exact one counts.
    - At one place the longest entry counts, and what has been replaced is not looked at again.
    """

    def __init__(self, entries: Mapping[str, str]) -> None:
        """Takes word -> spelling.

        Raises:
            OptionError: a word or a spelling is no string or blank, or a word has white space around it.
        """
        self.entries = dict(entries)
        self._starts: dict[str, list[str]] = {}
        for word, spelling in self.entries.items():
            if problem := _problem(word, spelling):
                raise OptionError(f"lexicon, {word!r}: {problem}")
            self._starts.setdefault(_atom(word, 0).lower(), []).append(word)
        for words in self._starts.values():
            words.sort(key=lambda word: (-len(word), word == word.lower()))

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """Reads a file in UTF-8: JSON if its name ends in .json, else lines of word, tab, spelling; # begins a comment line.

        Raises:
            OptionError: the file is missing, is not as above, or has a word twice; with the number of the line.
        """
        file = Path(path)
        try:
            text = file.read_bytes().decode("utf-8-sig")
        except OSError as error:
            raise OptionError(f"the lexicon {file} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError as error:
            raise OptionError(f"the lexicon {file} is not UTF-8 (byte {error.start})") from None
        rows = _json_rows(text, file) if file.suffix.lower() == ".json" else _tab_rows(text, file)
        entries: dict[str, str] = {}
        for number, word, spelling in rows:
            problem = _problem(word, spelling) or (f"{word!r} stands here a second time" if word in entries else "")
            if problem:
                raise OptionError(f"{file}, line {number}: {problem}; {FORM}")
            entries[word] = spelling
        return cls(entries)

    def apply(self, text: str) -> str:
        """The text with the spellings of the lexicon."""
        if not self._starts:
            return text
        out: list[str] = []
        done = 0
        for match in ATOM.finditer(text):
            if match.start() >= done and (word := self._match(text, match)):
                out += [text[done : match.start()], self.entries[word]]
                done = match.start() + len(word)
        return "".join([*out, text[done:]])

    def _match(self, text: str, start: re.Match[str]) -> str | None:
        for word in self._starts.get(start[0].lower(), ()):
            end = start.start() + len(word)
            found = text[start.start() : end]
            if (found == word or (word == word.lower() == found.lower())) and _whole(text, end):
                return word
        return None


def _whole(text: str, end: int) -> bool:
    """No word goes on over `end`."""
    pair = text[end - 1 : end + 1]
    return len(pair) < 2 or re.fullmatch(rf"(?:(?![{DENSE}])\w){{2}}", pair) is None


def _atom(word: str, at: int) -> str:
    match = ATOM.match(word, at)
    assert match is not None  # a word begins with a character that is no white space
    return match[0]


def _problem(word: object, spelling: object) -> str:
    if not isinstance(word, str) or not isinstance(spelling, str):
        return "both the word and its spelling must be strings"
    if not word.strip() or not spelling.strip():
        return f"the {'spelling' if word.strip() else 'word'} is blank"
    return "the word has white space around it" if word != word.strip() else ""


def _tab_rows(text: str, file: Path) -> list[tuple[int, str, str]]:
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        word, tab, spelling = line.rstrip("\r").partition("\t")
        if not tab or "\t" in spelling:
            raise OptionError(f"{file}, line {number}: {line.count(chr(9))} tabs where one belongs; {FORM}")
        rows.append((number, word.strip(), spelling.strip()))
    return rows


def _json_rows(text: str, file: Path) -> list[tuple[int, str, str]]:
    try:
        pairs = json.loads(text, object_pairs_hook=list)
    except json.JSONDecodeError as error:
        raise OptionError(f"{file}, line {error.lineno}: {error.msg}; {FORM}") from None
    except RecursionError:
        raise OptionError(f"{file}: nested too deeply; {FORM}") from None
    if not isinstance(pairs, list) or not all(isinstance(pair, tuple) for pair in pairs):
        raise OptionError(f"{file}, line 1: not a JSON object; {FORM}")
    rows, at = [], 0
    for word, spelling in pairs:
        found = max(text.find(json.dumps(word, ensure_ascii=False), at), text.find(json.dumps(word), at), at)
        rows.append((text.count("\n", 0, found) + 1, word, spelling))
        at = found + 1 if found > at else at
    return rows
