"""How one utterance is generated, and how long it may get."""

from dataclasses import asdict, dataclass, field, fields
from numbers import Real
from typing import Any, Self

from ..config import GenerationConfig
from ..errors import ConfigError, OptionError, TextError
from ..prompt import Prompt
from ..sampling import SamplingOptions

BASE_FRAMES = 50  # 4 s for silence around the speech and for one symbol that is read as a long phrase


@dataclass(frozen=True, slots=True)
class GenerationOptions:
    """How one utterance is generated.

    Attributes:
        talker, predictor: how code 0 and the other codes are sampled.
        max_new_tokens: as officially, one more than the most frames that can come out.
        frames_per_token: the frame budget is 50 plus this many frames for each token of the text; None: no budget. At 12.5
            frames a second the default gives a token a second. Read calmly, a token of the released vocabulary (most of an
            English word, one or two Chinese characters, one digit) takes a third of that, and one of a small vocabulary
            less, so speech that is merely slow stays within it.
        stop_loops: end an utterance that repeats itself for some five seconds.
    Raises:
        OptionError: a value is out of range.
    """

    talker: SamplingOptions = field(default_factory=lambda: SamplingOptions(repetition_penalty=1.05))
    predictor: SamplingOptions = field(default_factory=SamplingOptions)
    max_new_tokens: int = 2048
    frames_per_token: float | None = 12.0
    stop_loops: bool = True

    def __post_init__(self) -> None:
        if self.max_new_tokens < 2:
            raise OptionError(f"max_new_tokens must be at least 2, not {self.max_new_tokens}")
        budget = self.frames_per_token
        if budget is not None and not (isinstance(budget, Real) and 0 < budget < float("inf")):
            raise OptionError(f"frames_per_token must be a number above 0, or None for no budget, not {budget!r}")
        if not isinstance(self.stop_loops, bool):
            raise OptionError(f"stop_loops must be True or False, not {self.stop_loops!r}")

    @classmethod
    def from_config(cls, config: GenerationConfig, **overrides: Any) -> Self:
        """The model's own options, with the caller's keywords before them.

        Args:
            config: the model's `generation_config.json`.
            overrides: the fields of `GenerationConfig`, for which None means "as the model says"; and `frames_per_token`,
                `stop_loops`, which are ours.
        Raises:
            OptionError: an unknown keyword (the message lists the known ones), or a value of the wrong type or range.
        """
        ours = {name: overrides.pop(name) for name in ("frames_per_token", "stop_loops") if name in overrides}
        known = [f.name for f in fields(GenerationConfig)]
        if unknown := sorted(set(overrides) - set(known)):
            raise OptionError(f"unknown option {unknown[0]!r}; known are {', '.join(known)}, frames_per_token, stop_loops")
        given = {name: value for name, value in overrides.items() if value is not None}
        try:
            c = GenerationConfig.from_dict(asdict(config) | given, "options")
        except ConfigError as error:
            raise OptionError(str(error)) from None
        talker = SamplingOptions(c.do_sample, c.temperature, c.top_k, c.top_p, c.repetition_penalty)
        predictor = SamplingOptions(c.subtalker_dosample, c.subtalker_temperature, c.subtalker_top_k, c.subtalker_top_p)
        return cls(talker, predictor, c.max_new_tokens, **ours)

    def room(self, prompt: Prompt, context: int) -> int:
        """The most frames that a text of any length may have in a model of `context` positions.

        Raises:
            TextError: none, the prompt fills the context.
        """
        frames = min(self.max_new_tokens - 1, context - prompt.embeddings.shape[0])
        if frames < 1:
            raise TextError(f"the prompt fills all {context} positions of the model; speak the text in parts")
        return frames

    def limit(self, prompt: Prompt, context: int) -> tuple[int, str]:
        """The most frames that this text may have, and the reason if it gets there. Raises as `room` does."""
        room = self.room(prompt, context)
        budget = room if self.frames_per_token is None else BASE_FRAMES + int(self.frames_per_token * prompt.text_tokens)
        return (budget, "budget") if budget < room else (room, "length")
