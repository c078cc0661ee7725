"""From frames to what is heard: the codec's state of each row, and rows decoded side by side."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .chunks import AudioChunk, OutputRow
from .codec.codec import Codec
from .codec.decoder import DecoderState
from .cores import core_taken


class RowSound:
    """One row between its frames and its chunks. `output` is what leaves it."""

    def __init__(self, codec: Codec, output: OutputRow, reference: Tensor | None) -> None:
        """`reference`: codes [T, Q] that the speech goes on from. They are taken in with the first frames."""
        self.output, self._codec, self._reference = output, codec, reference
        self._state: DecoderState | None = None

    @property
    def state(self) -> DecoderState:
        """The decoder's, after the reference and all frames so far."""
        if self._state is None:
            decoder, reference = self._codec.decoder, self._reference
            self._state, self._reference = decoder.init_state(1), None
            if reference is not None and len(reference):
                codes = reference.to(self._state.cache.position.device)[None]
                # Of what lies further back than the convolutions reach, no waveform is made: none would be left in the state.
                decoder.prime(codes, self._state, max(0, len(reference) - decoder.reach))
        return self._state


@torch.inference_mode()
def sound(codec: Codec, rows: Sequence[tuple[RowSound, Tensor, str | None]]) -> list[AudioChunk | None]:
    """The next chunk of each row, where there is one.

    Args:
        codec: decodes rows with the same number of frames together.
        rows: each with its next frames, int64 [T, Q] (T may be 0), and why they are the last, or None.
    Returns:
        For each row what `OutputRow.add` makes of it.
    """
    chunks: list[AudioChunk | None] = [None] * len(rows)
    lengths = sorted({len(codes) for _, codes, _ in rows})
    for length in lengths:
        places = [place for place, (_, codes, _) in enumerate(rows) if len(codes) == length]
        with core_taken():
            waves = _decode(codec, [rows[place][0] for place in places], [rows[place][1] for place in places])
        for place, wave in zip(places, waves, strict=True):
            row, codes, reason = rows[place]
            chunks[place] = row.output.add(wave.reshape(length, row.output.samples).numpy(), codes.numpy(), reason)
    return chunks


def _decode(codec: Codec, rows: Sequence[RowSound], codes: Sequence[Tensor]) -> Tensor:
    """Waves [B, T * samples a frame] of rows that each have T frames. If rows fail together, their states are as they were."""
    if not len(codes[0]):
        return torch.zeros(len(rows), 0)
    states = [row.state for row in rows]
    if len(states) == 1:
        return codec.decoder(codes[0][None].to(states[0].cache.position.device), states[0]).float().cpu()
    state = codec.decoder.init_state(len(rows))
    state.gather(states)
    wave = codec.decoder(torch.stack(list(codes)).to(state.cache.position.device), state).float().cpu()
    state.scatter(states)
    return wave
