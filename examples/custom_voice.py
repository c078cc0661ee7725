"""A preset voice: one text, a batch, an instruction, the language left to the model.

python custom_voice.py MODEL      a CustomVoice model, or "tiny"
"""

import sys

import soundfile

from qwen_tts import Qwen3TTSModel

model = Qwen3TTSModel.from_pretrained(sys.argv[1], device_map="auto")
first, *others = model.get_supported_speakers()

waves, rate = model.generate_custom_voice(text="The ferry leaves at nine.", language="English", speaker=first, seed=1)
soundfile.write("one.wav", waves[0], rate)

# A batch: what is one for all texts may be given once. Each text has its own random numbers, seed + its place.
waves, rate = model.generate_custom_voice(
    text=["Tickets are on the left.", "Dogs travel free of charge."],
    language=["English", "English"],
    speaker=[first, others[0] if others else first],
    seed=2,
)
for number, wave in enumerate(waves):
    soundfile.write(f"batch_{number}.wav", wave, rate)

# Without a language the model tells from the text.
waves, rate = model.generate_custom_voice(text="Mind the gap, please.", speaker=first)
soundfile.write("any_language.wav", waves[0], rate)

# Large models follow instructions; small ones say so instead of ignoring them.
if model.config.tts_model_size not in ("0b6", "tiny"):
    waves, rate = model.generate_custom_voice(text="We are late again.", speaker=first, instruct="Sighing, very tired.")
    soundfile.write("tired.wav", waves[0], rate)

# The pair is more than a pair: how did it come about?
result = model.generate_custom_voice(text="All aboard!", speaker=first, seed=3, speed=1.0)
for details in result.details:
    print(details.finish_reason, details.frames, "frames,", f"{details.seconds:.2f} s of computing, seed {details.seed}")
