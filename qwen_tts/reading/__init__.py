"""Reading: a text of any length and kind -> pieces to speak and pauses, and the pieces' audio -> one wave.

Rules and words only: nothing here knows a model, a tokenizer or a stream. `plan` is for texts, `Joiner` for audio.
"""

from .join import Joiner
from .lexicon import Lexicon
from .normalise import normalise
from .options import Reading
from .plan import Pauses, plan
from .segments import Pause, Segment, Speak
from .sentences import paragraphs, sentences
from .split import Piece, pack

__all__ = [
    "Joiner",
    "Lexicon",
    "Pause",
    "Pauses",
    "Piece",
    "Reading",
    "Segment",
    "Speak",
    "normalise",
    "pack",
    "paragraphs",
    "plan",
    "sentences",
]
