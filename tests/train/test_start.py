"""The built-in model's weights as trainings go on from them (recipes/tiny/start.py)."""

import sys
from pathlib import Path

import numpy as np
import pytest
import start
import torch
from codes import BOOKS, VOICE_BOOKS, Codebooks
from harmonics import BANDS, HARMONICS
from safetensors.torch import load_file
from train_controls import learned
from train_encoder import trained as trained_encoder

from qwen_tts.codec.codec import Codec
from qwen_tts.codec.decoder import Decoder
from qwen_tts.config import CodecConfig, ModelConfig
from qwen_tts.resolve import TINY
from qwen_tts.speaker.ecapa import SpeakerEncoder
from qwen_tts.talker.talker import Talker
from qwen_tts.train.loop import saved_trainer
from qwen_tts.train.talker import averaged


def test_trainings_go_on_from_what_is_built_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["start.py", str(tmp_path)])
    start.main()
    known = Codebooks.from_file(tmp_path / "codebooks.npz")
    assert known.voices.shape[0] == VOICE_BOOKS
    assert len(np.load(tmp_path / "controls" / "strongest.npy")) == HARMONICS + BANDS
    decoder = Decoder(CodecConfig.from_file(TINY / "speech_tokenizer" / "config.json").decoder_config)
    state = saved_trainer(tmp_path / "controls.pt")
    decoder.load_state_dict(state["decoder"])
    average = state["average"]
    assert set(average) == {name for name, _ in learned(decoder).named_parameters()}
    assert all(torch.isfinite(parameter).all() for parameter in average.values())
    Codec(CodecConfig.from_file(TINY / "speech_tokenizer" / "config.json")).encoder.load_state_dict(
        trained_encoder(tmp_path / "encoder.pt")
    )
    config = ModelConfig.from_file(TINY / "config.json")
    Talker(config.talker_config).load_state_dict(averaged(saved_trainer(tmp_path / "talker.pt")))
    assert config.speaker_encoder_config is not None
    SpeakerEncoder(config.speaker_encoder_config).load_state_dict(load_file(tmp_path / "speaker.safetensors"))
    assert config.talker_config.code_predictor_config.num_code_groups == BOOKS
