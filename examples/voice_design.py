"""A voice from a description: one text, and a batch of texts with a description each.

python voice_design.py MODEL      a VoiceDesign model
"""

import sys

import soundfile

from qwen_tts import Qwen3TTSModel

model = Qwen3TTSModel.from_pretrained(sys.argv[1], device_map="auto")

waves, rate = model.generate_voice_design(
    text="Nobody has slept in this castle for a hundred years.",
    language="English",
    instruct="An old woman with a dry, crackling voice who enjoys a good fright.",
    seed=1,
)
soundfile.write("designed.wav", waves[0], rate)

waves, rate = model.generate_voice_design(
    text=["Who is there?", "Only the wind."],
    instruct=["A frightened child, whispering.", "A deep and sleepy giant."],
    seed=2,
)
for number, wave in enumerate(waves):
    soundfile.write(f"designed_{number}.wav", wave, rate)
