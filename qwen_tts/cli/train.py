"""`qwen-tts train`: models learn. One command for each thing that can be trained."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from .train_options import Device, Peak, Seed
from .train_sets import codes, export, guess, pack, plot
from .train_stages import codec, context, decoder, talker

train = typer.Typer(no_args_is_help=True, help="Train: a voice of your own from a base model; or a model from nothing.")

Data = Annotated[Path, typer.Argument(help='A jsonl file, a line a clip: {"audio", "text", "ref_audio"[, "language"]}.')]
Model = Annotated[str, typer.Option(help="A base model: its directory or its name on a hub.")]
Name = Annotated[str, typer.Option(help="What the voice is called.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="The directory of the new model; it must not exist yet.")]
Epochs = Annotated[float, typer.Option(min=0, help="How often to go through the clips.")]
Size = Annotated[int, typer.Option(min=1, help="Clips at once.")]
Accumulate = Annotated[int, typer.Option(min=1, help="Batches a step.")]
Lora = Annotated[int | None, typer.Option(min=1, help="Train adapters of this rank instead of whole matrices: less memory.")]


@train.command()
def voice(
    data: Data, model: Model, name: Name, output: Output, epochs: Epochs = 3, rate: Peak = 2e-5, batch: Size = 2,
    accumulate: Accumulate = 4, lora: Lora = None, device: Device = "auto", seed: Seed = 0,
) -> None:  # fmt: skip
    """Teach a base model one person's voice, and write a custom voice model that has it.

    Its codes, its log and, every three minutes, its state are kept beside the output, in OUTPUT.training: stopped, the same
    command goes on from there. `torchrun --nproc-per-node N -m qwen_tts train voice …` trains with N processes.
    """
    from tqdm import tqdm

    from ..checkpoint import load_model
    from ..errors import DataError, OptionError
    from ..resolve import resolve
    from ..train import spread
    from ..train.finetune import TuneOptions, VoiceTrainer
    from ..train.loop import train as run
    from ..train.voice_clips import read_examples
    from ..voice_store import NAME, NAMES

    if not NAME.fullmatch(name):
        raise OptionError(f"no voice can be called {name[:80]!r}: {NAMES}")
    if output.exists():
        raise OptionError(f"{output} is there already: choose another name")
    if not output.parent.is_dir():
        raise OptionError(f"the folder {output.parent} does not exist; make it first")
    if not data.is_file():
        raise DataError(f"there is no file {data}")
    base, work = resolve(model), output.with_name(f"{output.name}.training")
    with spread.processes(device) as here:
        loaded = load_model(base, here, "float32")
        if loaded.speaker_encoder is None:
            raise OptionError(f"{model} is a {loaded.config.tts_model_type} model; a new voice is learned by a base model")
        first = spread.number() == 0
        bar = partial(tqdm, unit="clip", desc="encoding", disable=not first)
        examples, vector = read_examples(data, loaded, bar, work / "codes.safetensors")
        steps = max(1, round(epochs * len(examples) / (batch * accumulate * spread.count())))
        on_gpu = loaded.device.type != "cpu"
        options = TuneOptions(steps, batch, accumulate, rate, warmup=min(10, steps), lora=lora, seed=seed, bf16=on_gpu)
        trainer = VoiceTrainer(loaded, examples, vector, options)
        if first:
            typer.echo(f"{len(examples)} clips, {steps} steps; if it is stopped, the same command goes on", err=True)
        run(trainer, steps, work, log_every=max(1, min(10, steps // 10)))
        if first:
            trainer.write(base, name, output)
            typer.echo(f"{output}: qwen-tts say --model {output} --speaker {name.lower()} TEXT", err=True)
        spread.together()


for stage in (pack, codec, codes, context, decoder, talker, guess, export, plot):
    train.command()(stage)
