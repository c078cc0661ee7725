"""Names that clients know -> names that are here: the table in `names.json`, and how it is looked up. Knows no models."""

import json
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any


@cache
def table() -> Mapping[str, Any]:
    """`names.json`: patterns of model names, voices with the preset speaker for each, speakers to take instead, languages."""
    return json.loads(Path(__file__).with_name("names.json").read_text("utf-8"))


def plain(name: str) -> str:
    """As names are compared: "Ono Anna" and "ono_anna" are one."""
    return name.strip().casefold().replace(" ", "_")


def model_kind(name: str) -> str | None:
    """Which kind of model a name of a hosted service means: "base", "any", or None for a name that is not in the table."""
    kinds = table()["models"]
    return next((kind for kind in kinds if any(fnmatchcase(name.casefold(), pattern) for pattern in kinds[kind])), None)


def speaker_for(name: str, speakers: Sequence[str]) -> str | None:
    """The speaker that is meant by a voice of a hosted service, or of a released model that has others.

    Args:
        name: the voice's.
        speakers: those of the model.
    Returns:
        The table's speaker for it; where the model lacks that, the first of the same sex that it has, or else its first.
        None for a voice that is not in the table.
    """
    for sex, voices in table()["voices"].items():
        if (meant := voices.get(plain(name))) is not None:
            found = [speaker for speaker in (meant, *table()["instead"][sex]) if speaker in speakers]
            return (found or list(speakers))[0]
    return None


def language_for(name: str | None) -> str | None:
    """A language's code ("en", "en-US") or name as the models name it; what is neither is passed on."""
    if name is None or not name.strip():
        return None
    key = name.strip().casefold()
    return table()["languages"].get(key.replace("_", "-").partition("-")[0] if len(key) < 8 else key, key)


def voices_known() -> list[str]:
    """All voices of the table."""
    return sorted({name for voices in table()["voices"].values() for name in voices})
