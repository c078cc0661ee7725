"""As codec.py, while codes arrive: the decoder keeps a state, and any cutting of the codes gives the same samples.

python stream_codec.py MODEL RECORDING      any model, or a codec's own directory
"""

import sys

import soundfile
import torch

from qwen_tts import Qwen3TTSTokenizer

tokenizer = Qwen3TTSTokenizer.from_pretrained(sys.argv[1], device_map="auto")
codes = tokenizer.encode(sys.argv[2]).audio_codes[0]  # [T, Q]

decoder = tokenizer.codec.decoder
state = decoder.init_state(1)
with soundfile.SoundFile("decoded_stream.wav", "w", tokenizer.get_output_sample_rate(), channels=1) as file:
    for few in codes.split(4):  # 320 ms
        with torch.inference_mode():
            samples = decoder(few[None], state)[0]
        file.write(samples.cpu().numpy())
