"""The released config files as frozen dataclasses, read strictly: the values come from the JSON, never from class defaults.

Sources: the released `config.json` of the five models and `speech_tokenizer/config.json`. Keys that Hugging Face's
`PretrainedConfig` writes and nothing reads are listed in `UNUSED`; any other unknown key is an error that names it.
"""

import dataclasses
import json
import os
import types
import typing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from .errors import ConfigError
from .resolve import BUILT_IN

UNUSED = frozenset(
    """_name_or_path _frame_rate add_cross_attention architectures attention_dropout audio_channels bad_words_ids
    begin_suppress_tokens bos_token_id chunk_size_feed_forward cross_attention_hidden_size decoder_start_token_id
    diversity_penalty do_sample dtype early_stopping encoder_no_repeat_ngram_size eos_token_id
    exponential_decay_length_penalty finetuning_task forced_bos_token_id forced_eos_token_id id2label initializer_range
    is_decoder is_encoder_decoder label2id layer_types length_penalty max_length max_window_layers min_length model_type
    no_repeat_ngram_size normalize num_beam_groups num_beams num_return_sequences output_attentions output_hidden_states
    output_scores pad_token_id prefix problem_type pruned_heads remove_invalid_values repetition_penalty return_dict
    return_dict_in_generate sep_token_id suppress_tokens task_specific_params temperature tf_legacy_loss
    tie_encoder_decoder tie_word_embeddings tokenizer_class top_k top_p torch_dtype torchscript transformers_version
    typical_p upsample_groups use_bfloat16 use_cache use_conv_shortcut use_causal_conv use_sliding_window use_streaming
    position_id_per_seconds semantic_codebook_size""".split()
)


@dataclass(frozen=True, slots=True)
class StrictConfig:
    """A dataclass that is read from JSON key by key. A field with a default may be absent; every other key must be there."""

    @classmethod
    def from_dict(cls, values: dict[str, Any], where: str = "config") -> Self:
        if not isinstance(values, dict):
            raise ConfigError(f"{where}: expected an object, found {type(values).__name__}")
        fields = {f.name: f for f in dataclasses.fields(cls)}
        hints = typing.get_type_hints(cls)
        if unknown := sorted(set(values) - set(fields) - UNUSED):
            raise ConfigError(f"{where}: unknown key {unknown[0]!r}; known keys are {', '.join(fields)}")
        read = {}
        for name, spec in fields.items():
            if name in values:
                read[name] = _convert(values[name], hints[name], f"{where}.{name}")
            elif spec.default is dataclasses.MISSING and spec.default_factory is dataclasses.MISSING:
                raise ConfigError(f"{where}: key {name!r} is missing")
        return cls(**read)

    @classmethod
    def from_file(cls, path: Path) -> Self:
        return cls.from_dict(read_json(path), path.name)


def read_json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path} is missing; a model directory needs it") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid JSON ({error}); download it again") from None


