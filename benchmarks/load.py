"""One, four and sixteen listeners of one server: how soon they hear something, how often they wait, how much is spoken.

Each listener asks for one text after the other over HTTP (16-bit samples, as they are made) and plays what it gets from the
first byte on; when samples come after the ones before are over, it ran dry. Speed = seconds of audio of all listeners / seconds
until the last one has everything. Server and listeners share the machine.
"""

import argparse
import asyncio
import statistics
import sys
import time
from dataclasses import dataclass, field

import httpx
from everyday import sentences
from report import p95, plot, publish, table
from served import Server

RATE = 24_000


@dataclass
class Heard:
    """By all listeners; seconds."""

    first: list[float] = field(default_factory=list)
    dry: list[float] = field(default_factory=list)
    audio: float = 0.0
    wall: float = 0.0
    memory_mb: float = 0.0


async def listen(client: httpx.AsyncClient, text: str, speaker: str, seed: int, heard: Heard) -> None:
    body = {"model": "tts-1", "input": text, "voice": speaker, "language": "English", "seed": seed, "response_format": "pcm"}
    asked, silent_at, samples = time.perf_counter(), 0.0, 0
    async with client.stream("POST", "/v1/audio/speech", json=body) as reply:
        reply.raise_for_status()
        async for part in reply.aiter_bytes():
            now = time.perf_counter()
            if not samples:
                heard.first.append(now - asked)
            elif now > silent_at:
                heard.dry.append(now - silent_at)
            samples += len(part) // 2
            silent_at = max(silent_at, now) + len(part) / 2 / RATE
    heard.audio += samples / RATE


async def listeners(url: str, count: int, texts: list[str], speaker: str) -> Heard:
    """`count` of them, each with all the texts, in another order and with other seeds."""
    heard = Heard()

    async def one(client: httpx.AsyncClient, number: int) -> None:
        for turn in range(len(texts)):
            await listen(client, texts[(number + turn) % len(texts)], speaker, 1000 * number + turn, heard)

    async with httpx.AsyncClient(base_url=url, timeout=300, limits=httpx.Limits(max_connections=2 * count)) as client:
        began = time.perf_counter()
        await asyncio.gather(*(one(client, number) for number in range(count)))
        heard.wall = time.perf_counter() - began
    return heard


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--speaker", default="Ryan")
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--texts", type=int, default=4, help="that each listener hears, of three sentences")
    args = parser.parse_args()

    made = sentences(40 * args.texts)
    texts = [" ".join(made[3 * n : 3 * n + 3]) for n in range(args.texts)]
    found: dict[int, Heard] = {}
    with Server(args.model) as server:
        asyncio.run(listeners(server.url, 2, texts[:1], args.speaker))  # the first calls set kernels up
        for count in args.streams:
            found[count] = asyncio.run(listeners(server.url, count, texts, args.speaker))
            found[count].memory_mb = server.memory_mb()
    rows, result = [], {"model": args.model, "texts": args.texts}
    alone = found[args.streams[0]].audio / found[args.streams[0]].wall
    for count, heard in found.items():
        speed, first = heard.audio / heard.wall, statistics.median(heard.first)
        rows.append([
            str(count), f"{speed:.1f}x", f"{speed / alone:.2f}", f"{first:.3f} s", f"{p95(heard.first):.3f} s",
            f"{len(heard.dry)}", f"{sum(heard.dry):.2f} s", f"{heard.memory_mb:.0f} MB",
        ])  # fmt: skip
        figures = {"speed": speed, "first_p50_s": first, "first_p95_s": p95(heard.first), "memory_mb": heard.memory_mb}
        result[str(count)] = {name: round(value, 3) for name, value in figures.items()} | {"underruns": len(heard.dry)}
    head = ["listeners", "speed, all together", "times the first", "first audio p50", "p95", "ran dry", "for", "memory"]
    publish("load", "Listeners of one server", table(head, rows), result, " ".join(sys.argv[1:]))
    speeds = {"all together": [found[count].audio / found[count].wall for count in args.streams]}
    firsts = {"p50": [statistics.median(found[count].first) for count in args.streams]}
    firsts["p95"] = [p95(found[count].first) for count in args.streams]
    plot("load", "listeners", args.streams, {"times real time": speeds, "seconds to first audio": firsts})


if __name__ == "__main__":
    main()
