"""The Python of a document whose code lost its fences and its indentation is found, adapted and run."""

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.run_document import snippets, substituted

SCRIPT = Path(__file__).parent.parent / "scripts" / "run_document.py"
DOCUMENT = """How to speak: a guide
1. A preset voice
Install first:
pip install -U something
MAX_JOBS=4 pip install -U other --no-build-isolation
import torch
import soundfile as sf
from qwen_tts import Qwen3TTSModel
model = Qwen3TTSModel.from_pretrained(
"Qwen/Qwen3-TTS-12Hz-1.7B-CustomVoice",
device_map="cuda:0",
dtype=torch.bfloat16,
attn_implementation="flash_attention_2",
)
# One text
waves, rate = model.generate_custom_voice(
text="The house (of the mouse)", # a comment
speaker="Ryan",
max_new_tokens=8,
)
sf.write("preset.wav", waves[0], rate)
That was easy. For more, import your own voice:
Note: if unsure, ask.
2. A voice from a recording
import soundfile as sf
from qwen_tts import Qwen3TTSModel
model = Qwen3TTSModel.from_pretrained(
"Qwen/Qwen3-TTS-12Hz-0.6B-Base",
device_map="cuda:0",
)
recording = "https://example.com/somebody.wav"
Reuse
The voice is kept:
items = model.create_voice_clone_prompt(
ref_audio=recording,
ref_text="a mouse",
)
waves, rate = model.generate_voice_clone(
text=["A.", "B."],
voice_clone_prompt=items,
max_new_tokens=8,
)
for i, wave in enumerate(waves):
sf.write(f"clone_{i}.wav", wave, rate)
3. The command line
# Say something
qwen-tts say --model X
(done)
```python
for chunk in model.stream_voice_clone(text="C.", voice_clone_prompt=items, max_new_tokens=8):
    if chunk.finish_reason:
        print(chunk.finish_reason)

print("end")
```
4. Encode
from qwen_tts import Qwen3TTSTokenizer
tokenizer = Qwen3TTSTokenizer.from_pretrained("Qwen/Qwen3-TTS-Tokenizer-12Hz", device_map="cuda:0")
enc = tokenizer.encode("https://example.com/a/b.wav")
wavs, sr = tokenizer.decode(enc)
"""


def test_snippets_are_code_and_nothing_but_code() -> None:
    found = snippets(DOCUMENT)
    assert [code.splitlines()[0] for code in found] == [
        "import torch", "import soundfile as sf", "items = model.create_voice_clone_prompt(",
        'for chunk in model.stream_voice_clone(text="C.", voice_clone_prompt=items, max_new_tokens=8):',
        "from qwen_tts import Qwen3TTSTokenizer",
    ]  # fmt: skip
    for code in found:
        compile(code, "snippet", "exec")
    assert "# One text" in found[0] and found[0].endswith("waves[0], rate)")
    assert found[2].endswith('\n    sf.write(f"clone_{i}.wav", wave, rate)'), "the body of the loop is indented again"
    assert found[3].endswith('print("end")')
    assert snippets("No code here.\nimport things from abroad\nfor all of us:\nlist(1, 2") == []


def test_only_names_of_models_urls_and_devices_are_replaced() -> None:
    code = 'f("Qwen/Qwen3-TTS-12Hz-0.6B-Base", "https://a.b/c.wav", device="cuda:0", text="Base cuda https://a.b or so")'
    changed = substituted(code, {"Base": "/models/base"}, "http://here/x.wav", "cpu")
    assert changed == "f('/models/base', 'http://here/x.wav', device='cpu', text=\"Base cuda https://a.b or so\")"
    assert substituted(code, {}, "http://here/x.wav", "cuda:1").startswith('f("Qwen/Qwen3-TTS-12Hz-0.6B-Base", ')


@pytest.mark.parametrize("broken", [False, True])
def test_a_document_is_run(tmp_path: Path, broken: bool) -> None:
    document, out = tmp_path / "document.txt", tmp_path / "out"
    document.write_text(DOCUMENT.replace("ref_text=", "transcript=") if broken else DOCUMENT, "utf-8")
    out.mkdir()
    command = [sys.executable, SCRIPT, document, "--miniature", "--out", out]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    written = sorted(path.name for path in out.iterdir())
    if broken:
        assert ended.returncode == 1 and "unexpected keyword argument 'transcript'" in ended.stdout
        assert "3 of 5 snippets ran" in ended.stdout and written == ["preset.wav"]
    else:
        assert (ended.returncode, ended.stdout.splitlines()[-1]) == (0, "5 of 5 snippets ran"), ended.stdout + ended.stderr
        assert written == ["clone_0.wav", "clone_1.wav", "preset.wav"]