def _convert(value: Any, kind: Any, where: str) -> Any:
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:
        if value is None and types.NoneType in args:
            return None
        kind = next(a for a in args if a is not types.NoneType)
        return _convert(value, kind, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise ConfigError(f"{where}: expected a list, found {value!r}")
        return tuple(_convert(v, args[0], f"{where}[{i}]") for i, v in enumerate(value))
    if origin is dict:
        if not isinstance(value, dict):
            raise ConfigError(f"{where}: expected an object, found {value!r}")
        return {k: _convert(v, args[1], f"{where}.{k}") for k, v in value.items()}
    if dataclasses.is_dataclass(kind):
        return kind.from_dict(value, where)  # type: ignore[union-attr]
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is Any:
        return value
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ConfigError(f"{where}: expected {kind.__name__}, found {value!r}")
    return value


@dataclass(frozen=True, slots=True)
class CodePredictorConfig(StrictConfig):
    """Predicts codes 1..Q-1 of a frame (released: 5 layers, width 1024)."""

    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    vocab_size: int
    num_code_groups: int
    rope_theta: float
    rms_norm_eps: float
    max_position_embeddings: int
    hidden_act: str
    attention_bias: bool
    rope_scaling: dict[str, Any] | None
    sliding_window: int | None


@dataclass(frozen=True, slots=True)
class TalkerConfig(StrictConfig):
    """Predicts code 0 of each frame (released: 28 layers, width 1024 or 2048)."""

    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    vocab_size: int
    text_vocab_size: int
    text_hidden_size: int
    num_code_groups: int
    rope_theta: float
    rms_norm_eps: float
    max_position_embeddings: int
    hidden_act: str
    attention_bias: bool
    rope_scaling: dict[str, Any] | None
    sliding_window: int | None
    code_predictor_config: CodePredictorConfig
    codec_pad_id: int
    codec_bos_id: int
    codec_eos_token_id: int
    codec_think_id: int
    codec_nothink_id: int
    codec_think_bos_id: int
    codec_think_eos_id: int
    codec_language_id: dict[str, int]
    spk_id: dict[str, int]
    spk_is_dialect: dict[str, Any]  # false, or the name of the dialect that the speaker speaks


@dataclass(frozen=True, slots=True)
class SpeakerEncoderConfig(StrictConfig):
    """ECAPA-TDNN. The released JSON gives only the first two; the rest are the published class defaults."""

    enc_dim: int
    sample_rate: int
    mel_dim: int = 128
    enc_channels: tuple[int, ...] = (512, 512, 512, 512, 1536)
    enc_kernel_sizes: tuple[int, ...] = (5, 3, 3, 3, 1)
    enc_dilations: tuple[int, ...] = (1, 2, 3, 4, 1)
    enc_attention_channels: int = 128
    enc_res2net_scale: int = 8
    enc_se_channels: int = 128


@dataclass(frozen=True, slots=True)
class ModelConfig(StrictConfig):
    """`config.json` of a model directory."""

    tts_model_type: str  # base | custom_voice | voice_design
    tts_model_size: str  # 0b6 | 1b7 | (ours) tiny
    tokenizer_type: str
    talker_config: TalkerConfig
    im_start_token_id: int
    im_end_token_id: int
    assistant_token_id: int
    tts_pad_token_id: int
    tts_bos_token_id: int
    tts_eos_token_id: int
    speaker_encoder_config: SpeakerEncoderConfig | None = None

    @classmethod
    def of(cls, name: str | os.PathLike[str], directory: Path) -> "ModelConfig":
        """That of a model by its name and the directory that it was found in; see `resolve`."""
        config = cls.from_file(directory / "config.json")
        kind = BUILT_IN.get(os.fspath(name), config.tts_model_type)
        if kind == config.tts_model_type:
            return config
        talker = replace(config.talker_config, spk_id={}, spk_is_dialect={})
        return replace(config, tts_model_type=kind, talker_config=talker)


@dataclass(frozen=True, slots=True)
class EncoderConfig(StrictConfig):
    """The codec's encoder (Mimi's layout)."""

    num_filters: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    norm_eps: float
    rope_theta: float
    max_position_embeddings: int
    sliding_window: int
    hidden_act: str
    attention_bias: bool
    layer_scale_initial_scale: float
    kernel_size: int
    last_kernel_size: int
    residual_kernel_size: int
    num_residual_layers: int
    dilation_growth_rate: int
    compress: int
    upsampling_ratios: tuple[int, ...]
    pad_mode: str
    trim_right_ratio: float
    codebook_dim: int
    codebook_size: int
    num_quantizers: int
    num_semantic_quantizers: int
    vector_quantization_hidden_dimension: int
    sampling_rate: int


@dataclass(frozen=True, slots=True)
class DecoderConfig(StrictConfig):
    """The codec's decoder."""

    codebook_dim: int
    codebook_size: int
    num_quantizers: int
    num_semantic_quantizers: int
    latent_dim: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    rms_norm_eps: float
    rope_theta: float
    max_position_embeddings: int
    sliding_window: int
    hidden_act: str
    attention_bias: bool
    layer_scale_initial_scale: float
    decoder_dim: int
    upsample_rates: tuple[int, ...]
    upsampling_ratios: tuple[int, ...]
    vector_quantization_hidden_dimension: int


@dataclass(frozen=True, slots=True)
class CodecConfig(StrictConfig):
    """`speech_tokenizer/config.json`."""

    encoder_config: EncoderConfig
    decoder_config: DecoderConfig
    encoder_valid_num_quantizers: int
    input_sample_rate: int
    output_sample_rate: int
    encode_downsample_rate: int
    decode_upsample_rate: int


@dataclass(frozen=True, slots=True)
class GenerationConfig(StrictConfig):
    """`generation_config.json`: how frames are sampled. Fields are the official keyword names."""

    do_sample: bool = True
    temperature: float = 0.9
    top_k: int = 50
    top_p: float = 1.0
    repetition_penalty: float = 1.05
    subtalker_dosample: bool = True
    subtalker_temperature: float = 0.9
    subtalker_top_k: int = 50
    subtalker_top_p: float = 1.0
    max_new_tokens: int = 2048

    @classmethod
    def beside(cls, config: Path) -> Self:
        """What lies beside a model's config.json; without such a file the defaults."""
        path = config.with_name("generation_config.json")
        return cls.from_file(path) if path.is_file() else cls()
