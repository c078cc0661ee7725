"""How a talker is taught: what is shown of clips, and how what is shown is learned."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TalkerOptions:
    steps: int
    tokens: int = 2000  # positions a batch, padding included
    accumulate: int = 1  # batches a step, of each process
    peak: float = 1e-3
    seed: int = 0
    predictor_share: float = 1.0  # of the frames of a batch, chosen at random
    predictor_weight: float = 3.0  # the later codes hold most of the sound
    beginning: float = 1.0  # the later codes of a clip's first frame, which choose the voice, count as those of so many
    beginnings: int = 0  # beside each batch, of so many more clips of voices without a name the first frame is learned
    voice_weight: float = 10.0  # what is asked of the hidden states there
    streaming_share: float = 0.15  # of the clips, in the layout where text comes while speaking
    guide_layers: tuple[int, ...] = (3, 5)
    guide_weight: float = 0.3
    guide_steps: int = 6000  # the hint fades out until then
    guide_slack: float = 2.0  # bytes of text that a frame's place may be off
    hidden: float = 0.4  # at most so many of a clip's past frames are hidden from the talker, drawn evenly for each clip
    wrong: float = 0.3  # of the hidden frames show another frame instead of nothing
    excerpts: float = 0.15  # of the clips only a run of words is shown, so that short and unfinished texts are known, too
    cloned: float = 0.35  # of the clips are spoken in the voice of a recording, if there is a speaker encoder
    described: float | None = None  # of the speech that is shown is of described voices; None: as much as one speaker of theirs
    in_context: float = 0.5  # of these go on from a recording whose words are known
    vector_noise: float = 0.25  # of given speaker vectors, whose parts are of size 1
    spelled: float = 0.05  # of the words are given letter by letter, so that rare pieces are learned from common words
    bf16: bool = True
    compiled: bool = False
