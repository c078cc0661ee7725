"""DistillMOS: how natural speech sounds on the 1..5 scale of listening tests, predicted from the wave alone.

Needs `pip install --no-deps -r requirements/test.txt`. For orientation: studio voices 4.6, human recordings 3.9-4.3,
statistical voices about 3, formant synthesis about 2.5.
"""

import contextlib
import io
import sys
import types
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from ..audio import resample
from .metric import Clip, Score

RATE = 16000  # Hz, what the predictor hears


@contextlib.contextmanager
def without_torchaudio() -> Iterator[None]:
    """The package imports torchaudio for its command line only; an empty module stands in while it is imported."""
    absent = "torchaudio" not in sys.modules
    if absent:
        sys.modules["torchaudio"] = types.ModuleType("torchaudio")
    try:
        yield
    finally:
        if absent:
            del sys.modules["torchaudio"]


class DistillMos:
    """Mean of the clips' predicted opinion scores. The predictor pads clips shorter than its 7.68 s window with silence."""

    name = "DistillMOS"

    def __init__(self) -> None:
        with without_torchaudio(), contextlib.redirect_stdout(io.StringIO()):  # it prints where its weights lie
            from distillmos import ConvTransformerSQAModel

            self.model = ConvTransformerSQAModel().eval()

    @torch.inference_mode()
    def __call__(self, clips: Sequence[Clip]) -> Score:
        waves = [np.clip(resample(c.samples, c.rate, RATE), -1, 1) for c in clips]
        each = tuple(self.model(torch.from_numpy(wave)[None]).item() for wave in waves)
        return Score(sum(each) / len(each), each)
