"""Importing the package, or asking the command for help, loads nothing heavy."""

import subprocess
import sys

import pytest


def modules_after(code: str) -> set[str]:
    report = "import sys; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", f"{code}; {report}"], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "code", ["import qwen_tts", "import qwen_tts.cli", "import qwen_tts; qwen_tts.__version__; dir(qwen_tts)"]
)
def test_no_torch_before_it_is_needed(code: str) -> None:
    loaded = modules_after(code)
    assert loaded & {"torch", "numpy", "safetensors", "tokenizers", "soundfile", "soxr", "huggingface_hub"} == set()


def test_a_public_name_brings_what_it_needs_and_no_more() -> None:
    loaded = modules_after("from qwen_tts import Qwen3TTSModel")
    assert "torch" in loaded
    assert loaded & {"torch._dynamo", "torch._inductor", "scipy", "transformers", "huggingface_hub"} == set()


def test_loading_a_model_brings_no_compiler() -> None:
    loaded = modules_after("from qwen_tts import Qwen3TTSModel; Qwen3TTSModel.from_pretrained('tiny')")
    assert loaded & {"torch._dynamo", "torch._inductor", "sympy"} == set()
