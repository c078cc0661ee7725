"""Marks in a text: [pause:400ms], and a small part of SSML. Everything else, angle brackets included, is text.

    <break time="400ms"/> <break strength="strong"/>     a pause
    <sub alias="World Wide Web">WWW</sub>                say something else
    <say-as interpret-as="digits">404</say-as>           say it in a certain way
    <p>..</p> <s>..</s>                                  paragraph, sentence

They may stand in any text. A text that begins with <speak> (an XML declaration may precede it) is an SSML document: it may hold
no other elements, and its white space means nothing. The parser is our own few lines: there are no document types, so there
are no entities but the five of XML and numbers of characters.
"""

import re
from dataclasses import dataclass
from html.entities import html5
from typing import Literal, NoReturn

from ..errors import TextError
from .segments import Pause

ELEMENTS = ("speak", "break", "sub", "say-as", "p", "s")
ATTRIBUTES = {"break": {"time", "strength"}, "sub": {"alias"}, "say-as": {"interpret-as", "format", "detail"}}
SAY_AS = ("characters", "spell-out", "digits", "cardinal", "ordinal", "date", "time", "telephone")
STRENGTHS = {"none": 0.0, "x-weak": 0.1, "weak": 0.2, "medium": 0.4, "strong": 0.7, "x-strong": 1.2}
LONGEST = 60.0  # seconds of one pause
DEEPEST = 16  # elements within elements
ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}

START = re.compile(r"<|\[pause:")
TAG = re.compile(r"<(?P<end>/?)(?P<name>speak|break|sub|say-as|p|s)(?P<rest>(?:\s[^<>]{0,2000})?/?)>")
MARK = re.compile(r"\[pause:(?P<pause>[^\]\n]{0,40})\]")
BROKEN = re.compile(r"</?(?:speak|break|sub|say-as|[ps](?=[\s/]))\b[^<>]{0,40}")
DURATION = re.compile(r"\s*\+?(\d{1,7}(?:\.\d{1,6})?|\.\d{1,6})\s*(ms|s)\s*")
ATTRIBUTE = re.compile(r"\s+([A-Za-z][\w:.-]{0,40})\s*=\s*(?:\"([^\"<]*)\"|'([^'<]*)')")
PROLOGUE = re.compile(r"\s*(?:<\?xml[^<>]{0,200}\?>\s*)?(?=<speak[\s>])")
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
ENTITY = re.compile(r"&(?:#(\d{1,7})|#x([0-9A-Fa-f]{1,6})|(\w{1,32}));")


@dataclass(frozen=True, slots=True)
class Said:
    """Text, and how to say it: one of SAY_AS, "alias" for text that a person has put in place of other text, or None."""

    text: str
    how: str | None = None


@dataclass(frozen=True, slots=True)
class Boundary:
    """A paragraph or a sentence begins or ends here."""

    of: Literal["paragraph", "sentence"]


Event = Said | Pause | Boundary


