"""As voice_design.py, while it is made.

python stream_voice_design.py MODEL      a VoiceDesign model
"""

import sys

import soundfile

from qwen_tts import Qwen3TTSModel

model = Qwen3TTSModel.from_pretrained(sys.argv[1], device_map="auto")

with soundfile.SoundFile("designed_stream.wav", "w", model.sample_rate, channels=1) as file:
    for chunk in model.stream_voice_design(
        text="Nobody has slept in this castle for a hundred years.",
        language="English",
        instruct="An old woman with a dry, crackling voice who enjoys a good fright.",
        seed=1,
    ):
        file.write(chunk.samples)
