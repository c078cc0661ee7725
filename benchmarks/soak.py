"""Thousands of requests against one server, with all the bad manners of a network: does anything leak, hang or go wrong?

The server is a process of its own. A request is speech in one of the formats, or as events, or through a WebSocket with text
that comes in, or a batch; or a listener who leaves in the middle, a broken body, a body that is not legal. Whatever is heard to
its end is compared with what the same model says offline for the same text and seed: samples for the formats that keep them,
the length for the others. Memory is read from the server's process forty times.
"""

import argparse
import asyncio
import base64
import json
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from io import BytesIO

import av
import httpx
import numpy as np
import torch
import websockets
from report import heldout, publish, table
from served import Server
from tqdm import tqdm

from qwen_tts import Qwen3TTSModel

TEXTS = list(heldout().values())[:8]
SEEDS = range(4)
HANG = 120.0  # seconds
LOSSLESS = ("pcm", "wav", "flac")
PADDED = {"mp3": 3000, "aac": 3200, "opus": 1000}  # samples that an encoder may add
STEPS = 4  # of 16 bits: how speech is batched and cut changes the last bit


class Wrong(Exception):
    """What was heard is not what should have been."""


class Soak:
    def __init__(self, url: str, frames: int, expected: dict[tuple[str, int], np.ndarray], speaker: str) -> None:
        self.url, self.frames, self.expected, self.speaker = url, frames, expected, speaker
        self.client = httpx.AsyncClient(base_url=url, timeout=HANG, limits=httpx.Limits(max_connections=64))

    async def one(self, rng: random.Random) -> str:
        """Makes a request of some kind; returns the kind."""
        kinds: dict[str, tuple[int, Callable[[random.Random], Awaitable[None]]]] = {
            "speech": (8, self.speech), "events": (2, self.events), "websocket": (2, self.websocket), "batch": (1, self.batch),
            "left in the middle": (4, self.leave), "broken body": (1, self.broken), "not legal": (2, self.illegal),
        }  # fmt: skip
        kind = rng.choices(list(kinds), [weight for weight, _ in kinds.values()])[0]
        await asyncio.wait_for(kinds[kind][1](rng), HANG)
        return kind

    def body(self, rng: random.Random, **more: object) -> tuple[dict[str, object], np.ndarray]:
        text, seed = rng.choice(TEXTS), rng.choice(SEEDS)
        body = {"model": "tts-1", "input": text, "voice": self.speaker, "language": "English", "seed": seed}
        return body | {"max_new_tokens": self.frames} | more, self.expected[text, seed]

    async def speech(self, rng: random.Random) -> None:
        form = rng.choice([*LOSSLESS, *PADDED])
        body, expected = self.body(rng, response_format=form)
        reply = await self.client.post("/v1/audio/speech", json=body)
        if reply.status_code != 200:
            raise Wrong(f"{reply.status_code} {reply.text[:200]}")
        self.check(form, reply.content, expected)

    async def events(self, rng: random.Random) -> None:
        body, expected = self.body(rng, response_format="pcm", stream_format="sse")
        reply = await self.client.post("/v1/audio/speech", json=body)
        events = [json.loads(line[6:]) for line in reply.text.splitlines() if line.startswith("data: {")]
        if not events or events[-1]["type"] != "speech.audio.done":
            raise Wrong(f"events end with {events[-1:]}")
        audio = b"".join(base64.b64decode(event["audio"]) for event in events if event["type"] == "speech.audio.delta")
        self.check("pcm", audio, expected)

    async def websocket(self, rng: random.Random) -> None:
        body, expected = self.body(rng)
        config = {"type": "session.config", "response_format": "pcm", "stream_audio": True, "voice": body["voice"]}
        config |= {key: body[key] for key in ("language", "seed", "max_new_tokens")}
        leave, heard = rng.random() < 0.3, b""
        async with websockets.connect(f"ws{self.url[4:]}/v1/audio/speech/stream") as link:
            await link.send(json.dumps(config))
            for word in str(body["input"]).split(" "):
                await link.send(json.dumps({"type": "input.text", "text": f"{word} "}))
            await link.send(json.dumps({"type": "input.done"}))
            while True:
                found = await link.recv()
                if isinstance(found, bytes):
                    heard += found
                    if leave:
                        return
                elif json.loads(found)["type"] == "session.done":
                    break
        self.check("pcm", heard, expected)  # one sentence: it is read as a whole

    async def batch(self, rng: random.Random) -> None:
        made = [self.body(rng, response_format="pcm") for _ in range(3)]
        reply = await self.client.post("/v1/audio/speech/batch", json={"items": [body for body, _ in made]})
        results = reply.json()["results"]
        for result, (_, expected) in zip(results, made, strict=True):
            self.check("pcm", base64.b64decode(result["audio_data"]), expected)

    async def leave(self, rng: random.Random) -> None:
        body, _ = self.body(rng, response_format=rng.choice(["pcm", "mp3"]))
        async with self.client.stream("POST", "/v1/audio/speech", json=body) as reply:
            async for _ in reply.aiter_bytes():
                if rng.random() < 0.5:
                    return

    async def broken(self, rng: random.Random) -> None:
        content = json.dumps(self.body(rng)[0])[: rng.randrange(1, 60)].encode() + rng.randbytes(5)
        reply = await self.client.post("/v1/audio/speech", content=content, headers={"content-type": "application/json"})
        if reply.status_code not in (400, 422):
            raise Wrong(f"a broken body got {reply.status_code}")

    async def illegal(self, rng: random.Random) -> None:
        bad = rng.choice(
            [{"input": ""}, {"voice": "nobody at all"}, {"speed": 99}, {"response_format": "vinyl"}, {"seed": "x"}]
        )
        reply = await self.client.post("/v1/audio/speech", json=self.body(rng, **bad)[0])
        if not 400 <= reply.status_code < 500:
            raise Wrong(f"{bad} got {reply.status_code}")

    def check(self, form: str, audio: bytes, expected: np.ndarray) -> None:
        if form in PADDED or form == "flac":
            with av.open(BytesIO(audio), "r") as file:
                frames = [frame.to_ndarray().ravel() for frame in file.decode(audio=0)]
                rate = file.streams.audio[0].rate
            found = np.concatenate(frames)
            if form in PADDED:
                length = len(found) * 24_000 // rate
                if not 0 <= length - len(expected) + 200 <= PADDED[form]:
                    raise Wrong(f"{form}: {length} samples, {len(expected)} offline")
                return
        else:
            found = np.frombuffer(audio[44:] if form == "wav" else audio, "<i2")
        off = np.abs(found.astype(int) - expected).max() if len(found) == len(expected) else None
        if off is None or off > STEPS:
            raise Wrong(f"{form}: {len(found)} samples, {len(expected)} offline, {off} steps apart")


