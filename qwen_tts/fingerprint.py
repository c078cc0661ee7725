"""What a voice must have in common with the model that speaks with it, told by a few bytes of weights."""

import hashlib

import torch
from torch import nn

from .checkpoint import LoadedModel

SAMPLE = 1024  # numbers of each tensor: memory-mapped weights are hardly touched, and no two trainings share them


def fingerprint(model: LoadedModel) -> dict[str, str]:
    """Names what made a voice.

    Returns:
        `model`: kind and size, to be read by people. `speaker_encoder` (where the model has one): whose vectors these are.
        `codec`: whose codes these are; of its codebooks alone, so a decoder that was trained further still fits.
    """
    config = model.config
    found = {
        "model": f"{config.tts_model_type} {config.tts_model_size}",
        "codec": _digest(model.codec.decoder.quantizer),
    }
    if model.speaker_encoder is not None:
        found["speaker_encoder"] = _digest(model.speaker_encoder)
    return found


@torch.no_grad()
def _digest(module: nn.Module) -> str:
    """Of names, shapes and the first numbers of all tensors, in float32: a copy stored in another type is the same."""
    digest = hashlib.sha256()
    tensors = sorted(module.state_dict().items())
    for name, tensor in tensors:
        digest.update(f"{name} {list(tensor.shape)}\n".encode())
    sample = torch.cat([tensor.flatten()[:SAMPLE].float() for _, tensor in tensors])
    digest.update(sample.cpu().numpy().astype("<f4").tobytes())
    return digest.hexdigest()[:16]
