"""Pipecat's OpenAI service with its default voice. Prints rate and seconds of the frames that come out of a pipeline."""

import asyncio
import json
import sys

from pipecat.frames.frames import EndFrame, Frame, TTSAudioRawFrame, TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineParams, PipelineTask
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.openai.tts import OpenAITTSService

RATE = 24_000


class Ear(FrameProcessor):
    def __init__(self) -> None:
        super().__init__()
        self.samples = 0

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSAudioRawFrame):
            assert frame.sample_rate == RATE
            self.samples += len(frame.audio) // 2
        await self.push_frame(frame, direction)


async def main(url: str, text: str) -> None:
    ear = Ear()
    service = OpenAITTSService(api_key="unused", base_url=f"{url}/v1")
    task = PipelineTask(Pipeline([service, ear]), params=PipelineParams(audio_out_sample_rate=RATE))
    await task.queue_frames([TTSSpeakFrame(text), EndFrame()])
    await PipelineRunner(handle_sigint=False).run(task)
    print(json.dumps({"rate": RATE, "seconds": ear.samples / RATE}))


asyncio.run(main(*sys.argv[1:]))