def offline(name: str, frames: int) -> tuple[dict[tuple[str, int], np.ndarray], str]:
    """16-bit samples by text and seed; the speaker."""
    model = Qwen3TTSModel.from_pretrained(name)
    speaker, made = model.get_supported_speakers()[0], {}
    for text in tqdm(TEXTS, desc="offline"):
        for seed in SEEDS:
            waves, _ = model.generate_custom_voice(text, speaker, "English", seed=seed, max_new_tokens=frames, retries=0)
            made[text, seed] = np.round(np.clip(waves[0], -1, 1) * 32767).astype(int)
    return made, speaker


async def run(
    soak: Soak, server: Server, requests: int, clients: int, seed: int
) -> tuple[Counter[str], list[str], list[float]]:
    counts: Counter[str] = Counter()
    faults: list[str] = []
    memory: list[float] = []
    numbers = iter(tqdm(range(requests), desc="requests"))

    async def work() -> None:
        for number in numbers:
            try:
                counts[await soak.one(random.Random(seed * 1_000_003 + number))] += 1
            except Exception as error:  # noqa: BLE001 - whatever it is, it is counted
                faults.append(f"request {number}: {type(error).__name__} {error}")
            if number % max(1, requests // 40) == 0:
                memory.append(server.memory_mb())

    await asyncio.gather(*(work() for _ in range(clients)))
    await soak.client.aclose()
    return counts, faults, memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="tiny", help="a custom voice model")
    parser.add_argument("--requests", type=int, default=2000, help="eight or more")
    parser.add_argument("--clients", type=int, default=12)
    parser.add_argument("--frames", type=int, default=25, help="of an utterance at most")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    torch.set_num_threads(1)
    expected, speaker = offline(args.model, args.frames)
    with Server(args.model) as server:
        began = time.perf_counter()
        soak = Soak(server.url, args.frames, expected, speaker)
        counts, faults, memory = asyncio.run(run(soak, server, args.requests, args.clients, args.seed))
        seconds = time.perf_counter() - began
        alive, log = server.alive(), server.log()
        ended = server.end()
    errors = [line for line in log if '"level": "error"' in line or "Traceback" in line]
    for line in faults[:20] + errors[:5]:
        print(line)
    print("MB:", *(f"{mb:.0f}" for mb in memory))
    quarter = len(memory) // 4
    early, late = statistics.median(memory[quarter : 2 * quarter]), statistics.median(memory[-quarter:])
    rows = [[kind, str(count)] for kind, count in counts.most_common()]
    rows += [["wrong, truncated or hung", str(len(faults))], ["errors in the server's log", str(len(errors))]]
    rows += [["memory, second quarter and last, MB", f"{early:.0f}, {late:.0f}"], ["seconds", f"{seconds:.0f}"]]
    result = {"requests": args.requests, "wrong": len(faults), "log_errors": len(errors), "alive": alive, "exit": ended}
    result |= {"memory_mb": [round(early, 1), round(late, 1)], "seconds": round(seconds, 1), "model": args.model}
    publish("soak", "Mixed requests against one server", table(["what", "count"], rows), result, " ".join(sys.argv[1:]))
    if faults or errors or not alive or late > 1.05 * early:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
