"""`qwen-tts train pack|codes|guess|export|plot`: what stages learn from, and what is made of what they leave."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import DataError, OptionError
from .train_options import Config, Device, PackDir, Text, Threads, begin

TalkerState = Annotated[Path, typer.Argument(metavar="TALKER", help="state.pt of `qwen-tts train talker`.")]
AnyCodec = Annotated[
    str, typer.Argument(metavar="CODEC", help="state.pt of `qwen-tts train codec`, or a model whose codec it is.")
]
CodecConfigFile = Annotated[Path | None, typer.Option(help="config.json of the codec, if CODEC is a state.pt.")]


def pack(
    out: Annotated[Path, typer.Argument(help="The folder to write.")],
    manifests: Annotated[
        list[str], typer.Argument(help='jsonl files, a line a clip: {"audio", "text", "speaker", "language", "seconds"}.')
    ],
    rate: Annotated[int, typer.Option(help="Of the codec, Hz.")] = 24000,
) -> None:
    """Put clips into one training set: silence at the ends cut, loudness set. FILE.jsonl=4 takes four hours of that file."""
    from ..train.data import write_pack

    typer.echo(f"{write_pack(_rows(manifests), out, rate)} clips", err=True)


def codes(
    pack: PackDir, codec: AnyCodec, codec_config: CodecConfigFile = None, threads: Threads = 2, device: Device = "auto"
) -> None:
    """Put a codec's codes of all clips into the training set, for the stages that learn from codes."""
    from tqdm import tqdm

    from ..checkpoint import load_codec
    from ..train.coding import heard
    from ..train.data import Pack, perplexity, write_codes

    here, found = begin(pack, threads, device), _codec(codec, codec_config)
    made = load_codec(found, here) if isinstance(found, Path) else found[1].to(here).eval()
    rows = write_codes(heard(made, Pack(pack), partial(tqdm, unit="clip", desc="encoding")), pack)
    used = ", ".join(f"{perplexity(column):.0f}" for column in rows.T)
    typer.echo(f"{len(rows)} frames; codes in use, by their perplexity: {used}", err=True)


def guess(
    pack: PackDir, text: Text, talker: TalkerState,
    out: Annotated[Path, typer.Argument(help="A folder for the codes.")], config: Config,
    temperature: Annotated[float, typer.Option(min=0)] = 0.6, seed: Annotated[int, typer.Option()] = 0,
    threads: Threads = 2, device: Device = "auto",
) -> None:  # fmt: skip
    """Write what a talker would say in place of a set's codes, for --guessed: code 0 as it is, the others by its predictor."""
    from tqdm import tqdm

    from ..config import ModelConfig
    from ..resolve import resolve
    from ..talker.talker import Talker
    from ..text import TextTokenizer
    from ..train.coding import guessed
    from ..train.data import Codes, Pack, write_codes
    from ..train.loop import fill, saved_trainer
    from ..train.talker import averaged
    from ..train.talker_batches import TalkerBatches
    from ..train.talker_options import TalkerOptions

    here = begin(pack, threads, device)
    sizes = ModelConfig.from_file(config)
    made = Talker(sizes.talker_config).to(here)
    fill(made, averaged(saved_trainer(talker, "talker")), talker)
    options = TalkerOptions(steps=0, streaming_share=0, spelled=0, hidden=0, excerpts=0)
    batches = TalkerBatches(made, sizes, TextTokenizer.from_dir(resolve(text)), Pack(pack), Codes(pack), options)
    write_codes(guessed(batches, temperature, seed, partial(tqdm, unit="batch", desc="guessing")), out)


def export(
    talker: TalkerState, text: Text, codec: AnyCodec,
    out: Annotated[Path, typer.Argument(help="The directory of the new model; it must not exist yet.")], config: Config,
    codec_config: CodecConfigFile = None,
    decoder: Annotated[Path | None, typer.Option(help="state.pt of `qwen-tts train decoder`, if CODEC is a state.pt.")] = None,
) -> None:  # fmt: skip
    """Write a model directory in the released layout, which `from_pretrained` and all commands load."""
    from ..resolve import resolve
    from ..train.export import codec_that_speaks, talker_and_ears, write_model

    found = _codec(codec, codec_config)
    if not isinstance(found, Path):
        if decoder is None:
            raise OptionError("a state.pt of `train codec` makes no waves yet: give --decoder, the state.pt of `train decoder`")
        found = found[0], codec_that_speaks(found[1], decoder)
    elif decoder is not None:
        raise OptionError(f"{codec} has a decoder of its own; leave out --decoder")
    write_model(out, config, resolve(text), talker_and_ears(talker), found)
    typer.echo(f"{out}: qwen-tts say --model {out} TEXT", err=True)


def plot(
    folders: Annotated[list[Path], typer.Argument(help="Folders that trainings wrote: a line each in every panel.")],
    out: Annotated[Path, typer.Option("--output", "-o", help="FILE.svg, .png or .pdf.")] = Path("training.svg"),
) -> None:
    """Draw how losses fell: the logs of one or several trainings."""
    from ..train.curves import draw

    if out.suffix not in (".svg", ".png", ".pdf"):
        raise OptionError(f"cannot draw {out.suffix or 'a file without an ending'}; legal are .svg, .png and .pdf")
    typer.echo(f"{out}: {', '.join(draw(folders, out))}", err=True)


def _rows(manifests: list[str]) -> Iterator[tuple[dict[str, Any], Path]]:
    from ..train.data import numbered_lines

    for name in manifests:
        file, _, hours = name.rpartition("=")
        try:
            path, left = Path(file), float(hours) * 3600
        except ValueError:  # an equals sign of the path's own, or none
            path, left = Path(name), float("inf")
        if not path.is_file():
            raise DataError(f"there is no file {path}")
        for number, line in numbered_lines(path):
            try:
                row = {"instruct": ""} | json.loads(line)
                left -= row.get("seconds", 0)
                if left < 0:
                    break
                audio = path.parent / row["audio"]
                row = {"id": audio.stem} | row
                if wrong := [key for key in ("text", "speaker", "language", "instruct") if not isinstance(row[key], str)]:
                    raise ValueError(f"{wrong[0]} is no string")
                if not row["text"].strip():
                    raise ValueError("its text is empty")
                if not audio.is_file():
                    raise ValueError(f"there is no file {audio}")
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                what = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
                raise DataError(f"{path}, line {number}: {what}; it needs audio, text, speaker and language") from None
            yield row, audio


def _codec(name: str, config: Path | None) -> Any:
    """The directory of a model's codec; or, of a trained one's state.pt, its config.json and the codec."""
    from ..checkpoint import codec_folder
    from ..config import CodecConfig
    from ..resolve import resolve
    from ..train.codec import trained_codec

    if not Path(name).is_file():
        if config is not None:
            raise OptionError(f"{name} is a model, which has its codec's config; leave out --codec-config")
        return codec_folder(resolve(name))
    if config is None:
        raise OptionError(f"{name} is of a training: give --codec-config, the config.json that it was trained with")
    return config, trained_codec(CodecConfig.from_file(config), Path(name))
