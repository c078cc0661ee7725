"""Someone's voice from a recording, however the recording comes. Ask them first.

python voice_clone.py MODEL RECORDING TRANSCRIPT [URL]      a Base model; URL of the same recording
"""

import base64
import sys
from pathlib import Path

import soundfile

from qwen_tts import Qwen3TTSModel

model = Qwen3TTSModel.from_pretrained(sys.argv[1], device_map="auto")
path, transcript, *urls = sys.argv[2:]
content = Path(path).read_bytes()
samples, rate = soundfile.read(path)

recordings = {
    "path": path,
    "base64": base64.b64encode(content).decode(),
    "data_url": f"data:audio/wav;base64,{base64.b64encode(content).decode()}",
    "array": (samples, rate),
    "bytes": content,
} | ({"url": urls[0]} if urls else {})
for name, recording in recordings.items():
    waves, out_rate = model.generate_voice_clone(
        text="I never said this.", language="English", ref_audio=recording, ref_text=transcript, seed=1
    )
    soundfile.write(f"clone_{name}.wav", waves[0], out_rate)

with open(path, "rb") as file:  # an open file; and without a transcript only the voice's colour is taken
    waves, out_rate = model.generate_voice_clone(
        text="Nor this.", language="English", ref_audio=file, x_vector_only_mode=True, seed=1
    )
soundfile.write("clone_x_vector.wav", waves[0], out_rate)
