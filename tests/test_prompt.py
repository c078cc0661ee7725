"""Every prompt layout as a table written by hand, and the embeddings that come of it."""

import pytest
import torch

from qwen_tts.config import ModelConfig
from qwen_tts.errors import ConfigError, OptionError, TextError
from qwen_tts.prompt import build_layout, embed, resolve_language, resolve_speaker, supported_languages, supported_speakers
from tests import utterances
from tests.tensor_lists import RELEASED

ROLE = "header im_start - | header assistant - | header 198 -"
AUTO = "header tts_pad nothink | header tts_pad think_bos | header tts_pad think_eos"


def config(name: str) -> ModelConfig:
    return ModelConfig.from_file(RELEASED / f"{name}.config.json")


def table(name: str = "0.6B-CustomVoice", **arguments) -> list[str]:
    c = config(name)
    given = {"text_ids": [11, 12, 13], "role_ids": [151644, 77091, 198], "streaming_text": False} | arguments
    return [" ".join(row) for row in build_layout(c, **given).table(c)]


def rows(*parts: str) -> list[str]:
    return [line.strip() for part in parts for line in part.split("|")]


def test_custom_voice():
    assert table(speaker="Vivian", language="English") == rows(
        ROLE,
        "header tts_pad think | header tts_pad think_bos | header tts_pad english | header tts_pad think_eos",
        "header tts_pad vivian | header tts_bos pad",
        "body 11 pad | body 12 pad | body 13 pad | body tts_eos pad | body tts_pad bos",
        "trailing tts_pad frame 0",
    )


def test_custom_voice_with_streaming_text_and_no_language():
    assert table(speaker="ryan", streaming_text=True) == rows(
        ROLE, AUTO, "header tts_pad ryan | header tts_bos pad", "body 11 bos",
        "trailing 12 frame 0 | trailing 13 frame 1 | trailing tts_eos frame 2",
    )  # fmt: skip


def test_instruction_goes_first_and_whole():
    found = table(speaker="ryan", streaming_text=True, instruct_ids=[151644, 872, 198, 151645, 198])
    assert found[:5] == rows("instruct im_start - | instruct 872 - | instruct 198 - | instruct im_end - | instruct 198 -")
    assert found[5:] == table(speaker="ryan", streaming_text=True)


def test_voice_design_has_no_speaker():
    assert table("1.7B-VoiceDesign", text_ids=[11]) == rows(
        ROLE, AUTO, "header tts_bos pad", "body 11 pad | body tts_eos pad | body tts_pad bos", "trailing tts_pad frame 0"
    )


def test_clone_by_speaker_vector():
    assert table("0.6B-Base", voice=True, text_ids=[11, 12], language="french", streaming_text=True) == rows(
        ROLE,
        "header tts_pad think | header tts_pad think_bos | header tts_pad french | header tts_pad think_eos",
        "header tts_pad speaker | header tts_bos pad",
        "body 11 bos | trailing 12 frame 0 | trailing tts_eos frame 1",
    )


def test_clone_in_context_text_first():
    assert table("0.6B-Base", voice=True, reference_ids=[21, 22], reference_frames=3) == rows(
        ROLE, AUTO, "header tts_pad speaker | header tts_bos pad",
        "body 21 pad | body 22 pad | body 11 pad | body 12 pad | body 13 pad | body tts_eos pad",
        "body tts_pad bos | body tts_pad frame 0 | body tts_pad frame 1 | body tts_pad frame 2",
        "trailing tts_pad frame 0",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("frames", "body", "trailing"),
    [
        (2, "body 21 bos | body 22 frame 0 | body 11 frame 1", "trailing 12 frame 0 | trailing tts_eos frame 1"),
        (
            3,
            "body 21 bos | body 22 frame 0 | body 11 frame 1 | body 12 frame 2",
            "trailing tts_eos frame 0",
        ),
        (
            4,
            "body 21 bos | body 22 frame 0 | body 11 frame 1 | body 12 frame 2 | body tts_eos frame 3",
            "trailing tts_pad frame 0",
        ),
        (
            6,
            "body 21 bos | body 22 frame 0 | body 11 frame 1 | body 12 frame 2 | body tts_eos frame 3"
            "| body tts_pad frame 4 | body tts_pad frame 5",
            "trailing tts_pad frame 0",
        ),
    ],
    ids=["text-longer", "text-longer-by-one", "same", "reference-longer"],
)
def test_clone_in_context_side_by_side(frames, body, trailing):
    found = table(
        "1.7B-Base", voice=True, text_ids=[11, 12], reference_ids=[21, 22], reference_frames=frames, streaming_text=True
    )
    assert found == rows(ROLE, AUTO, "header tts_pad speaker | header tts_bos pad", body, trailing)


