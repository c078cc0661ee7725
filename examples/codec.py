"""The codec alone: audio to codes and back, one recording or several, codes in each form that can be sent somewhere.

python codec.py MODEL RECORDING      any model, or a codec's own directory
"""

import sys

import soundfile

from qwen_tts import Qwen3TTSTokenizer

tokenizer = Qwen3TTSTokenizer.from_pretrained(sys.argv[1], device_map="auto")
samples, rate = soundfile.read(sys.argv[2])

encoded = tokenizer.encode(sys.argv[2])  # a path, a URL, base64, bytes, an open file
waves, out_rate = tokenizer.decode(encoded)
soundfile.write("decoded.wav", waves[0], out_rate)
print(f"{len(samples) / rate:.2f} s of audio in {list(encoded.audio_codes[0].shape)} codes")

several = tokenizer.encode([samples, samples[: len(samples) // 2]], sr=rate)  # arrays come with their rate
waves, out_rate = tokenizer.decode(several)
for number, wave in enumerate(waves):
    soundfile.write(f"decoded_{number}.wav", wave, out_rate)

# What crosses a network: plain numbers.
payload = [{"audio_codes": codes.tolist()} for codes in several.audio_codes]
waves, out_rate = tokenizer.decode(payload)
soundfile.write("decoded_payload.wav", waves[1], out_rate)
