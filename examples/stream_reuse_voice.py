"""As reuse_voice.py, while it is made: several lines at once in one voice.

python stream_reuse_voice.py MODEL RECORDING TRANSCRIPT      a Base model
"""

import sys

import soundfile

from qwen_tts import Qwen3TTSModel

model = Qwen3TTSModel.from_pretrained(sys.argv[1], device_map="auto")
voice = model.create_voice_clone_prompt(ref_audio=sys.argv[2], ref_text=sys.argv[3])

lines = ["First, beat the eggs.", "Then fold in the flour.", "Now wait."]
files = [soundfile.SoundFile(f"stream_step_{n}.wav", "w", model.sample_rate, channels=1) for n in range(len(lines))]
for chunk in model.stream_voice_clone(text=lines, language="English", voice_clone_prompt=voice, seed=1):
    files[chunk.row].write(chunk.samples)
for file in files:
    file.close()
