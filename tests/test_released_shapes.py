"""The five released models and the codec at their real sizes: every parameter's name and shape, on the meta device.

The lists in tests/released hold what the released files hold. Those of the CustomVoice and VoiceDesign models are the Base
models' without the speaker encoder.
"""

import json
import math

import pytest
import torch
from torch import nn

from qwen_tts.codec.codec import Codec
from qwen_tts.config import CodecConfig, GenerationConfig, ModelConfig
from qwen_tts.speaker.ecapa import SpeakerEncoder
from qwen_tts.talker.talker import Talker
from tests import tensor_lists

# Parameters as the model pages state them.
COUNTS = {
    "0.6B-Base": 914_643_008,
    "0.6B-CustomVoice": 905_788_672,
    "1.7B-Base": 1_928_677_440,
    "1.7B-CustomVoice": 1_916_676_352,
    "1.7B-VoiceDesign": 1_916_676_352,
}
CODEC_COUNT = 170_557_441


def shapes(parts: dict[str, nn.Module]) -> dict[str, list[int]]:
    return {f"{part}{name}": list(t.shape) for part, module in parts.items() for name, t in module.state_dict().items()}


@pytest.mark.parametrize("kind", COUNTS)
def test_model(kind: str) -> None:
    config = ModelConfig.from_file(tensor_lists.RELEASED / f"{kind}.config.json")
    with torch.device("meta"):
        parts: dict[str, nn.Module] = {"talker.": Talker(config.talker_config)}
        if config.speaker_encoder_config is not None:
            parts["speaker_encoder."] = SpeakerEncoder(config.speaker_encoder_config)
    released = tensor_lists.read(f"{kind.split('-')[0]}-Base.tensors.txt")
    if not kind.endswith("Base"):
        released = {name: shape for name, shape in released.items() if not name.startswith("speaker_encoder.")}
    assert shapes(parts) == released
    assert sum(map(math.prod, released.values())) == COUNTS[kind]


def test_codec() -> None:
    config = CodecConfig.from_file(tensor_lists.RELEASED / "speech_tokenizer.config.json")
    with torch.device("meta"):
        found = shapes({"": Codec(config)})
    assert found == tensor_lists.read("speech_tokenizer.tensors.txt")
    assert len(found) == 496
    assert sum(map(math.prod, found.values())) == CODEC_COUNT


def test_generation_config() -> None:
    path = tensor_lists.RELEASED / "generation_config.json"
    config = GenerationConfig.from_file(path)
    assert {name: getattr(config, name) for name in json.loads(path.read_text())} == json.loads(path.read_text())
