"""A larger vocabulary with Chinese characters, and weights that are carried over to it."""

import json
import sys
from pathlib import Path

import grow
import make_vocabulary
import mandarin
import numpy as np
import pytest
import torch
from export import read_alike

from qwen_tts.text import ROLE, TextTokenizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A vocabulary of some English, with all characters."""
    made = tmp_path_factory.mktemp("text")
    (made / "text.tsv").write_text("a\tThe house stands on the hill.\nb\tThey stand there.\n", "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["make_vocabulary.py", str(made / "text.tsv"), str(made), "--size", "270"])
        make_vocabulary.main()
    return made


def test_every_character_is_one_token_and_english_is_as_it_was(folder: Path) -> None:
    tokenizer = TextTokenizer.from_dir(folder)
    ids = tokenizer.encode(mandarin.characters())
    assert len(set(ids)) == len(ids) == 6763
    merges = (folder / "merges.txt").read_text("utf-8").splitlines()
    learned = [line for line in merges if ord(line[0]) < 128 or line[0] == "Ġ"]
    assert learned == merges[: len(learned)]  # what English needs comes first, so no character changes it
    known = json.loads((folder / "vocab.json").read_text("utf-8"))
    assert ROLE in known and len(tokenizer.encode("，。？！")) == 4


def test_characters_that_sound_alike_get_one_vector(folder: Path) -> None:
    tokenizer = TextTokenizer.from_dir(folder)
    rows = torch.arange(max(grow.tokens(folder).values()) + 1).float()[:, None].repeat(1, 2)
    before = rows.clone()
    read_alike(rows, tokenizer)
    said, spelled = "塌他她它", mandarin.spelled("他她它塌")
    assert len({tuple(rows[i].tolist()) for i in tokenizer.encode(said)}) == 1
    assert torch.equal(rows[tokenizer.encode(spelled)], before[tokenizer.encode(spelled)])  # what was learned stays
    english = tokenizer.encode("The house")
    assert torch.equal(rows[english], before[english])


def test_rows_move_to_their_new_places() -> None:
    place = grow.places("abd", "abcd")
    assert place.tolist() == [0, 1, 2, 4]
    rows = torch.arange(8.0).reshape(4, 2)
    grown = grow.moved(rows, place.tolist(), 5)
    assert torch.equal(grown[place], rows) and grown[3].tolist() == [3.0, 4.0]


def test_the_sound_of_a_new_phone_is_measured() -> None:
    """Old rows stay; the new class is what is left of the frames that have it."""
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((6, 3)).astype(np.float32)  # two halves of three classes: 0, an old one, a new one
    phones = rng.integers(0, 3, (4000, 2)).astype(np.uint8)
    sound = truth[phones[:, 0]] + truth[3 + phones[:, 1]]

    class Heard:
        start = np.array([0, 4000]) * grow.NODES

        @staticmethod
        def get(clip: int) -> None:
            return None

    books = {"mean": np.zeros(3), "basis": np.eye(3), "expected": truth[[0, 1, 3, 4]]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grow, "heard", lambda _: sound)
        found = grow.expected_of_all(Heard, phones, books, np.array([0, 1]), 3)  # type: ignore[arg-type]
    assert np.array_equal(found[[0, 1, 3, 4]], truth[[0, 1, 3, 4]])
    assert np.allclose(found[[2, 5]], truth[[2, 5]], atol=0.05)
