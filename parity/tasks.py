"""What both sides are asked to do: sounds to encode, texts to cut into tokens, things to say. NumPy only.

A task is a batch of utterances with one method of the public class; every row of it is compared by itself.
"""

import re
from dataclasses import dataclass, field

import numpy as np
import weights

FRAMES = 60  # generated in every greedy task
SEED = 1000  # of row 0 of a sampled task; row 1 has the next one
RATE = 24_000


@dataclass(frozen=True)
class Reference:
    """A recording to clone. text None: by the speaker vector alone. rate in Hz."""

    seconds: float
    text: str | None
    rate: int = RATE


@dataclass(frozen=True)
class Task:
    name: str
    model: str
    texts: tuple[str, ...]
    languages: tuple[str, ...] = ()
    speakers: tuple[str, ...] = ()
    instructs: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()
    streaming_text: bool = False
    sampling: dict[str, float] = field(default_factory=dict)  # empty: greedy

    @property
    def file(self) -> str:
        """Name of what holds either side's results."""
        return re.sub(r"[^\w.]+", "-", f"{self.model} {self.name}")

    @property
    def method(self) -> str:
        kind = self.model.removesuffix("-eos").rpartition("-")[2]
        return {"Base": "clone", "CustomVoice": "custom", "VoiceDesign": "design"}[kind]


SHORT = "One, two, three."
LONGER = "Every engineer in the valley knew the old bridge would not survive another winter like the last one; nobody said so."
CHINESE = "其实我真的有发现，我是一个特别善于观察别人情绪的人。"
MIXED = "La niña comió piñata… и 42 кота, それだけです！"
FOUR = (SHORT, LONGER, CHINESE, MIXED)
FOUR_LANGUAGES = ("English", "Auto", "Chinese", "Spanish")
ANGRY, CALM = "用特别愤怒的语气说", "Speak slowly and calmly, like a grandfather by the fire."
SHORT_VOICE = Reference(0.61, "Yes, indeed.")
LONG_VOICE = Reference(3.2, "I resent you, I love you, I respect you.")
SPEAKERS = ("Ryan", "serena", "ERIC", "Dylan")  # the last two bring a dialect where the language is Chinese or not given
SAMPLED = {"temperature": 0.9, "top_k": 50, "repetition_penalty": 1.05, "subtalker_temperature": 0.9, "subtalker_top_k": 50}
NUCLEUS = {
    "temperature": 0.7, "top_k": 20, "top_p": 0.8, "repetition_penalty": 1.3,
    "subtalker_temperature": 1.1, "subtalker_top_k": 0, "subtalker_top_p": 0.9,
}  # fmt: skip


def preset_tasks() -> list[Task]:
    small, large, ending = "0.6B-CustomVoice", "1.7B-CustomVoice", "0.6B-CustomVoice-eos"
    dialect = Task("dialects", small, (CHINESE, CHINESE, SHORT), ("Auto", "Chinese", "English"), ("Eric", "Dylan", "Dylan"))
    instructs = (ANGRY, "", CALM, "")
    return [
        Task("no language", small, (LONGER,), ("Auto",), ("Ryan",)),
        Task("language", small, (LONGER,), ("English",), ("Ryan",)),
        Task("streaming text", small, (LONGER,), ("English",), ("Ryan",), streaming_text=True),
        Task("one token of text, streaming", small, ("Hi",), ("English",), ("Ryan",), streaming_text=True),
        dialect,
        Task("batch of 4", small, FOUR, FOUR_LANGUAGES, SPEAKERS),
        Task("batch of 4, streaming text", small, FOUR, FOUR_LANGUAGES, SPEAKERS, streaming_text=True),
        Task("batch of 4 that end by themselves", ending, FOUR, FOUR_LANGUAGES, SPEAKERS),
        Task("instruct", large, (LONGER,), ("English",), ("Ryan",), (CALM,)),
        Task("instruct, streaming text", large, (CHINESE,), ("Auto",), ("Vivian",), (ANGRY,), streaming_text=True),
        Task("batch of 4, instructs", large, FOUR, FOUR_LANGUAGES, SPEAKERS, instructs),
        Task("batch of 4, instructs, streaming text", large, FOUR, FOUR_LANGUAGES, SPEAKERS, instructs, streaming_text=True),
        Task("sampled", small, (LONGER,), ("English",), ("Ryan",), sampling=SAMPLED),
        Task("sampled, batch of 4, top-p", large, FOUR, FOUR_LANGUAGES, SPEAKERS, instructs, sampling=NUCLEUS),
    ]


def design_tasks() -> list[Task]:
    model, instructs = "1.7B-VoiceDesign", (CALM, ANGRY, "", "A young, bright voice.")
    return [
        Task("no language", model, (LONGER,), ("Auto",), (), (CALM,)),
        Task("language, streaming text", model, (CHINESE,), ("Chinese",), (), (ANGRY,), streaming_text=True),
        Task("batch of 4", model, FOUR, FOUR_LANGUAGES, (), instructs),
        Task("batch of 4, streaming text", model, FOUR, FOUR_LANGUAGES, (), instructs, streaming_text=True),
    ]


