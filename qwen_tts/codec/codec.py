"""Both halves of the codec under the names of `speech_tokenizer/model.safetensors`."""

import torch
from torch import Tensor, nn

from ..config import CodecConfig
from .decoder import Decoder
from .encoder import Encoder


class Codec(nn.Module):
    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config.encoder_config)
        self.decoder = Decoder(config.decoder_config)

    @torch.no_grad()
    def encode(self, wave: Tensor) -> Tensor:
        """Mono audio at the codec's rate, [B, N] -> codes, int64 [B, T, Q]; T = ceil(N / samples per frame)."""
        return self.encoder(wave, self.config.encoder_valid_num_quantizers)

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Codes int64 [B, T, Q] -> audio [B, T * samples per frame], in one pass."""
        return self.decoder(codes)

    @torch.no_grad()
    def decode_windowed(self, codes: Tensor, chunk: int = 300, context: int = 25) -> Tensor:
        """The official way: chunks decoded without memory, each after `context` frames whose audio is dropped.

        Up to `chunk` frames it equals `decode`; beyond, it forgets what lies further back. Kept for comparison.
        """
        samples = self.config.decode_upsample_rate
        pieces = []
        for start in range(0, codes.shape[1], chunk):
            before = min(context, start)
            wave = self.decoder(codes[:, start - before : start + chunk])
            pieces.append(wave[:, before * samples :])
        return torch.cat(pieces, dim=-1)