def test_table_without_names():
    c = config("0.6B-Base")
    layout = build_layout(c, text_ids=[11], role_ids=[151644, 77091, 198], voice=True, streaming_text=True)
    assert layout.table()[3:9] == [
        ("header", "151671", "2155"), ("header", "151671", "2156"), ("header", "151671", "2157"),
        ("header", "151671", "speaker"), ("header", "151672", "2148"), ("body", "11", "2149"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("language", "speaker", "expected"),
    [
        (None, None, None), ("Auto", None, None), ("auto", "vivian", None),
        ("CHINESE", None, 2055), ("English", "vivian", 2050),
        (None, "Dylan", 2074), ("auto", "eric", 2062), ("Chinese", "dylan", 2074), ("english", "dylan", 2050),
    ],
)  # fmt: skip
def test_language_and_dialect(language, speaker, expected):
    assert resolve_language(config("1.7B-CustomVoice"), language, speaker) == expected


@pytest.mark.parametrize("language", ["klingon", "sichuan_dialect", "", "Beijing_Dialect"])
def test_unknown_language_lists_the_legal_ones(language):
    with pytest.raises(OptionError, match=r"auto, chinese, english, french, .*spanish$"):
        resolve_language(config("1.7B-CustomVoice"), language, None)


def test_speakers():
    c = config("0.6B-CustomVoice")
    assert resolve_speaker(c, "Uncle_Fu") == 3010
    with pytest.raises(OptionError, match=r"'bob'.*aiden, dylan, eric.*vivian"):
        resolve_speaker(c, "bob")
    with pytest.raises(OptionError, match="no preset voices"):
        resolve_speaker(config("0.6B-Base"), "ryan")
    assert len(supported_speakers(c)) == 9
    assert len(supported_languages(c)) == len(supported_languages(config("0.6B-Base"))) == 11


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"text_ids": []}, TextError, "no text"),
        ({"text_ids": [1] * 40_000}, TextError, "40010 positions .* 32768"),
        ({"role_ids": [1, 2, 3]}, ConfigError, "im_start_token_id"),
        ({"role_ids": [151644, 77091]}, ConfigError, "im_start_token_id"),
        ({"speaker": "ryan", "voice": True}, OptionError, "not both"),
        ({"reference_ids": [1]}, OptionError, "transcript"),
        ({"reference_frames": 3}, OptionError, "transcript"),
        ({"speaker": "nobody"}, OptionError, "nobody"),
        ({"language": "nothing"}, OptionError, "nothing"),
    ],
)
def test_errors(arguments, error, words):
    with pytest.raises(error, match=words):
        table(**arguments)


def small_layout(streaming_text: bool, frames: int, **arguments):
    c = utterances.config("base")
    return build_layout(
        c, text_ids=[30, 31, 32], role_ids=utterances.role_ids(c), voice=True, reference_ids=[40, 41] if frames else None,
        reference_frames=frames, language="english", streaming_text=streaming_text, **arguments,
    )  # fmt: skip