def parse(text: str) -> list[Event]:
    """Text, pauses and boundaries in order.

    Raises:
        TextError: a mark or an element of the above that is not well formed; with line, column and what is legal.
    """
    return _Parser(text).run()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        prologue = PROLOGUE.match(text)
        self.document = prologue is not None
        self.at = prologue.end() if prologue else 0
        self.markup = self.document or TAG.search(text) is not None
        self.open: list[tuple[str, str]] = []  # element, and how its text is said or what replaces it
        self.events: list[Event] = []

    def run(self) -> list[Event]:
        while self.at < len(self.text):
            start = self.at
            while (start := self._next(start)) < len(self.text):
                if self._take(start):
                    break
                start += 1
            else:
                self._say(self.text[self.at :])
                self.at = len(self.text)
        if self.open:
            self._fail(len(self.text), f"<{self.open[-1][0]}> is not closed")
        return self.events

    def _next(self, start: int) -> int:
        found = START.search(self.text, start)
        return found.start() if found else len(self.text)

    def _take(self, start: int) -> bool:
        """Reads a mark or a tag at `start`, with the text before it; False where there is none."""
        text = self.text
        if text[start] == "[":
            mark = MARK.match(text, start)
            if mark is None:
                self._fail(start, "a pause mark is not closed")
            self._before(start, mark.end())
            self.events.append(Pause(self._duration(mark["pause"], start)))
            return True
        tag = TAG.match(text, start)
        if tag is None:
            return self._other(start)
        if self.document and tag["end"] and tag["name"] == "speak" and text[tag.end() :].strip():
            self._fail(tag.end(), "nothing may follow </speak>")
        self._before(start, tag.end())
        (self._close if tag["end"] else self._begin)(tag)
        return True

    def _other(self, start: int) -> bool:
        """An angle bracket that begins none of our elements: text, but an error where it cannot be meant as text."""
        comment = COMMENT.match(self.text, start) if self.document else None
        if comment is not None:
            self._before(start, comment.end())
            return True
        if self.document:
            self._fail(start, f"{self.text[start : start + 20]!r} is not one of the elements known here")
        if BROKEN.match(self.text, start):
            self._fail(start, f"{self.text[start : start + 20]!r} is not a whole tag")
        return False

    def _before(self, start: int, end: int) -> None:
        self._say(self.text[self.at : start])
        self.at = end

    def _say(self, text: str) -> None:
        offset = self.at
        if self.open and self.open[-1][0] == "sub":
            return
        if self.markup:
            text = ENTITY.sub(lambda m: self._entity(m, offset), text)
        if self.document:
            text = re.sub(r"\s+", " ", text)
        if text:
            self.events.append(Said(text, self.open[-1][1] or None if self.open else None))

    def _entity(self, match: re.Match[str], offset: int) -> str:
        decimal, hexadecimal, name = match.groups()
        if name:
            if name not in ENTITIES and (self.document or f"{name};" not in html5):
                return (
                    match[0]
                    if not self.document
                    else self._fail(offset + match.start(), f"the entity {match[0]} is not one of XML")
                )
            return ENTITIES.get(name) or html5[f"{name};"]
        code = int(decimal) if decimal else int(hexadecimal, 16)
        if not (code in (9, 10, 13) or 0x20 <= code < 0xD800 or 0xE000 <= code < 0x110000):
            self._fail(offset + match.start(), f"{match[0]} is no character")
        return chr(code)

    def _begin(self, tag: re.Match[str]) -> None:
        name, rest = tag["name"], tag["rest"]
        empty = rest.endswith("/")
        given = self._attributes(name, rest.removesuffix("/"), tag.start())
        parent = self.open[-1][0] if self.open else ""
        if (name == "speak") == bool(self.open) and (name == "speak" or self.document):
            self._fail(tag.start(), "<speak> stands once, around everything")
        if parent in ("sub", "say-as"):
            self._fail(tag.start(), f"<{parent}> holds text only")
        if name in ("p", "s"):
            self._outside(name, tag.start())
            self.events.append(Boundary("paragraph" if name == "p" else "sentence"))
        if name == "break":
            if not empty and not self.text.startswith("</break>", tag.end()):
                self._fail(tag.start(), '<break> is empty: write <break time="400ms"/>')
            self.events.append(Pause(self._break(given, tag.start())))
            self.at += 0 if empty else len("</break>")
            return
        how = ""
        if name == "sub":
            self.events.append(Said(self._required(given, "alias", tag), "alias"))
        if name == "say-as":
            how = self._required(given, "interpret-as", tag)
            if how not in SAY_AS:
                self._fail(tag.start(), f"interpret-as cannot be {how!r}: it is one of {', '.join(SAY_AS)}")
        if not empty:
            self.open.append((name, how))
        if len(self.open) > DEEPEST:
            self._fail(tag.start(), f"elements within elements, more than {DEEPEST} deep")

    def _outside(self, name: str, at: int) -> None:
        inside = [element for element, _ in self.open if element in ("s", name)]
        if inside:
            self._fail(at, f"<{name}> cannot stand within <{inside[-1]}>")

    def _close(self, tag: re.Match[str]) -> None:
        if tag["rest"].strip():
            self._fail(tag.start(), "an end tag has no attributes")
        if not self.open or self.open[-1][0] != tag["name"]:
            expected = f"</{self.open[-1][0]}> is expected" if self.open else "nothing is open"
            self._fail(tag.start(), f"{tag[0]} closes nothing: {expected}")
        self.open.pop()
        if tag["name"] in ("p", "s"):
            self.events.append(Boundary("paragraph" if tag["name"] == "p" else "sentence"))

    def _attributes(self, name: str, rest: str, at: int) -> dict[str, str]:
        given: dict[str, str] = {}
        end = 0
        while match := ATTRIBUTE.match(rest, end):
            key, value = match[1], match[2] if match[2] is not None else match[3]
            if key in given:
                self._fail(at, f"{key} is given twice")
            given[key], end = ENTITY.sub(lambda m: self._entity(m, at), value), match.end()
        if rest[end:].strip():
            self._fail(at, f'attributes are written name="value", not {rest[end:].strip()[:30]!r}')
        allowed = ATTRIBUTES.get(name, set())
        if name != "speak" and (unknown := [key for key in given if key not in allowed]):
            self._fail(at, f"<{name}> has no attribute {unknown[0]!r}; it has {', '.join(sorted(allowed)) or 'none'}")
        return given

    def _required(self, given: dict[str, str], key: str, tag: re.Match[str]) -> str:
        if not given.get(key, "").strip():
            self._fail(tag.start(), f'<{tag["name"]}> needs {key}="..."')
        return given[key].strip()

    def _break(self, given: dict[str, str], at: int) -> float:
        strength = given.get("strength", "medium")
        if strength not in STRENGTHS:
            self._fail(at, f"strength cannot be {strength!r}: it is one of {', '.join(STRENGTHS)}")
        return self._duration(given["time"], at) if "time" in given else STRENGTHS[strength]

    def _duration(self, written: str, at: int) -> float:
        match = DURATION.fullmatch(written)
        seconds = float(match[1]) / (1000 if match[2] == "ms" else 1) if match else -1.0
        if not 0 <= seconds <= LONGEST:
            self._fail(at, f"a pause cannot be {written!r} long: write 400ms or 1.2s, at most {LONGEST:.0f}s")
        return seconds

    def _fail(self, at: int, problem: str) -> NoReturn:
        line, column = self.text.count("\n", 0, at) + 1, at - (self.text.rfind("\n", 0, at) + 1) + 1
        raise TextError(
            f"line {line}, column {column}: {problem}. Legal are [pause:400ms] and the elements {', '.join(ELEMENTS)}; "
            "write &lt; for an angle bracket in SSML, or switch marks off"
        )
