"""What a codec keeps of speech that it has never heard: encoded and decoded again, with all of its codebooks and with fewer.

The clips are the teachers' own, of the held-out sentences (see tiny_quality.py for how they are made):

    python benchmarks/codec_quality.py --teacher-dir DIR

PESQ (wide band) and STOI compare with the clip itself, sample by sample, after as many whole frames as the codec is late (one
that hears a frame before it codes the one before it is); word errors and naturalness need no original; the likeness is the
cosine of speaker vectors. Needs requirements/bench.txt.
"""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pesq  # pyright: ignore[reportMissingImports]
import pystoi  # pyright: ignore[reportMissingImports]
import torch
from measures import loudness
from report import publish, table
from tiny_quality import taught
from tqdm import tqdm

from qwen_tts import Qwen3TTSTokenizer
from qwen_tts.audio import resample
from qwen_tts.codec.codec import Codec
from qwen_tts.eval.metric import Clip
from qwen_tts.eval.mos import DistillMos
from qwen_tts.eval.similarity import SpeakerVectors
from qwen_tts.eval.wer import WordErrorRate
from qwen_tts.train.data import perplexity

RATE = 16_000  # Hz, of PESQ's wide band
FRAME, LATEST = 0.08, 2  # seconds; frames


@contextmanager
def first_codebooks(codec: Codec, count: int) -> Iterator[None]:
    """Within it the decoder gets nothing from the codebooks after the first `count`."""
    later = codec.decoder.quantizer.rvq_rest.codebooks()[max(0, count - 1) :]
    kept = [book.get_buffer(book.sum_name).clone() for book in later]
    for book in later:
        book.get_buffer(book.sum_name).zero_()
    try:
        yield
    finally:
        for book, vectors in zip(later, kept, strict=True):
            book.get_buffer(book.sum_name).copy_(vectors)


def again(codec: Qwen3TTSTokenizer, clips: Sequence[Clip]) -> tuple[list[Clip], np.ndarray]:
    """The clips encoded and decoded, with LATEST frames of silence after them, and all their codes [frames, Q]."""
    made, codes = [], []
    for clip in tqdm(clips, leave=False):
        encoded = codec.encode(np.pad(clip.samples, (0, round(LATEST * FRAME * clip.rate))), clip.rate)
        (wave,), rate = codec.decode(encoded)
        made.append(Clip(wave, rate, clip.text))
        codes.append(np.asarray(encoded.audio_codes[0]))
    return made, np.concatenate(codes)


def frames_late(originals: Sequence[Clip], made: Sequence[Clip]) -> int:
    """By how many frames the loudness of what was made is most like that of the originals."""
    likeness = np.zeros(LATEST + 1)
    for original, clip in zip(originals, made, strict=True):
        true, heard = loudness(original), loudness(clip)
        for late in range(LATEST + 1):
            part = heard[round(late * FRAME * 100) :][: len(true)]
            likeness[late] += np.corrcoef(true[: len(part)], part)[0, 1]
    return int(likeness.argmax())


def in_time(clip: Clip, original: Clip, late: int) -> Clip:
    """A clip without the frames that it is late, as long as the original."""
    begin, length = round(late * FRAME * clip.rate), len(original.samples) * clip.rate // original.rate
    part = clip.samples[begin : begin + length]
    return Clip(np.pad(part, (0, length - len(part))), clip.rate, clip.text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--teacher-dir", type=Path, required=True)
    parser.add_argument("--sentences", type=int, default=12, help="of each voice")
    args = parser.parse_args()

    torch.set_num_threads(1)
    codec = Qwen3TTSTokenizer.from_pretrained(args.model)
    wer, mos, vectors = WordErrorRate("base"), DistillMos(), SpeakerVectors()
    books = codec.codec.config.decoder_config.num_quantizers
    counts = sorted({1, 2, books // 2, books}, reverse=True)
    rows, result, late = [], {}, 0
    for voice, clips in taught(args.teacher_dir).items():
        originals = list(clips.values())[: args.sentences]
        own, narrow = vectors(originals), [resample(c.samples, c.rate, RATE) for c in originals]
        rows.append([voice, "original", "", "", f"{mos(originals).value:.2f}", f"{wer(originals).value:.1%}", ""])
        for count in counts:
            with first_codebooks(codec.codec, count):
                made, codes = again(codec, originals)
            late = frames_late(originals, made) if count == books else late
            made = [in_time(clip, original, late) for clip, original in zip(made, originals, strict=True)]
            waves = [resample(clip.samples, clip.rate, RATE)[: len(n)] for clip, n in zip(made, narrow, strict=True)]
            pairs = [(n[: len(w)], w) for n, w in zip(narrow, waves, strict=True)]
            heard = float(np.mean([pesq.pesq(RATE, a, b, "wb", on_error=pesq.PesqError.RETURN_VALUES) for a, b in pairs]))
            clear = float(np.mean([pystoi.stoi(a, b, RATE) for a, b in pairs]))
            alike = float((own * vectors(made)).sum(1).mean())
            natural, missed = mos(made).value, wer(made).value
            rows.append(
                [voice, f"{count} codebooks", f"{heard:.2f}", f"{clear:.2f}", f"{natural:.2f}", f"{missed:.1%}", f"{alike:.2f}"]
            )
            result[f"{voice} {count}"] = {
                "pesq": round(heard, 3), "stoi": round(clear, 3), "mos": round(natural, 3), "wer": round(missed, 4),
                "cosine": round(alike, 3),
            }  # fmt: skip
            if count == books:
                result[f"{voice} frames late"] = late
                result[f"{voice} perplexity"] = [round(perplexity(column)) for column in codes.T]
    used = {name.split()[0]: values for name, values in result.items() if name.endswith("perplexity")}
    lines = [[voice, *map(str, values)] for voice, values in used.items()]
    head = ["voice", "", "PESQ-WB", "STOI", "DistillMOS", "WER (base)", "likeness"]
    delays = ", ".join(f"{values} ({name.split()[0]})" for name, values in result.items() if name.endswith("frames late"))
    perplexities = table(["voice", *(f"book {q}" for q in range(books))], lines)
    body = f"{table(head, rows)}\n\nFrames late: {delays}.\n\nPerplexity of the codes:\n\n{perplexities}"
    publish("codec_quality", "What the built-in codec keeps of speech", body, result, "--teacher-dir DIR")


if __name__ == "__main__":
    main()
