"""The pitch of a voice over time: how well the wave agrees with itself one period on, and the smoothest way through that.

For each 10 ms the normalised cross-correlation is computed for every period from 1/500 to 1/60 s; a Viterbi search finds the
path of periods, or of no voice at all, that agrees best without leaping. Idea: RAPT (Talkin 1995).
"""

import numpy as np
import soxr

HOP = 0.01  # seconds between two values
RATE = 8000  # Hz; there is no pitch above
FINE = 3  # lags a sample: between samples a high voice's agreement is else missed, and its double period taken
LOWEST, HIGHEST = 60.0, 500.0  # Hz
WINDOW = 0.02  # seconds that are compared with those one period later
STEPS = 24  # candidates an octave
REACH = 4  # steps that the pitch may move in one hop
MOVE, SWITCH = 0.03, 0.25  # costs of a step up or down, and of the voice setting in or out
UNVOICED = 0.55  # agreement below which there is rather no voice
HIGHER = 0.06  # preference for a period over its double, for both agree


def track(wave: np.ndarray, rate: int) -> np.ndarray:
    """Pitch in Hz for each 10 ms, 0 where there is no voice: float32 [N] -> float32 [ceil(N / hop)]."""
    down = soxr.resample(wave, rate, RATE) if rate != RATE else wave
    hop, reach = int(HOP * RATE), int(WINDOW * RATE)
    frames = -(-len(wave) * RATE // rate // hop) if len(wave) else 0
    if not frames:
        return np.zeros(0, np.float32)
    grid = LOWEST * 2 ** (np.arange(int(np.log2(HIGHEST / LOWEST) * STEPS) + 1) / STEPS)
    longest = int(RATE / LOWEST) + 2
    padded = np.pad(down.astype(np.float32), (reach // 2, frames * hop + longest + reach))
    places = np.arange(frames)[:, None] * hop + np.arange(reach + longest)
    agreement = _agreement(padded[places], reach, longest)  # [frames, lags]
    lags = RATE * FINE / grid
    low = lags.astype(int)
    part = (lags - low).astype(np.float32)
    scores = agreement[:, low] * (1 - part) + agreement[:, low + 1] * part
    scores += (HIGHER * np.log2(grid / LOWEST) / np.log2(HIGHEST / LOWEST)).astype(np.float32)
    path = _smoothest(scores)
    found = np.where(path >= 0, _refined(agreement, lags[np.maximum(path, 0)]), 0)
    return found.astype(np.float32)


def _agreement(rows: np.ndarray, reach: int, longest: int) -> np.ndarray:
    """Normalised cross-correlation of the first `reach` samples of each row with those `lag` later, `FINE` lags a sample."""
    size = 1 << (reach + longest - 1).bit_length()
    head = np.fft.rfft(rows[:, :reach], size)
    cross = FINE * np.fft.irfft(np.conj(head) * np.fft.rfft(rows, size), FINE * size)[:, : FINE * longest + 1]
    energy = np.cumsum(np.pad(rows.astype(np.float64) ** 2, ((0, 0), (1, 0))), 1)
    energies = np.repeat(energy[:, reach:][:, : longest + 1] - energy[:, : longest + 1], FINE, 1)[:, : cross.shape[1]]
    quiet = 1e-5 * reach  # what is all but silent agrees with nothing
    return (cross / np.sqrt((energies[:, :1] + quiet) * (energies + quiet))).astype(np.float32)


def _smoothest(scores: np.ndarray) -> np.ndarray:
    """The best path through [frames, candidates]; -1 where there is no voice."""
    frames, size = scores.shape
    moves = np.arange(-REACH, REACH + 1)
    price = (MOVE * np.abs(moves)).astype(np.float32)[:, None]
    best, silent = scores[0].copy(), np.float32(UNVOICED)
    came = np.zeros((frames, size), np.int16)  # the move that led here, or one more than any: from silence
    rose = np.full(frames, -1, np.int64)  # which candidate silence came from, -1 for silence
    windows = np.arange(size)[None] + moves[:, None] + REACH
    for t in range(1, frames):
        options = np.pad(best, REACH, constant_values=-np.inf)[windows] - price
        move = options.argmax(0)
        voiced = options[move, np.arange(size)]
        onset = silent - SWITCH
        came[t] = np.where(voiced >= onset, move - REACH, REACH + 1)
        end = int(best.argmax())
        ended = best[end] - SWITCH
        rose[t] = end if ended > silent else -1
        best = np.maximum(voiced, onset) + scores[t]
        silent = max(silent, ended) + UNVOICED
    path = np.empty(frames, np.int64)
    state = int(best.argmax()) if best.max() > silent else -1
    for t in range(frames - 1, -1, -1):
        path[t] = state
        move = int(came[t, state]) if state >= 0 else 0
        state = int(rose[t]) if state < 0 else state + move if move <= REACH else -1
    return path


def _refined(agreement: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """The pitch at the top of the parabola through the agreement around each lag, [frames]."""
    near = np.clip(np.round(lags).astype(int), 2, agreement.shape[1] - 3)
    rows = np.arange(len(near))
    near = near - 1 + np.argmax(np.stack([agreement[rows, near + k] for k in (-1, 0, 1)]), 0)
    before, at, after = (agreement[rows, near + k] for k in (-1, 0, 1))
    bend = before - 2 * at + after
    return RATE * FINE / (near + np.clip(np.where(bend < -1e-9, 0.5 * (before - after) / np.minimum(bend, -1e-9), 0), -1, 1))
