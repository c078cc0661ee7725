"""Token ids of a text that is still coming: the same ids, in the same order, as of the whole text at once.

    pieces   "The ke" "ttle is on" ", and"        from a language model, say, cut anywhere
    ids of   -        "The" " kettle" " is"  ..   up to the last place where no later character can change a word

BPE never looks beyond a word, and words are cut by a rule that looks at characters' kinds (`text.SPLITS`). So what may still
change is held back: the letters at the end, and punctuation and white space at the end, which can go with what follows.
"""

from collections.abc import Iterable, Iterator
from unicodedata import category

from .errors import TextError
from .text import TextTokenizer


def incoming_ids(tokenizer: TextTokenizer, pieces: Iterable[str]) -> Iterator[int]:
    """The ids of `tokenizer.target_ids("".join(pieces))`, each as soon as it is certain.

    A piece is asked for only when an id is asked for that the pieces so far do not settle.

    Raises:
        TextError: at the end, when there was nothing but white space; or the text is not valid Unicode.
    """
    held, begun = "", False
    for piece in pieces:
        held += piece
        cut = _settled(held)
        if cut:
            yield from tokenizer.encode(held[:cut]) if begun else tokenizer.target_ids(held[:cut])
            held, begun = held[cut:], True
    if not begun and not held.strip():
        raise TextError("the text is empty")
    yield from tokenizer.encode(held) if begun else tokenizer.target_ids(held)


def _settled(text: str) -> int:
    """How many characters at the start make whole words, whatever follows the text."""
    return next((i for i in range(len(text) - 1, 0, -1) if _is_boundary(text[i - 1], text[i])), 0)


def _is_boundary(left: str, right: str) -> bool:
    """Whether every rule of `text.SPLITS` ends a word between the two and could not tell that they met.

        left            right
        letter, digit   punctuation, white space     a word of letters ends; marks (accents) could still join it
        no white space  digit                        a digit is a word
        no white space  a blank, but no line break   line breaks go with punctuation before them

    None of these pairs is joined by Unicode's normal form C. A run of white space is not cut: its last one may go with what
    follows it.
    """  # fmt: skip
    if left.isspace():
        return False
    kind = category(right)
    if kind[0] == "N" or kind == "Zs" or right == "\t":
        return True
    return category(left)[0] in "LN" and (kind[0] in "PSZ" or right in "\r\n")
