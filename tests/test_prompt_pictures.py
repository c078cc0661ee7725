"""The pictures of docs/prompt-layout.md are what `build_layout` builds.

A picture's first line says what to build: its part (header or body), then `name=value` or a bare switch.
"""

import re
from pathlib import Path

import pytest

from qwen_tts.config import ModelConfig
from qwen_tts.prompt import Frame, PromptLayout, Row, build_layout

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/prompt-layout.md").read_text("utf-8")
PICTURES = re.findall(r"^```layout ([^\n]*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)

# Stand-ins for token ids in the pictures: id -> how it is written there.
TEXT, REFERENCE, INSTRUCT = (
    {start + i: f"{letter}{i}" for i in range(9)} for start, letter in ((100, "t"), (200, "r"), (300, "i"))
)


def build(words: str) -> tuple[ModelConfig, PromptLayout]:
    """The layout that the words after "layout" ask for; `header` alone has one token of text."""
    asked: dict[str, str] = {}
    for word in words.split()[1:]:
        name, _, value = word.partition("=")
        asked[name] = value
    config = ModelConfig.from_file(ROOT / "tests/released/1.7B-CustomVoice.config.json")
    count = {name: int(asked.get(name, 0)) for name in ("text", "reference", "instruct", "frames")}
    return config, build_layout(
        config,
        text_ids=list(TEXT)[: count["text"] or 1],
        role_ids=[config.im_start_token_id, config.assistant_token_id, 198],
        instruct_ids=list(INSTRUCT)[: count["instruct"]],
        language=asked.get("language"),
        speaker=asked.get("speaker"),
        voice="voice" in asked,
        reference_ids=list(REFERENCE)[: count["reference"]],
        reference_frames=count["frames"],
        streaming_text="streaming" in asked,
    )


def drawn(config: ModelConfig, rows: tuple[Row, ...], trailing: tuple[int, ...]) -> list[list[str]]:
    """Rows and trailing text as the pictures write them."""
    talker = config.talker_config
    text = {None: "-", config.im_start_token_id: "IM", config.assistant_token_id: "AS", 198: "NL"} | TEXT | REFERENCE | INSTRUCT
    text |= {config.tts_pad_token_id: "P", config.tts_bos_token_id: "B", config.tts_eos_token_id: "E"}
    codec = {None: "-", "speaker": "spk", talker.codec_pad_id: "pad", talker.codec_bos_id: "bos"}
    codec |= {talker.codec_think_id: "TH", talker.codec_nothink_id: "NT"}
    codec |= {talker.codec_think_bos_id: "TB", talker.codec_think_eos_id: "TE"}
    codec |= {i: name for name, i in (talker.codec_language_id | talker.spk_id).items()}
    beside = [f"f{r.codec.index}" if isinstance(r.codec, Frame) else codec[r.codec] for r in rows]
    lines = [["text", *(text[row.text] for row in rows)], ["codec", *beside]]
    return [*lines, ["trailing", *(text[i] for i in trailing)]] if trailing else lines


@pytest.mark.parametrize(("words", "picture"), PICTURES, ids=[words for words, _ in PICTURES])
def test_the_picture_is_true(words, picture):
    config, layout = build(words)
    header = words.startswith("header")
    rows = layout.instruct + layout.header if header else layout.body
    trailing = () if header or layout.trailing == (layout.pad,) else layout.trailing  # padding for ever is not drawn
    assert [line.split() for line in picture.splitlines()] == drawn(config, rows, trailing)
