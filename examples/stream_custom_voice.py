"""As custom_voice.py, while it is made: the first chunk is one frame of 80 ms.

python stream_custom_voice.py MODEL      a CustomVoice model, or "tiny"
"""

import sys

import soundfile

from qwen_tts import Qwen3TTSModel

model = Qwen3TTSModel.from_pretrained(sys.argv[1], device_map="auto")
speaker = model.get_supported_speakers()[0]

with soundfile.SoundFile("streamed.wav", "w", model.sample_rate, channels=1) as file:  # or a sound card, or a socket
    for chunk in model.stream_custom_voice(text="The ferry leaves at nine.", speaker=speaker, seed=1):
        file.write(chunk.samples)

# A batch: the chunks of all texts come in turn.
files = [soundfile.SoundFile(f"streamed_{number}.wav", "w", model.sample_rate, channels=1) for number in range(2)]
texts = ["Tickets are on the left.", "Dogs travel free of charge."]
for chunk in model.stream_custom_voice(text=texts, speaker=speaker, language="English", schedule=[2, 4]):
    files[chunk.row].write(chunk.samples)
    if chunk.finish_reason is not None:
        files[chunk.row].close()
        print(texts[chunk.row], chunk.finish_reason)

# Enough after a second: leaving the block ends the work.
with model.stream_custom_voice(text="This goes on for longer than anyone will listen.", speaker=speaker) as chunks:
    for chunk in chunks:
        if chunk.first_frame > 12:
            break

if model.config.tts_model_size not in ("0b6", "tiny"):
    for chunk in model.stream_custom_voice(text="We are late again.", speaker=speaker, instruct="Sighing, very tired."):
        print(chunk.first_frame, len(chunk.samples))
