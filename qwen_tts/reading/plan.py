"""A text of any length -> what to speak and where to pause. Pure: the same text gives the same plan; no model is asked."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import OptionError, TextError
from .lexicon import Lexicon
from .marks import Boundary, Event, Said, parse
from .normalise import normalise as read_out
from .say_as import say_as
from .segments import Pause, Reason, Segment, Speak
from .sentences import is_dense, paragraphs, sentences
from .split import Measure, pack_sentences
from .tongue import Tongue
from .tongues import tongue_of

BUDGET = 200  # characters; some 12 s of English
SPACE = re.compile(r"[ \t\r\n\v\f]+")


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds of silence after a piece, by what ends with it. They add to what is left of the speech's own silence."""

    word: float = 0.0
    clause: float = 0.05
    sentence: float = 0.2
    paragraph: float = 0.5

    def __post_init__(self) -> None:
        if wrong := [s for s in (self.word, self.clause, self.sentence, self.paragraph) if not 0 <= s <= 60]:
            raise OptionError(f"a pause must be 0 to 60 s, not {wrong[0]}")


def plan(
    text: str,
    language: str | None = None,
    *,
    lexicon: Lexicon | None = None,
    normalise: bool = True,
    marks: bool = True,
    budget: int = BUDGET,
    measure: Measure = len,
    pauses: Pauses = Pauses(),
) -> list[Segment]:
    """Reads a text for speaking.

    Args:
        text: of any length.
        language: as the models name it, or its code; None or "auto": the one the text looks like.
        lexicon: spellings that take the place of words, before anything else is read.
        normalise: write out numbers, dates, signs and so on; drop decoration.
        marks: obey [pause:..] and SSML (see `marks.py`); else they are text.
        budget: the most that one `Speak` holds, in units of `measure`.
        measure: the size of a text: characters, or `lambda t: len(tokenizer.encode(t))`.
        pauses: how long the pauses between pieces are.
    Returns:
        At least one `Speak`; pauses only between and, where a mark asks for them, around. No `Speak` is blank.
    Raises:
        TextError: there is nothing to speak, or a mark is malformed.
        OptionError: the budget is not above 0, or there are no rules for the language.
    """
    tongue = tongue_of(language, text)
    events: list[Event] = parse(text) if marks else [Said(text)]
    planned: list[Segment] = []
    for item in _runs(events, lexicon, tongue):
        if isinstance(item, Pause):
            _pause(planned, item)
        elif isinstance(item, Boundary):
            _pause(planned, Pause(getattr(pauses, item.of), item.of))
        else:
            for segment in _spoken(item, tongue, normalise, budget, measure, pauses):
                if isinstance(segment, Pause):
                    _pause(planned, segment)
                else:
                    planned.append(segment)
    while planned and isinstance(planned[-1], Pause) and planned[-1].reason != "mark":
        planned.pop()
    if not any(isinstance(segment, Speak) for segment in planned):
        raise TextError("there is nothing to speak in the text: it is empty, or only marks and decoration")
    return planned


def _runs(events: list[Event], lexicon: Lexicon | None, tongue: Tongue) -> Iterator[str | Pause | Boundary]:
    """Texts between pauses and boundaries, as one each."""
    run: list[str] = []
    for event in events:
        if isinstance(event, Said):
            if event.how in (None, "alias"):
                run.append(lexicon.apply(event.text) if lexicon and event.how is None else event.text)
            else:
                run.append(say_as(event.text, event.how, tongue))
            continue
        yield "".join(run)
        yield event
        run = []
    yield "".join(run)


def _spoken(text: str, tongue: Tongue, normalise: bool, budget: int, measure: Measure, pauses: Pauses) -> Iterator[Segment]:
    """The pieces of a run; after each its pause, but none after the last."""
    waiting: Pause | None = None
    for paragraph in paragraphs(text):
        said = [_one_line(read_out(s, tongue.code) if normalise else s) for s in sentences(paragraph, tongue.code)]
        for piece in pack_sentences([sentence for sentence in said if _speakable(sentence)], budget, measure):
            if waiting is not None:
                yield waiting
            yield Speak(piece.text)
            reason: Reason = "word" if piece.ending == "cut" else piece.ending
            waiting = Pause(getattr(pauses, reason), reason)


def _one_line(text: str) -> str:
    """White space as single spaces; none for a line break between characters of a script without spaces."""

    def space(match: re.Match[str]) -> str:
        left, right = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
        wide = "\n" in match[0] and all(c and is_dense(c) and not "\uac00" <= c <= "\ud7a3" for c in (left, right))
        return "" if wide else " "

    return SPACE.sub(space, text).strip()


def _speakable(text: str) -> bool:
    """Holds a letter, a number or a symbol, not only punctuation."""
    return any(unicodedata.category(c)[0] in "LNS" for c in text)


def _pause(planned: list[Segment], pause: Pause) -> None:
    """Adds a pause. Of several without speech between, those that the text asks for add up; else the longest counts."""
    last = planned[-1] if planned else None
    if pause.reason != "mark" and (last is None or (isinstance(last, Pause) and last.reason == "mark")):
        return
    if isinstance(last, Pause):
        if last.reason == pause.reason == "mark":
            pause = Pause(last.seconds + pause.seconds)
        elif pause.reason != "mark" and last.seconds >= pause.seconds:
            return
        planned.pop()
    planned.append(pause)
