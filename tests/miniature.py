"""Miniature models in the official directory layout: every structural switch on, random weights, a vocabulary of its own.

codes 0..63 | control and speaker ids 64..95        4 code groups, 24 kHz, 1920 samples a frame
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers.pre_tokenizers import ByteLevel
from torch import nn

from qwen_tts.codec.codec import Codec
from qwen_tts.codec.quantizer import Codebook
from qwen_tts.config import CodecConfig, ModelConfig
from qwen_tts.speaker.ecapa import SpeakerEncoder
from qwen_tts.talker.talker import Talker

KINDS = ("base", "custom_voice", "voice_design")
CODES, GROUPS, WIDTH = 64, 4, 32
CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tts_pad>", "<tts_text_bos>", "<tts_text_eod>")
MERGES = ["a s", "as s", "ass i", "assi s", "assis t", "assist a", "assista n", "assistan t", "t h", "th e", "Ġ the", "o u"]

LAYER = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "hidden_act": "silu", "attention_bias": False}
QWEN = LAYER | {
    "rope_theta": 1e6,
    "rms_norm_eps": 1e-6,
    "sliding_window": None,
    "rope_scaling": None,
    "num_code_groups": GROUPS,
}


def text_files() -> tuple[dict[str, int], str, dict[str, Any]]:
    """vocab.json, merges.txt, tokenizer_config.json."""
    tokens = [*sorted(ByteLevel.alphabet()), *(merge.replace(" ", "") for merge in MERGES)]
    vocab = {token: i for i, token in enumerate(tokens)}
    added = {str(len(vocab) + i): {"content": token, "special": True} for i, token in enumerate(CONTROL)}
    return vocab, "".join(f"{merge}\n" for merge in MERGES), {"added_tokens_decoder": added}


def model_config(kind: str) -> dict[str, Any]:
    vocab, _, tokenizer = text_files()
    control = {entry["content"]: int(i) for i, entry in tokenizer["added_tokens_decoder"].items()}
    custom = kind == "custom_voice"
    languages = {"english": 72, "chinese": 73} | ({"beijing_dialect": 74} if custom else {})
    talker = QWEN | {
        "hidden_size": WIDTH, "intermediate_size": 48, "num_hidden_layers": 2, "vocab_size": 96, "text_vocab_size": 300,
        "text_hidden_size": 24, "max_position_embeddings": 2048, "codec_pad_id": 64, "codec_bos_id": 65,
        "codec_eos_token_id": 66, "codec_think_id": 67, "codec_nothink_id": 68, "codec_think_bos_id": 69,
        "codec_think_eos_id": 70, "codec_language_id": languages,
        "spk_id": {"ryan": 80, "serena": 81, "dylan": 82} if custom else {},
        "spk_is_dialect": {"ryan": False, "serena": False, "dylan": "beijing_dialect"} if custom else {},
        "code_predictor_config": QWEN
        | {"hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 1, "vocab_size": CODES}
        | {"max_position_embeddings": 64},
    }  # fmt: skip
    config = {
        "tts_model_type": kind, "tts_model_size": "1b7", "tokenizer_type": "qwen3_tts_tokenizer_12hz",
        "im_start_token_id": control["<|im_start|>"], "im_end_token_id": control["<|im_end|>"],
        "assistant_token_id": vocab["assistant"], "tts_pad_token_id": control["<tts_pad>"],
        "tts_bos_token_id": control["<tts_text_bos>"], "tts_eos_token_id": control["<tts_text_eod>"],
        "talker_config": talker,
    }  # fmt: skip
    if kind == "base":
        channels = {"enc_channels": [16, 16, 16, 16, 48], "enc_attention_channels": 8, "enc_se_channels": 8, "mel_dim": 128}
        config["speaker_encoder_config"] = {"enc_dim": WIDTH, "sample_rate": 24_000} | channels
    return config


def codec_config() -> dict[str, Any]:
    encoder = LAYER | {
        "hidden_act": "gelu", "num_key_value_heads": 4, "num_filters": 2, "hidden_size": 16, "intermediate_size": 16,
        "num_hidden_layers": 1, "norm_eps": 1e-5, "rope_theta": 1e4, "max_position_embeddings": 8000, "sliding_window": 250,
        "layer_scale_initial_scale": 0.01, "kernel_size": 7, "last_kernel_size": 3, "residual_kernel_size": 3,
        "num_residual_layers": 1, "dilation_growth_rate": 2, "compress": 2, "upsampling_ratios": [8, 6, 5, 4],
        "pad_mode": "constant", "trim_right_ratio": 1.0, "codebook_dim": 8, "codebook_size": CODES, "num_quantizers": 6,
        "num_semantic_quantizers": 1, "vector_quantization_hidden_dimension": 8, "sampling_rate": 24_000,
    }  # fmt: skip
    decoder = LAYER | {
        "num_key_value_heads": 4, "codebook_dim": 16, "codebook_size": CODES, "num_quantizers": GROUPS,
        "num_semantic_quantizers": 1, "latent_dim": 16, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2,
        "rms_norm_eps": 1e-5, "rope_theta": 1e4, "max_position_embeddings": 8000, "sliding_window": 6,
        "layer_scale_initial_scale": 0.01, "decoder_dim": 32, "upsample_rates": [8, 5, 4, 3], "upsampling_ratios": [2, 2],
        "vector_quantization_hidden_dimension": 16,
    }  # fmt: skip
    rates = {
        "input_sample_rate": 24_000,
        "output_sample_rate": 24_000,
        "encode_downsample_rate": 1920,
        "decode_upsample_rate": 1920,
    }
    return rates | {"encoder_config": encoder, "decoder_config": decoder, "encoder_valid_num_quantizers": GROUPS}


def write_model(directory: Path, kind: str) -> Path:
    """Writes a whole model directory; the same weights every time."""
    torch.manual_seed(KINDS.index(kind))
    config, (vocab, merges, tokenizer) = model_config(kind), text_files()
    parsed = ModelConfig.from_dict(config)
    talker = Talker(parsed.talker_config)
    modules = nn.ModuleDict({"talker": talker})
    if parsed.speaker_encoder_config is not None:
        modules["speaker_encoder"] = SpeakerEncoder(parsed.speaker_encoder_config)
    gains = {"codec_head": 3, "lm_head": 4, "linear_fc2": 6, "o_proj": 5}
    for name, parameter in talker.named_parameters():  # so that what is said depends on text and voice, not on seeds alone
        parameter.data.mul_(next((gain for part, gain in gains.items() if part in name), 1))
    directory.mkdir(parents=True)
    contents = {
        "config.json": config, "vocab.json": vocab, "tokenizer_config.json": tokenizer,
        "generation_config.json": {"max_new_tokens": 200, "temperature": 0.9, "top_k": 50, "top_p": 1.0, "do_sample": True},
    }  # fmt: skip
    for name, content in contents.items():
        (directory / name).write_text(json.dumps(content), "utf-8")
    (directory / "merges.txt").write_text(merges, "utf-8")
    save_file({name: tensor.bfloat16() for name, tensor in modules.state_dict().items()}, directory / "model.safetensors")
    write_codec(directory / "speech_tokenizer")
    return directory


def write_codec(directory: Path) -> Path:
    """Writes a codec's own directory, with codebooks and a waveform that are far from silence."""
    torch.manual_seed(7)
    codec = Codec(CodecConfig.from_dict(codec_config()))
    for name, parameter in codec.named_parameters():  # biases would drown what depends on the codes, or on the wave
        if name.endswith("bias"):
            parameter.data.zero_()
    for book in codec.modules():
        if isinstance(book, Codebook):
            book.get_buffer(book.sum_name).normal_(std=1e-3 if book.sum_name == "embed_sum" else 1.0)
    some = codec.decode(torch.randint(CODES, (1, 20, GROUPS)))
    codec.decoder.decoder[-1].conv.weight.data.mul_(0.2 / some.std())  # type: ignore[union-attr]
    directory.mkdir(parents=True)
    (directory / "config.json").write_text(json.dumps(codec_config()), "utf-8")
    save_file(dict(codec.state_dict()), directory / "model.safetensors")
    return directory
