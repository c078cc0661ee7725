"""Is a recording fit to be cloned? What cannot be heard, or was spoilt when it was recorded, makes no voice."""

import numpy as np

from .errors import AudioError, TextError

MIN_SECONDS = 0.3  # less holds no voice
MAX_SECONDS = 60.0  # more makes the prompt long and slow and the voice no better
SILENCE = 1e-3  # a peak of -60 dB of full scale
CLIPPED = 0.01  # of all samples; a hundredth is heard as distortion, and would be learnt as part of the voice
LETTERS_PER_SECOND = 60  # the fastest speakers reach half of that


def check_reference(wave: np.ndarray, rate: int) -> None:
    """Looks at a mono wave [N].

    Raises:
        AudioError: shorter than 0.3 s, longer than 60 s, silent, or badly clipped.
    """
    seconds = len(wave) / rate
    if seconds < MIN_SECONDS:
        raise AudioError(f"the reference audio lasts {seconds:.2f} s; at least {MIN_SECONDS} s are needed, 5 to 15 s are best")
    if seconds > MAX_SECONDS:
        raise AudioError(
            f"the reference audio lasts {seconds:.0f} s; the limit is {MAX_SECONDS:.0f} s, 5 to 15 s are best: cut it"
        )
    if np.ptp(wave) / 2 < SILENCE:  # a constant offset is no sound
        if abs(offset := float(wave.mean())) > SILENCE:
            raise AudioError(
                f"the reference audio is silent: all its samples are about {offset:.2g}; record it again, by another input"
            )
        raise AudioError("the reference audio is silent: its peak is below -60 dB of full scale; record it again, louder")
    if (share := _clipped(wave)) > CLIPPED:
        raise AudioError(
            f"the reference audio is clipped: {share:.0%} of it is cut off at the extremes; record it again, less loud"
        )


def check_transcript(text: str, seconds: float) -> None:
    """Whether that can have been said in this time.

    Raises:
        TextError: nobody speaks so fast, so it is another recording's transcript.
    """
    if len(text) > LETTERS_PER_SECOND * max(seconds, 1):
        raise TextError(
            f"ref_text has {len(text)} characters and ref_audio lasts {seconds:.1f} s: nobody speaks so fast; "
            "give what is said in the recording, and only that"
        )


def _clipped(wave: np.ndarray) -> float:
    """The share of samples that lie on flat tops: three or more in a row at the very maximum, or minimum."""
    share = 0.0
    for extreme in (wave.max(), wave.min()):
        at = wave == extreme
        inner = at[:-2] & at[1:-1] & at[2:]
        flat = np.zeros_like(at)
        for shift in range(3):
            flat[shift : len(wave) - 2 + shift] |= inner
        share += float(flat.mean())
    return share
