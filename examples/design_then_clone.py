"""Make up a voice with one model, then speak many lines with it: the character stays the same from line to line.

python design_then_clone.py DESIGN_MODEL BASE_MODEL
"""

import sys

import soundfile

from qwen_tts import Qwen3TTSModel

designer = Qwen3TTSModel.from_pretrained(sys.argv[1], device_map="auto")
said = "Tickets, please. No, not that one. The other pocket."
waves, rate = designer.generate_voice_design(
    text=said, language="English", instruct="A weary train conductor, polite, close to retirement.", seed=1
)
soundfile.write("conductor.wav", waves[0], rate)

model = Qwen3TTSModel.from_pretrained(sys.argv[2], device_map="auto")
voice = model.create_voice_clone_prompt(ref_audio=(waves[0], rate), ref_text=said)
lines = ["Next stop, the seaside.", "Mind the step.", "This is where I get off."]
waves, rate = model.generate_voice_clone(text=lines, language="English", voice_clone_prompt=voice, seed=1)
for number, wave in enumerate(waves):
    soundfile.write(f"conductor_{number}.wav", wave, rate)
