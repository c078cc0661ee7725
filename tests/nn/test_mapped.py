from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from qwen_tts.checkpoint import load_weights
from qwen_tts.nn.mapped import MAPPINGS, give_back

SIDE = 1024  # 4 MB a matrix
pytestmark = pytest.mark.skipif(not MAPPINGS.exists(), reason="only Linux tells how memory is used")


@pytest.fixture
def stored(tmp_path: Path) -> tuple[nn.Module, torch.Tensor]:
    """A module whose weights are a mapped file's bytes, all of them read, and a copy of them."""
    weights = torch.randn(8, SIDE, SIDE)
    save_file({f"{n}.weight": matrix.contiguous() for n, matrix in enumerate(weights)}, tmp_path / "model.safetensors")
    with torch.device("meta"):
        module = nn.Sequential(*(nn.Linear(SIDE, SIDE, bias=False) for _ in weights))
    load_weights(module, tmp_path, torch.device("cpu"))
    assert sum(float(p.sum()) for p in module.parameters()) == pytest.approx(float(weights.sum()), abs=1)
    return module, weights


def resident_file_mb() -> float:
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in status if line.startswith("RssFile"))


def test_what_is_given_back_takes_no_memory_and_is_there_when_it_is_read(stored: tuple[nn.Module, torch.Tensor]) -> None:
    module, weights = stored
    before = resident_file_mb()
    give_back(module)
    assert before - resident_file_mb() > 0.8 * weights.nbytes / 2**20
    for parameter, weight in zip(module.parameters(), weights, strict=True):
        assert torch.equal(parameter, weight)


def test_changed_weights_are_kept(stored: tuple[nn.Module, torch.Tensor]) -> None:
    module, weights = stored
    with torch.no_grad():
        module[3].weight[7] = 5.0  # type: ignore[index,union-attr]
    give_back(module)
    assert (module[3].weight[7] == 5.0).all()  # type: ignore[index,union-attr]
    assert torch.equal(module[2].weight, weights[2])


def test_weights_of_no_file_are_kept() -> None:
    module = nn.Linear(SIDE, SIDE)
    weight = module.weight.detach().clone()
    give_back(module)
    assert torch.equal(module.weight, weight)
