"""As design_then_clone.py, the lines while they are made.

python stream_design_then_clone.py DESIGN_MODEL BASE_MODEL
"""

import sys

import numpy as np
import soundfile

from qwen_tts import Qwen3TTSModel

designer = Qwen3TTSModel.from_pretrained(sys.argv[1], device_map="auto")
said, character = "Tickets, please. No, not that one. The other pocket.", "A weary train conductor, close to retirement."
chunks = designer.stream_voice_design(text=said, language="English", instruct=character, seed=1)
recording = np.concatenate([chunk.samples for chunk in chunks])

model = Qwen3TTSModel.from_pretrained(sys.argv[2], device_map="auto")
voice = model.create_voice_clone_prompt(ref_audio=(recording, designer.sample_rate), ref_text=said)
for number, line in enumerate(["Next stop, the seaside.", "Mind the step."]):
    with soundfile.SoundFile(f"conductor_stream_{number}.wav", "w", model.sample_rate, channels=1) as file:
        for chunk in model.stream_voice_clone(text=line, language="English", voice_clone_prompt=voice, seed=number):
            file.write(chunk.samples)
