"""Where the trainings of the next built-in model stand, in one file of 8-bit weights: start.safetensors beside this script.

    python start.py save WORK     from WORK/controls, WORK/talker and WORK/codebooks.npz
    python start.py load WORK     WORK/codebooks.npz, and WORK/controls.pt and WORK/talker.pt for `--start`

Trainings are long, and machines are lost with what is on them. It goes when the weights that are learned from it are released.
"""

import argparse
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch
from codes import Codebooks
from safetensors.torch import load_file, save_file
from torch import Tensor

from qwen_tts.train.loop import saved_trainer
from qwen_tts.train.talker import averaged

FILE = Path(__file__).parent / "start.safetensors"
SCALE = ".scale"


def small(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Matrices in 8 bits with a scale a row, all else as it is."""
    found = {}
    for name, tensor in tensors.items():
        rows = tensor.float().flatten(1) if tensor.ndim > 1 else tensor
        if tensor.ndim > 1 and tensor.numel() > 4096:
            scale = rows.abs().amax(1).clamp(min=1e-12) / 127
            found[name] = (rows / scale[:, None]).round().to(torch.int8).view(tensor.shape)
            found[name + SCALE] = scale
        else:
            found[name] = tensor.contiguous().clone()
    return found


def whole(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """What `small` was given, nearly."""
    found = {}
    for name, tensor in tensors.items():
        if name + SCALE in tensors:
            found[name] = tensor.float() * tensors[name + SCALE].view(-1, *[1] * (tensor.ndim - 1))
        elif not name.endswith(SCALE):
            found[name] = tensor
    return found


def named(tensors: dict[str, Tensor], part: str) -> dict[str, Tensor]:
    return {name.removeprefix(part): tensor for name, tensor in tensors.items() if name.startswith(part)}


def save(work: Path) -> None:
    controls, known = saved_trainer(work / "controls" / "state.pt"), Codebooks.from_file(work / "codebooks.npz")
    learned = {f"controls.{name}": tensor for name, tensor in controls["average"].items()}
    learned |= {f"talker.{name}": tensor for name, tensor in averaged(saved_trainer(work / "talker" / "state.pt")).items()}
    kept = {f"codebooks.{f.name}": torch.from_numpy(np.ascontiguousarray(getattr(known, f.name))) for f in fields(known)}
    kept["strongest"] = torch.from_numpy(np.load(work / "controls" / "strongest.npy"))
    save_file(small(learned) | kept, FILE)
    print(f"{FILE}: {FILE.stat().st_size / 1e6:.1f} MB")


def load(work: Path) -> None:
    tensors = whole(load_file(FILE))
    (work / "controls").mkdir(parents=True, exist_ok=True)
    Codebooks(**{name: tensor.numpy() for name, tensor in named(tensors, "codebooks.").items()}).save(work / "codebooks.npz")
    np.save(work / "controls" / "strongest.npy", tensors["strongest"].numpy())
    torch.save({"step": 0, "trainer": {"average": named(tensors, "controls.")}}, work / "controls.pt")
    talker = {"talker": named(tensors, "talker."), "averages": {"talker": {}}}
    torch.save({"step": 0, "trainer": talker}, work / "talker.pt")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("do", choices=["save", "load"])
    parser.add_argument("work", type=Path)
    args = parser.parse_args()
    (save if args.do == "save" else load)(args.work)


if __name__ == "__main__":
    main()
