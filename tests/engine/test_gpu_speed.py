"""The GPU benchmark on a CPU: it measures what it says, and says where it cannot."""

import runpy
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from miniature import codec_config
from utterances import config

from qwen_tts.codec.codec import Codec
from qwen_tts.config import CodecConfig
from qwen_tts.sampling import SamplingOptions

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return runpy.run_path(str(BENCHMARKS / "gpu_speed.py"))


@pytest.mark.parametrize("engine", ["eager", "cuda-graph"])
def test_a_row_of_the_table(script, engine, monkeypatch):
    inside = script["measure"].__globals__
    monkeypatch.setitem(inside, "CODE0", SamplingOptions(top_k=5))  # so few that a miniature does not end
    talker = script["randomised"](config(), torch.device("cpu"), torch.float32)
    row = script["measure"](engine, talker, Codec(CodecConfig.from_dict(codec_config())), batch=2, frames=6, runs=1)
    assert row["engine"] == engine and row["batch"] == 2
    assert 0 < row["ttfa_ms"] / 1000 <= row["rtf"] * 6 * 0.08 + 1e-3


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so(script, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["gpu_speed.py"])
    with pytest.raises(SystemExit, match="needs an NVIDIA GPU .* docs/gpu.md"):
        script["main"]()
