"""The configs of the small models that both sides load: the released ones with the sizes overridden.

So every structural key is as released. Used under both interpreters: nothing here knows either implementation.
"""

import json
from pathlib import Path
from typing import Any

RELEASED = Path(__file__).parents[1] / "tests" / "released"
KINDS = ("0.6B-Base", "0.6B-CustomVoice", "1.7B-Base", "1.7B-CustomVoice", "1.7B-VoiceDesign")
ENDING, EOS_GAIN = "0.6B-CustomVoice", 1.6  # this kind exists a second time, with an end-of-speech row that wins now and then

# Widths keep the released ratios. 0.6B: the talker is as wide as the predictor and its queries are twice as wide as itself.
# 1.7B: the talker is twice as wide as the predictor, so there is a projection between them; its queries are as wide as itself.
WIDTHS = {"0.6B": {"hidden_size": 64, "intermediate_size": 192}, "1.7B": {"hidden_size": 128, "intermediate_size": 384}}
TALKER: dict[str, Any] = {
    "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32, "text_hidden_size": 32,
}  # fmt: skip
PREDICTOR: dict[str, Any] = {
    "hidden_size": 64, "intermediate_size": 192, "num_hidden_layers": 2, "layer_types": ["full_attention"] * 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32,
}  # fmt: skip
# The 0.6B speaker encoder leaves out what the released JSON leaves out (class defaults apply); the 1.7B one is given in full.
SPEAKER: dict[str, dict[str, Any]] = {
    "0.6B": {}, "1.7B": {"enc_channels": [32, 32, 32, 32, 96], "enc_attention_channels": 16, "enc_se_channels": 24},
}  # fmt: skip
ENCODER: dict[str, Any] = {
    "num_filters": 8, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 2, "head_dim": 32, "codebook_dim": 16, "vector_quantization_hidden_dimension": 16,
    "upsample_groups": 64,
}  # fmt: skip
DECODER: dict[str, Any] = {
    "codebook_dim": 32, "latent_dim": 64, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3,
    "num_attention_heads": 4, "num_key_value_heads": 4, "head_dim": 16, "decoder_dim": 96,
    "vector_quantization_hidden_dimension": 32,
}  # fmt: skip


def released(name: str) -> dict[str, Any]:
    return json.loads((RELEASED / f"{name}.json").read_text("utf-8"))


def model_config(kind: str) -> dict[str, Any]:
    """`config.json` of a small model of a released kind."""
    config = released(f"{kind}.config")
    size = kind.split("-")[0]
    talker = config["talker_config"]
    talker.update(TALKER, **WIDTHS[size])
    talker["rope_scaling"]["mrope_section"] = [6, 5, 5]  # half a head, as released
    talker["code_predictor_config"].update(PREDICTOR)
    if "speaker_encoder_config" in config:
        config["speaker_encoder_config"].update(SPEAKER[size], enc_dim=talker["hidden_size"])
    return config


def codec_config() -> dict[str, Any]:
    """`speech_tokenizer/config.json` of the small codec."""
    config = released("speech_tokenizer.config")
    config["encoder_config"].update(ENCODER)
    config["decoder_config"].update(DECODER)
    return config


# The golden models are smaller still, and differ from the released ones wherever a number could be taken for granted.
GOLDEN_CODES, GOLDEN_GROUPS, GOLDEN_TEXT_VOCABULARY, GOLDEN_FIRST_SPECIAL = 64, 6, 320, 280
GOLDEN_SHIFT = 2048 - GOLDEN_CODES  # control ids follow the codes: English is 66 in place of 2050


def golden_model_config(kind: str) -> dict[str, Any]:
    config = model_config(kind)
    talker = config["talker_config"]
    width = 16 if kind.startswith("0.6B") else 32
    talker.update(hidden_size=width, intermediate_size=2 * width, num_hidden_layers=2, head_dim=16, text_hidden_size=24)
    talker.update(text_vocab_size=GOLDEN_TEXT_VOCABULARY, vocab_size=GOLDEN_CODES + 1024, num_code_groups=GOLDEN_GROUPS)
    talker["rope_scaling"]["mrope_section"] = [4, 2, 2]
    for table in ("codec_language_id", "spk_id"):
        talker[table] = {name: number - GOLDEN_SHIFT for name, number in talker[table].items()}
    for key in [key for key in talker if key.startswith("codec_") and key.endswith("_id") and key != "codec_language_id"]:
        talker[key] -= GOLDEN_SHIFT
    talker["code_predictor_config"].update(
        hidden_size=16, intermediate_size=32, head_dim=16, vocab_size=GOLDEN_CODES, num_code_groups=GOLDEN_GROUPS
    )
    if "speaker_encoder_config" in config:
        config["speaker_encoder_config"].update(enc_channels=[16, 16, 16, 16, 48], enc_attention_channels=8, enc_se_channels=8)
        config["speaker_encoder_config"]["enc_dim"] = width
    shift = 151643 - GOLDEN_FIRST_SPECIAL
    for key in ("im_start_token_id", "im_end_token_id", "tts_pad_token_id", "tts_bos_token_id", "tts_eos_token_id"):
        config[key] -= shift
    config["assistant_token_id"] = 256 + len("assistant") - 2  # the last of the toy vocabulary's first merges
    return config


def golden_codec_config() -> dict[str, Any]:
    config = codec_config()
    config["encoder_valid_num_quantizers"] = GOLDEN_GROUPS
    config["encoder_config"].update(
        num_filters=2, hidden_size=32, intermediate_size=48, head_dim=16, codebook_size=GOLDEN_CODES, num_quantizers=9,
        codebook_dim=8, vector_quantization_hidden_dimension=8, upsample_groups=32,
    )  # fmt: skip
    config["decoder_config"].update(
        codebook_dim=16, latent_dim=32, num_hidden_layers=2, decoder_dim=48, sliding_window=6,
        codebook_size=GOLDEN_CODES, num_quantizers=GOLDEN_GROUPS,
    )  # fmt: skip
    return config
