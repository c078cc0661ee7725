"""Text that is still coming, cut into sentences as soon as each is complete; and sentences spoken one after the other."""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace

import numpy as np

from ..chunks import AudioChunk
from ..errors import TextError
from ..reading import paragraphs, sentences

CLAUSE = re.compile(r"(?<=[,;:])\s+|(?<=[，、；：])(?=\S)")
WIDE = ("。", "！", "？")
LONGEST = 400  # characters that are held back for the end of a sentence


class Sentences:
    """Collects pieces of text.

    Args:
        language: a model's name of it, or None.
        clauses: cut after commas and the like, too.
    """

    def __init__(self, language: str | None = None, clauses: bool = False) -> None:
        self._language, self._clauses, self._held = language, clauses, ""

    def add(self, piece: str) -> list[str]:
        """Takes a piece; gives the sentences that are complete: something follows them."""
        self._held += piece
        found = self._cut(self._held)
        if len(found) < 2:
            if len(self._held) < LONGEST:
                return []
            head, blank, tail = self._held.rpartition(" ")
            found = [head or tail, tail if blank else ""]
        self._held = found.pop() + self._held[len(self._held.rstrip()) :]
        return [sentence for sentence in found if sentence.strip()]

    def rest(self) -> list[str]:
        """What is left, as sentences; nothing is held afterwards."""
        held, self._held = self._held, ""
        return self._cut(held)

    def clear(self) -> None:
        """Forgets what is held."""
        self._held = ""

    @property
    def length(self) -> int:
        """Characters that are held."""
        return len(self._held)

    @property
    def empty(self) -> bool:
        """Whether nothing is held."""
        return not self._held.strip()

    def _cut(self, text: str) -> list[str]:
        found = [sentence for paragraph in paragraphs(text) for sentence in sentences(paragraph, self._language)]
        if not self._clauses:
            return found
        return [part for sentence in found for part in CLAUSE.split(sentence)]


def joined(parts: list[str]) -> str:
    """Sentences as one text: with a blank between two, except after a stop of Chinese or Japanese, which needs none."""
    text = "".join(part if part[-1:] in WIDE else f"{part} " for part in parts)
    return text.rstrip()


async def by_sentence(pieces: AsyncIterator[str], language: str | None) -> AsyncGenerator[str, None]:
    """The sentences of a text that is coming, each as soon as it is complete."""
    coming = Sentences(language)
    async for piece in pieces:
        for sentence in coming.add(piece):
            yield sentence
    for sentence in coming.rest():
        yield sentence


async def in_turn(
    parts: AsyncGenerator[str, None], begin: Callable[[str, int], AsyncGenerator[AudioChunk, None]]
) -> AsyncGenerator[AudioChunk, None]:
    """Speaks the parts of a text as one: only the last chunk of all says why the speech ended.

    Args:
        parts: of the text, whenever there are some.
        begin: starts the speech of a part, given its number.
    Raises:
        TextError: there was no part.
    """
    number, reason, last = 0, "eos", None
    async with aclosing(parts):
        async for part in parts:
            async with aclosing(begin(part, number)) as chunks:
                async for chunk in chunks:
                    last, ended = chunk, chunk.finish_reason
                    reason = ended if reason == "eos" and ended is not None else reason
                    if len(chunk.samples):
                        yield replace(chunk, finish_reason=None)
            number += 1
    if last is None:
        raise TextError("Input text cannot be empty")
    yield replace(last, samples=np.zeros(0, np.float32), frames=0, codes=last.codes[:0], finish_reason=reason)
