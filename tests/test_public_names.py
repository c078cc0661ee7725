"""What others import, and how they call it. A change here breaks someone's program."""

import inspect

import pytest

import qwen_tts
from qwen_tts import Qwen3TTSModel, Qwen3TTSTokenizer, VoiceClonePromptItem
from qwen_tts.arguments import GenerationKeywords
from qwen_tts.resolve import HubKeywords

REQUIRED = inspect.Parameter.empty
CUSTOM = {"text": REQUIRED, "speaker": REQUIRED, "language": None, "instruct": None, "non_streaming_mode": True}
DESIGN = {"text": REQUIRED, "instruct": REQUIRED, "language": None, "non_streaming_mode": True}
VOICE = {"ref_audio": None, "ref_text": None, "x_vector_only_mode": False, "voice_clone_prompt": None}
CLONE = {"text": REQUIRED, "language": None} | VOICE | {"non_streaming_mode": False}
LOAD = {"pretrained_model_name_or_path": REQUIRED, "device_map": None, "dtype": None, "attn_implementation": None}
CALLS = [
    (Qwen3TTSModel.from_pretrained, LOAD),
    (Qwen3TTSModel.generate_custom_voice, CUSTOM),
    (Qwen3TTSModel.stream_custom_voice, CUSTOM),
    (Qwen3TTSModel.astream_custom_voice, CUSTOM),
    (Qwen3TTSModel.generate_voice_design, DESIGN),
    (Qwen3TTSModel.stream_voice_design, DESIGN),
    (Qwen3TTSModel.astream_voice_design, DESIGN),
    (Qwen3TTSModel.generate_voice_clone, CLONE),
    (Qwen3TTSModel.stream_voice_clone, CLONE),
    (Qwen3TTSModel.astream_voice_clone, CLONE),
    (Qwen3TTSModel.create_voice_clone_prompt, {"ref_audio": REQUIRED, "ref_text": None, "x_vector_only_mode": False}),
    (Qwen3TTSModel.get_supported_speakers, {}),
    (Qwen3TTSModel.get_supported_languages, {}),
    (Qwen3TTSTokenizer.from_pretrained, LOAD),
    (Qwen3TTSTokenizer.encode, {"audios": REQUIRED, "sr": None, "return_dict": True}),
    (Qwen3TTSTokenizer.decode, {"encoded": REQUIRED}),
    (Qwen3TTSTokenizer.get_model_type, {}),
    (Qwen3TTSTokenizer.get_input_sample_rate, {}),
    (Qwen3TTSTokenizer.get_output_sample_rate, {}),
    (Qwen3TTSTokenizer.get_encode_downsample_rate, {}),
    (Qwen3TTSTokenizer.get_decode_upsample_rate, {}),
]


def test_the_package_offers_four_names() -> None:
    assert sorted(qwen_tts.__all__) == ["Qwen3TTSModel", "Qwen3TTSTokenizer", "VoiceClonePromptItem", "__version__"]
    assert dir(qwen_tts) == qwen_tts.__all__
    with pytest.raises(AttributeError, match="no attribute 'Qwen3'"):
        qwen_tts.Qwen3  # noqa: B018


@pytest.mark.parametrize(("call", "expected"), CALLS, ids=lambda value: getattr(value, "__qualname__", ""))
def test_arguments_in_their_order_with_their_defaults(call: object, expected: dict[str, object]) -> None:
    parameters = inspect.signature(call).parameters.values()  # type: ignore[arg-type]
    named = [p for p in parameters if p.name != "self" and p.kind is p.POSITIONAL_OR_KEYWORD]
    assert [(p.name, p.default) for p in named] == list(expected.items())
    ours = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    kind = call.__qualname__.partition("_")[0].removeprefix("Qwen3TTSModel.")  # type: ignore[attr-defined]
    streams = {"schedule": (1, 2, 4, 8)}
    known = {"generate": {"retries": 1}, "stream": streams, "astream": streams, "from": {"engine": "auto", "voices_dir": None}}
    assert ours == known.get(kind, {})
    takes_options = any(p.kind is p.VAR_KEYWORD for p in parameters)
    assert takes_options == call.__name__.startswith(("generate_", "stream_", "astream_", "from_"))  # type: ignore[attr-defined]


def test_a_voice_has_the_official_fields() -> None:
    names = list(inspect.signature(VoiceClonePromptItem).parameters)
    assert names == ["ref_code", "ref_spk_embedding", "x_vector_only_mode", "icl_mode", "ref_text", "made_with"]  # ours last


def test_generation_keywords() -> None:
    official = """do_sample temperature top_k top_p repetition_penalty subtalker_dosample subtalker_temperature subtalker_top_k
        subtalker_top_p max_new_tokens""".split()
    ours = ["seed", "frames_per_token", "stop_loops", "max_silence", "speed", "reading"]
    assert list(GenerationKeywords.__annotations__) == official + ours


def test_hub_keywords() -> None:
    official = ["revision", "cache_dir", "local_files_only", "force_download", "token"]
    assert list(HubKeywords.__annotations__) == [*official, "source"]
