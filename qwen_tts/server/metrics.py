"""What a server measures of itself, for Prometheus."""

import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ..chunks import AudioChunk

SECONDS = (0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
GAPS = (0.01, 0.025, 0.05, 0.08, 0.16, 0.32, 0.64, 1.0, 2.0, 5.0)


class Metrics:
    """One server's counters.

    Args:
        playing, waiting: how many streams there are now.
    """

    def __init__(self, playing: Callable[[], int], waiting: Callable[[], int]) -> None:
        self.registry = CollectorRegistry()
        here = self.registry
        self.requests = Counter(
            "qwen_tts_requests", "Speech that was asked for, by how it came and ended", ["protocol", "outcome"], registry=here
        )
        self.answers = Counter(
            "qwen_tts_answers", "Answers over HTTP, whatever was asked for", ["protocol", "status"], registry=here
        )
        self.finished = Counter("qwen_tts_finished", "Speech by why it ended", ["model", "reason"], registry=here)
        self.first = Histogram(
            "qwen_tts_first_audio_seconds", "From the request to the first audio", buckets=SECONDS, registry=here
        )
        self.gap = Histogram("qwen_tts_chunk_gap_seconds", "Between two chunks of a stream", buckets=GAPS, registry=here)
        self.underruns = Counter("qwen_tts_underruns", "Chunks that came after a player had run dry", registry=here)
        self.audio = Counter("qwen_tts_audio_seconds", "Audio that was made", registry=here)
        self.characters = Counter("qwen_tts_characters", "Text that was spoken", registry=here)
        Gauge("qwen_tts_playing", "Streams that speak now", registry=here).set_function(playing)
        Gauge("qwen_tts_waiting", "Requests that wait for room", registry=here).set_function(waiting)

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)


class Watch:
    """Times the chunks of one stream, and plays them in mind: at real time from when the first came."""

    def __init__(self, metrics: Metrics, length: float) -> None:
        """`length`: seconds that a client hears for a second that the model made."""
        self._metrics, self._length = metrics, length
        self.started = self._last = time.monotonic()
        self._begun: float | None = None
        self.heard = 0.0
        self.first: float | None = None
        self.underruns = 0

    def chunk(self, chunk: AudioChunk) -> None:
        """One more has come."""
        now, seconds = time.monotonic(), len(chunk.samples) / chunk.rate * self._length
        if not seconds:
            return
        if self._begun is None:
            self._begun, self.first = now, now - self.started
            self._metrics.first.observe(self.first)
        else:
            self._metrics.gap.observe(now - self._last)
            if now > self._begun + self.heard:
                self.underruns += 1
                self._metrics.underruns.inc()
                self._begun = now - self.heard  # the player starts again
        self._last = now
        self.heard += seconds
        self._metrics.audio.inc(seconds)
