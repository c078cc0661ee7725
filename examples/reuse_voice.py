"""A voice made once, spoken with as often as wanted: for a batch, and text by text.

python reuse_voice.py MODEL RECORDING TRANSCRIPT      a Base model
"""

import sys

import soundfile

from qwen_tts import Qwen3TTSModel

model = Qwen3TTSModel.from_pretrained(sys.argv[1], device_map="auto")
voice = model.create_voice_clone_prompt(ref_audio=sys.argv[2], ref_text=sys.argv[3])

lines = ["First, beat the eggs.", "Then fold in the flour.", "Now wait."]
waves, rate = model.generate_voice_clone(text=lines, language="English", voice_clone_prompt=voice, seed=1)
for number, wave in enumerate(waves):
    soundfile.write(f"step_{number}.wav", wave, rate)

# The same seeds give the same lines one by one.
for number, line in enumerate(lines):
    waves, rate = model.generate_voice_clone(text=line, language="English", voice_clone_prompt=voice, seed=1 + number)
    soundfile.write(f"single_{number}.wav", waves[0], rate)
