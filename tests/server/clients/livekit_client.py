"""LiveKit's OpenAI plugin as it comes: mp3 within events. Prints rate and seconds of what it decoded."""

import asyncio
import json
import sys

from livekit.plugins import openai


async def main(url: str, text: str) -> None:
    tts = openai.TTS(base_url=f"{url}/v1", api_key="unused")
    async with tts.synthesize(text) as stream:
        frames = [event.frame async for event in stream]
    await tts.aclose()
    samples = sum(frame.samples_per_channel for frame in frames)
    print(json.dumps({"rate": frames[0].sample_rate, "seconds": samples / frames[0].sample_rate}))


asyncio.run(main(*sys.argv[1:]))