@pytest.mark.parametrize("streaming_text", [True, False])
@pytest.mark.parametrize("frames", [0, 2, 9])
def test_embeddings_are_the_sums_that_the_table_names(streaming_text, frames):
    c, talker = utterances.config("base"), utterances.talker("base")
    layout = small_layout(streaming_text, frames, instruct_ids=[50, 51])
    generator = torch.Generator().manual_seed(1)
    vector = torch.randn(c.talker_config.hidden_size, generator=generator)
    codes = torch.randint(0, 64, (frames, 4), generator=generator)
    prompt = embed(layout, talker, vector, codes if frames else None)

    numbers = [(text, codec) for part, text, codec in layout.table() if part != "trailing"]
    assert len(prompt.embeddings) == len(numbers)
    for found, (text, codec) in zip(prompt.embeddings, numbers, strict=True):
        expected = torch.zeros_like(found)
        if text != "-":
            expected += talker.embed_text(torch.tensor(int(text)))
        if codec == "speaker":
            expected += vector
        elif codec.startswith("frame "):
            frame = codes[int(codec.removeprefix("frame "))]
            expected += talker.model.codec_embedding.weight[frame[0]]
            for group in (1, 2, 3):
                expected += talker.code_predictor.model.codec_embedding[group - 1].weight[frame[group]]
        elif codec != "-":
            expected += talker.model.codec_embedding.weight[int(codec)]
        torch.testing.assert_close(found, expected)
    torch.testing.assert_close(prompt.trailing, talker.embed_text(torch.tensor(layout.trailing)))
    torch.testing.assert_close(prompt.pad, talker.embed_text(torch.tensor(c.tts_pad_token_id)))
    assert prompt.text_tokens == 3


def test_text_of_the_frames_ends_in_padding():
    prompt = utterances.prompt(4)
    assert len(prompt.trailing) == 4  # three tokens and the end
    assert prompt.step_text(2).equal(prompt.trailing[:2])
    assert prompt.step_text(6).equal(torch.cat((prompt.trailing, prompt.pad[None], prompt.pad[None])))
    frames = torch.randn(5, prompt.pad.shape[0])
    whole = prompt.teacher_forced(frames)
    assert whole.equal(torch.cat((prompt.embeddings, frames + prompt.step_text(5))))


def test_gradients_reach_all_that_made_the_prompt():
    talker = utterances.talker("base").__class__(utterances.config("base").talker_config)
    vector = torch.randn(32, requires_grad=True)
    prompt = embed(small_layout(False, 2), talker, vector, torch.tensor([[1, 2, 3, 4], [5, 6, 7, 8]]))
    (prompt.embeddings.sum() + prompt.trailing.sum()).backward()
    reached = [talker.model.text_embedding, talker.text_projection.linear_fc1, talker.model.codec_embedding]
    reached += list(talker.code_predictor.model.codec_embedding)
    assert all(module.weight.grad is not None and module.weight.grad.any() for module in reached)
    assert vector.grad is not None and vector.grad.eq(1).all()


@pytest.mark.parametrize(
    ("vector", "codes", "words"),
    [
        (None, torch.zeros(2, 4, dtype=torch.int64), "speaker vector of 32 numbers, found none"),
        (torch.zeros(31), torch.zeros(2, 4, dtype=torch.int64), r"32 numbers, found one of shape \[31\]"),
        (torch.zeros(32), None, r"codes of shape \[2, 4\], found none"),
        (torch.zeros(32), torch.zeros(2, 3, dtype=torch.int64), r"codes of shape \[2, 4\], found codes of shape \[2, 3\]"),
        (torch.zeros(32), torch.zeros(3, 4, dtype=torch.int64), r"\[2, 4\], found codes of shape \[3, 4\]"),
    ],
)
def test_misfitting_voices_are_refused(vector, codes, words):
    with pytest.raises(OptionError, match=words):
        embed(small_layout(False, 2), utterances.talker("base"), vector, codes)
