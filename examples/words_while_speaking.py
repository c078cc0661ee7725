"""Words come from somewhere slow, such as a language model, and are spoken while more of them come. Then the same on asyncio.

python words_while_speaking.py MODEL      a CustomVoice model, or "tiny"
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator

import soundfile

from qwen_tts import Qwen3TTSModel

STORY = "Once there was a kettle that would not boil, however long anyone looked at it."


def words() -> Iterator[str]:
    for word in STORY.split(" "):
        time.sleep(0.02)
        yield f"{word} "


async def words_later() -> AsyncIterator[str]:
    for word in STORY.split(" "):
        await asyncio.sleep(0.02)
        yield f"{word} "


async def main(model: Qwen3TTSModel, speaker: str) -> None:
    with soundfile.SoundFile("story_async.wav", "w", model.sample_rate, channels=1) as file:
        async for chunk in model.astream_custom_voice(text=words_later(), speaker=speaker, language="English", seed=1):
            file.write(chunk.samples)


model = Qwen3TTSModel.from_pretrained(sys.argv[1], device_map="auto")
speaker = model.get_supported_speakers()[0]
with soundfile.SoundFile("story.wav", "w", model.sample_rate, channels=1) as file:
    for chunk in model.stream_custom_voice(text=words(), speaker=speaker, language="English", seed=1):
        file.write(chunk.samples)
asyncio.run(main(model, speaker))
