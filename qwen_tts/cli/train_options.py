"""Arguments that several commands of `qwen-tts train` take, and how each of them begins."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import OptionError

PackDir = Annotated[Path, typer.Argument(metavar="PACK", help="What `qwen-tts train pack` made.")]
Text = Annotated[
    str, typer.Argument(metavar="TEXT", help="A model whose text tokenizer it is, or a folder of vocab.json, merges.txt, …")
]
Config = Annotated[Path, typer.Option(help="The sizes: config.json of a model, or of its codec.")]
Threads = Annotated[int, typer.Option(min=1)]
Device = Annotated[str, typer.Option(help='"cpu", "cuda:0" or "auto".')]
Peak = Annotated[float, typer.Option(min=1e-9, help="The highest learning rate.")]
Seed = Annotated[int, typer.Option(help="Of all that is drawn.")]


def begin(pack: Path, threads: int, device: str, seed: int = 0) -> Any:
    """Where to train; what is not known of weights is drawn from the seed."""
    if not (pack / "clips.jsonl").is_file():
        raise OptionError(f"{pack} is no training set: make one with qwen-tts train pack")
    import torch

    from ..checkpoint import resolve_device

    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    return resolve_device(device)
