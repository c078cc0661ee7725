"""As voice_clone.py, while it is made.

python stream_voice_clone.py MODEL RECORDING TRANSCRIPT      a Base model
"""

import sys

import soundfile

from qwen_tts import Qwen3TTSModel

model = Qwen3TTSModel.from_pretrained(sys.argv[1], device_map="auto")
recording, transcript = sys.argv[2:4]

for name, voice in {
    "stream_clone": {"ref_audio": recording, "ref_text": transcript},
    "stream_x_vector": {"ref_audio": recording, "x_vector_only_mode": True},
}.items():
    with soundfile.SoundFile(f"{name}.wav", "w", model.sample_rate, channels=1) as file:
        for chunk in model.stream_voice_clone(text="I never said this.", language="English", seed=1, **voice):
            file.write(chunk.samples)
