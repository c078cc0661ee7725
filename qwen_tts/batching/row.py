"""One utterance on its way through a scheduler."""

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor

from ..open_prompt import OpenPrompt
from ..prompt import Prompt
from ..sound import RowSound
from ..stream import Utterance
from ..talker.row import FrameRow
from .playback import Playback
from .speech import LiveSpeech
from .text_ahead import TextAhead


@dataclass(eq=False, slots=True)
class Row:
    """All that is kept of it.

    Attributes:
        speech, number: whose it is, and its number there.
        schedule: the most frames in each chunk; the last number holds for all that follow.
        frames: what the host knows of its frames.
        sound: its way from frames to chunks.
        text: where its prompt comes from while that is still coming.
        urgent: its listener has been listening already.
        pending: frames that are not decoded, codes [Q] each.
        chunks: how many it has had.
        decoding: a thread is decoding frames of it.
        entered: when it got its place in the engine.
        over: nothing more is to be done for it.
    """

    speech: LiveSpeech
    number: int
    schedule: tuple[int, ...]
    frames: FrameRow
    sound: RowSound
    wake: Callable[[], None]
    urgent: bool = False
    text: TextAhead | None = None
    pending: list[Tensor] = field(default_factory=list)
    chunks: int = 0
    decoding: bool = False
    entered: float | None = None
    over: bool = False
    text_ended: bool = False

    def check(self) -> None:
        """Begins to listen to text that is still coming. Raises TextError for a prompt that fills the model's context."""
        if isinstance(self.utterance.prompt, OpenPrompt):
            self.text = TextAhead(self.utterance.prompt, self.wake)
        else:
            self.frames.begin(self.utterance.prompt)

    @property
    def utterance(self) -> Utterance:
        return self.speech.utterances[self.number]

    @property
    def playback(self) -> Playback:
        return self.speech.playbacks[self.number]

    @property
    def size(self) -> int:
        """The most frames in its next chunk."""
        return self.schedule[min(self.chunks, len(self.schedule) - 1)]

    @property
    def prompt(self) -> Prompt | None:
        """What it begins with; None while it waits for text. Raises what the text raised."""
        if self.text is not None:
            return self.text.begun
        assert isinstance(self.utterance.prompt, Prompt)
        return self.utterance.prompt

    @property
    def needs_text(self) -> bool:
        """Whether its next frame needs another id of its text."""
        return self.text is not None and not self.text_ended and self.frames.reads_on

    @property
    def waits_for_text(self) -> bool:
        """Whether that id is not there."""
        return self.needs_text and self.text is not None and not self.text.there

    def next_text(self) -> Tensor | None:
        """Takes that id, if one is needed: its embedding [D]. Raises what the text raised."""
        if not self.needs_text or self.text is None or (item := self.text.more()) is None:
            return None
        following, tokens = item
        self.text_ended = following is None
        if following is not None:
            self.frames.grow(tokens)
        return following

    def end(self) -> None:
        """Nothing more is to be done."""
        self.over = True
        if self.text is not None:
            self.text.stop()
