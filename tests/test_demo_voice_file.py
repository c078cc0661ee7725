"""Voice files of the official demo, which are pickles: read, but never run; everything that only looks like one."""

import io
import os
import pickle
import struct
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch

from qwen_tts import VoiceClonePromptItem
from qwen_tts.errors import VoiceError
from qwen_tts.voice_file import read_voices
from tests.voice_items import WIDTH, item, same

GOLDEN = Path(__file__).parent / "golden" / "official_voice.pt"


def test_a_file_that_the_official_package_wrote() -> None:
    """Made by parity/make_voice.py."""
    both = [VoiceClonePromptItem(**fields) for fields in read_voices(GOLDEN)]
    first, second = both
    assert first.ref_code is not None and first.ref_code.ndim == 2 and first.ref_code.dtype == torch.int64
    assert first.icl_mode and first.ref_text == "Twelve sober cats — 猫." and first.made_with is None
    assert second.ref_code is None and second.x_vector_only_mode and second.ref_text is None
    with pytest.raises(VoiceError, match="holds 2 voices; `qwen-tts voice import`"):
        VoiceClonePromptItem.load(GOLDEN)
    stored = torch.load(GOLDEN, weights_only=True)["items"]
    for voice, fields in zip(both, stored, strict=True):
        assert same(VoiceClonePromptItem(**fields), voice)


def torch_file(payload: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(payload, buffer)
    return buffer.getvalue()


def with_pickle(data: bytes, compression: int = zipfile.ZIP_STORED, **parts: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in {"a__data.pkl": data, "a__byteorder": b"little", **parts}.items():
            archive.writestr(name.replace("__", "/"), content)
    return buffer.getvalue()


class Evil:
    """What a pickle runs when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_nothing_in_a_pickle_is_run(tmp_path: Path, protocol: int) -> None:
    path, victim = tmp_path / "me.pt", tmp_path / "victim"
    vector = torch.zeros(WIDTH)
    for payload in (Evil(victim), {"items": [Evil(victim)]}, {"items": [asdict(item()) | {"ref_text": Evil(victim)}]}):
        if protocol == 2:
            path.write_bytes(torch_file(payload))
            with pytest.raises(VoiceError, match="it asks for '(posix|nt).system'.*nothing of it was run"):
                VoiceClonePromptItem.load(path)
        path.write_bytes(with_pickle(pickle.dumps({"items": [Evil(victim), vector.tolist()]}, protocol)))
        with pytest.raises(VoiceError, match="no voice of the official demo"):
            VoiceClonePromptItem.load(path)
    path.write_bytes(pickle.dumps(Evil(victim), protocol))
    with pytest.raises(VoiceError):
        VoiceClonePromptItem.load(path)
    assert not victim.exists()
    torch.load(io.BytesIO(torch_file(Evil(victim))), weights_only=False)  # the trap does work
    assert victim.exists()


def bad_tensor(size: bytes, stride: bytes, offset: bytes = b"K\x00", number: bytes = b"0") -> bytes:
    storage = (
        b"((X\x07\0\0\0storagectorch\nFloatStorage\nX" + struct.pack("<I", len(number)) + number + b"X\x03\0\0\0cpuK\x02tQ"
    )
    tensor = (
        b"ctorch._utils\n_rebuild_tensor_v2\n"
        + storage
        + offset
        + size
        + b"\x85"
        + stride
        + b"\x85\x89ccollections\nOrderedDict\n)RtR"
    )
    return b"\x80\x02}X\x05\0\0\0items](}X\x11\0\0\0ref_spk_embedding" + tensor + b"saes."


LONG = b"\x8a\x08" + struct.pack("<q", 2**50)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (bad_tensor(b"K\x03", b"K\x01"), "cut short"),  # three numbers of a storage of two
        (bad_tensor(b"K\x02", b"K\x01", offset=b"K\x01"), "cut short"),
        (bad_tensor(LONG, b"K\x00"), "more than 4,194,304 numbers"),
        (bad_tensor(b"K\x02", LONG), "cut short"),
        (bad_tensor(b"J\xff\xff\xff\xff", b"K\x01"), "makes no sense"),
        (bad_tensor(b"K\x02", b"J\xff\xff\xff\xff"), "makes no sense"),
        (bad_tensor(b"\x88", b"K\x01"), "makes no sense"),
        (bad_tensor(b"K\x02", b"K\x01", number=b"1"), "part 'data/1' is missing"),
        (bad_tensor(b"K\x02", b"K\x01", number=b"../x"), "makes no sense"),
        (b"\x80\x02ctorch\nload\n.", "it asks for 'torch.load'"),
        (b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\nK\x01\x85R.", "it calls|damaged"),
        (b"\x80\x02ctorch\nFloatStorage\n" + LONG + b"\x85R.", "it calls"),
        (b"\x80\x02}.", "no list of voices"),
        (b"\x80\x02}X\x05\0\0\0items]s.", "no list of voices"),
        (b"\x80\x02}X\x05\0\0\0items](K\x01es.", "no list of voices"),
        (b"\x80\x02}X\x05\0\0\0items](}X\x01\0\0\0xK\x01saes.", "has the fields ref_code"),
        (b"\x80\x02}K\x01K\x01s.", "damaged"),
        (b"\x80\x02" + b"(" * 400_000 + b"t" * 400_000 + b".", "no list of voices"),
        (b"\x80\x02" + b"N" * 300_000 + b"(t" * 300_000 + b".", "no list of voices"),
        (b"\x80\x02" + b"\x85" * 1000, "damaged"),
        (b"\x80\x02N", "does not end|damaged"),
        (b"\x80\x02a.", "damaged"),
        (b"\x80\x02K\x01Kq\x00j\xff\xff\xff\x7f.", "damaged"),
        (b"\x80\x02X\xff\xff\xff\x7fabc.", "damaged"),
        (b"N" * (2**20 + 1), "missing or too large"),
        (b"", "does not end|damaged"),
    ],
    ids=range(26),
)
def test_hostile_pickles(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "me.pt"
    path.write_bytes(with_pickle(data, a__data__0=b"\0" * 8))
    with pytest.raises(VoiceError, match=words) as caught:
        VoiceClonePromptItem.load(path)
    assert len(str(caught.value)) < 600


def test_a_well_formed_one_of_the_hostile_kind_is_read(tmp_path: Path) -> None:
    """So that the errors above are about what they say."""
    path = tmp_path / "me.pt"
    path.write_bytes(with_pickle(bad_tensor(b"K\x02", b"K\x01"), a__data__0=b"\0" * 8))
    with pytest.raises(VoiceError, match="needs ref_code and ref_text"):
        VoiceClonePromptItem.load(path)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (with_pickle(b"N.", zipfile.ZIP_DEFLATED, a__data__0=bytes(2**30 >> 4)), "larger than 16 MiB"),
        (with_pickle(b"N.", zipfile.ZIP_LZMA), "unusual way"),
        (with_pickle(b"N.", a__byteorder=b"big"), "little-endian|twice"),
        (with_pickle(b"N.", b__data_pkl=b""), "no list of voices"),
        (with_pickle(b"N.").replace(b"a/data.pkl", b"a/dota.pkl"), "no data.pkl"),
        (b"PK\x03\x04 and no more", "not a zip file"),
    ],
    ids=range(6),
)
def test_hostile_archives(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "me.pt"
    path.write_bytes(data)
    with pytest.raises(VoiceError, match=words):
        VoiceClonePromptItem.load(path)