def clone_tasks(model: str) -> list[Task]:
    by_vector = Reference(1.7, None, rate=16_000)
    four = (SHORT_VOICE, LONG_VOICE, by_vector, Reference(1.05, "はい、そうです。", rate=44_100))
    return [
        Task("in context, more text than speech", model, (LONGER,), ("English",), (), (), (SHORT_VOICE,), streaming_text=True),
        Task("in context, more speech than text", model, (SHORT,), ("Auto",), (), (), (LONG_VOICE,), streaming_text=True),
        Task("in context, text first", model, (LONGER,), ("English",), (), (), (LONG_VOICE,)),
        Task("by vector", model, (LONGER,), ("English",), (), (), (by_vector,)),
        Task("by vector, streaming text", model, (CHINESE,), ("Auto",), (), (), (by_vector,), streaming_text=True),
        Task("batch of 4, both ways", model, FOUR, FOUR_LANGUAGES, (), (), four),
        Task("batch of 4, both ways, streaming text", model, FOUR, FOUR_LANGUAGES, (), (), four, streaming_text=True),
    ]


def all_tasks() -> list[Task]:
    return [*preset_tasks(), *design_tasks(), *clone_tasks("0.6B-Base"), *clone_tasks("1.7B-Base")]


def eager_tasks() -> list[Task]:
    """Run a second time with the official package's own attention in place of PyTorch's."""
    names = ("batch of 4, instructs", "batch of 4, both ways, streaming text")
    return [task for task in all_tasks() if task.name in names and task.model.startswith("1.7B")]


def golden_tasks() -> list[Task]:
    custom, large, base = "golden-0.6B-CustomVoice", "golden-1.7B-CustomVoice", "golden-1.7B-Base"
    two = ("Hi there.", "The café is closing, and nobody told us.")
    voice, vector = Reference(0.5, "Yes."), Reference(0.7, None)
    return [
        Task("text first", custom, two, ("English", "Auto"), ("Ryan", "Eric")),
        Task("streaming text", custom, two, ("English", "Auto"), ("Ryan", "Eric"), streaming_text=True),
        Task("instruct", large, two, ("English", "Auto"), ("Ryan", "Eric"), (CALM, "")),
        Task("sampled", large, two, ("English", "Auto"), ("Ryan", "Eric"), sampling=NUCLEUS),
        Task("design", "golden-1.7B-VoiceDesign", two, ("Auto", "Chinese"), (), (CALM, "A bright voice.")),
        Task("clone", base, two, ("English", "Auto"), (), (), (voice, vector)),
        Task("clone, streaming text", base, two, ("English", "Auto"), (), (), (voice, vector), streaming_text=True),
        Task("clone, small", "golden-0.6B-Base", two, ("English", "Auto"), (), (), (voice, Reference(0.7, "No."))),
    ]


def sound(samples: int, rate: int = RATE) -> np.ndarray:
    """A gliding tone with noise that swells, fp32 [samples]; different for every length."""
    seconds = np.arange(samples) / rate
    glide = 2 * np.pi * np.cumsum(120 + 80 * np.sin(2 * np.pi * 1.3 * seconds)) / rate
    tone = sum(np.sin(k * glide + k * k) / k for k in range(1, 9))
    noise = weights.numbers("sound", f"{samples} at {rate}", (samples,))
    wave = 0.12 * tone * (1 + np.sin(2 * np.pi * 2.1 * seconds)) + 0.03 * noise * np.sin(2 * np.pi * 0.7 * seconds) ** 2
    return wave.astype(np.float32)


def recording(reference: Reference) -> np.ndarray:
    return sound(round(reference.seconds * reference.rate), reference.rate)


# Around a frame (1,920 samples), around a stride of the encoder, and beyond 250 frames of its 25 Hz transformer (10 s).
SOUND_LENGTHS = (1, 959, 1919, 1920, 1921, 24_000, 57_601, 239_000, 241_000, 288_000)
FRAME_COUNTS = (1, 7, 60, 300, 301, 400)
SPEAKER_SECONDS = (0.3, 1.0, 3.7, 10.5)


def random_codes(frames: int, groups: int, count: int) -> np.ndarray:
    """int64 [frames, groups]"""
    unit = weights.numbers("codes", str(frames), (frames, groups)) / (2 * np.sqrt(3)) + 0.5
    return np.minimum((unit * count).astype(np.int64), count - 1)


TEXTS = (
    *FOUR, "Hello there, friend.", "a", "…", "!?", " leading space", "trailing space ", "two\nlines", "tab\tbed",
    "ends with a newline\n", "\nstarts with a newline", "\n\nstarts with two", "  \n after blanks and a newline",
    "camelCase HTTPServer iPhone", "It's we'RE they'LL", "e\u0301 combining, é composed", "ﬁ ligature Å Å",
    "สวัสดีครับ", "नमस्ते दुनिया", "שלום עולם", "مرحبا بالعالم", "안녕하세요", "こんにちは、世界", "ДОБРЫЙ День",
    "1234567890 3.14 1,000,000", "x = [-b ± √(b²-4ac)] / 2a?", "(◍•͈⌔•͈◍)", "😀 emoji 👩‍👩‍👧", "a/b\\c http://x.org/?q=1&r=2",
    "   three spaces", "\u3000全角", "zero\u200bwidth", "«guillemets» “quotes” ‘single’", "ALL CAPS TEXT", "ÇŞĞ İstanbul ıI",
    "...", "a" * 300, "no break\u00a0space", "line\r\nbreaks\r\n", "ǅ titlecase", "<not a tag>", "100%",
)  # fmt: skip

GOLDEN_CODEC = (1, 1921, 9_600), (3, 8)  # lengths of sounds, frames to decode
GOLDEN_SECONDS = (0.3, 0.8)
# Without line breaks at the start: a vocabulary that does not know them as one token spills them into the official text.
GOLDEN_TEXTS = tuple(text for text in TEXTS[:36] if not text.lstrip(" ").startswith("\n"))
