"""`qwen-tts train pack|codec|codes|context|decoder|talker|guess|export|plot`: a model from nothing, by stages."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import DataError, OptionError

PackDir = Annotated[Path, typer.Argument(metavar="PACK", help="What `qwen-tts train pack` made.")]
Out = Annotated[Path, typer.Argument(metavar="OUT", help="A folder for log.jsonl and state.pt; if they are there, it goes on.")]
Text = Annotated[
    str, typer.Argument(metavar="TEXT", help="A model whose text tokenizer it is, or a folder of vocab.json, merges.txt, …")
]
TalkerState = Annotated[Path, typer.Argument(metavar="TALKER", help="state.pt of `qwen-tts train talker`.")]
AnyCodec = Annotated[
    str, typer.Argument(metavar="CODEC", help="state.pt of `qwen-tts train codec`, or a model whose codec it is.")
]
CodecConfigFile = Annotated[Path | None, typer.Option(help="config.json of the codec, if CODEC is a state.pt.")]
CodecState = Annotated[Path, typer.Argument(help="state.pt of `qwen-tts train codec`.")]
Config = Annotated[Path, typer.Option(help="The sizes: config.json of a model, or of its codec.")]
Guessed = Annotated[Path | None, typer.Option(help="A folder of codes as a talker says them, for half of the clips.")]
Start = Annotated[Path | None, typer.Option(help="state.pt of an earlier training to begin with; its rates begin anew.")]
StartTalker = Annotated[str | None, typer.Option(help="A model, or state.pt of an earlier training, to begin with.")]
Steps = Annotated[int, typer.Option(min=1)]
Threads = Annotated[int, typer.Option(min=1)]
Compiled = Annotated[bool, typer.Option(help="torch.compile: faster, after some minutes.")]
Device = Annotated[str, typer.Option(help='"cpu", "cuda:0" or "auto".')]
Exact = Annotated[bool, typer.Option("--fp32", help="Without bfloat16.")]


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


def codec(
    pack: PackDir, out: Out, config: Config, start: Start = None, steps: Steps = 12000,
    peak: Annotated[float, typer.Option(help="The highest learning rate.")] = 6e-4, threads: Threads = 2,
    device: Device = "auto", compiled: Compiled = False, fp32: Exact = False,
) -> None:  # fmt: skip
    """Learn what codes are: the encoder and the codebooks. Phonetic targets beside the pack are for codebook 0."""
    from ..codec.codec import Codec
    from ..config import CodecConfig
    from ..train.codec import CodecOptions, CodecTrainer, PhoneticTargets
    from ..train.data import Pack

    here = _begin(pack, threads, device)
    options = CodecOptions(steps=steps, peak=peak, compiled=compiled, bf16=not fp32, **({"quantise_from": 0} if start else {}))
    targets = PhoneticTargets(pack) if (pack / "phonetic.f16").is_file() else None
    trainer = CodecTrainer(Codec(CodecConfig.from_file(config)).to(here), Pack(pack), targets, options)
    _take(trainer, start)
    _run(trainer, steps, out)


def codes(
    pack: PackDir, codec: AnyCodec, codec_config: CodecConfigFile = None, threads: Threads = 2, device: Device = "auto"
) -> None:
    """Put a codec's codes of all clips into the training set, for the stages that learn from codes."""
    from tqdm import tqdm

    from ..checkpoint import load_codec
    from ..train.coding import heard
    from ..train.data import Pack, perplexity, write_codes

    here, found = _begin(pack, threads, device), _codec(codec, codec_config)
    made = load_codec(found, here) if isinstance(found, Path) else found[1].to(here).eval()
    rows = write_codes(heard(made, Pack(pack), partial(tqdm, unit="clip", desc="encoding")), pack)
    used = ", ".join(f"{perplexity(column):.0f}" for column in rows.T)
    typer.echo(f"{len(rows)} frames; codes in use, by their perplexity: {used}", err=True)


def context(
    pack: PackDir,
    codec: CodecState,
    out: Out,
    config: Config,
    guessed: Guessed = None,
    steps: Steps = 3000,
    threads: Threads = 1,
    device: Device = "auto",
) -> None:
    """Learn the decoder below audio rates, from spectra, on codes that stay."""
    from ..config import CodecConfig
    from ..train.codec import CodecOptions, CodecTrainer, trained_codec
    from ..train.context import ContextOptions, ContextTrainer
    from ..train.data import Pack
    from ..train.loop import saved_trainer

    here = _begin(pack, threads, device)
    made = trained_codec(CodecConfig.from_file(config), codec).to(here)
    stage = CodecTrainer(made, Pack(pack), None, CodecOptions(steps=0))
    stage.spectral.load_state_dict(saved_trainer(codec)["spectral"])
    _run(ContextTrainer(stage, _codes(pack, guessed), ContextOptions(steps=steps)), steps, out)


def decoder(
    pack: PackDir, codec: CodecState, out: Out, config: Config,
    context: Annotated[Path | None, typer.Option(help="state.pt of `qwen-tts train context`.")] = None,
    guessed: Guessed = None, start: Start = None, steps: Steps = 5000,
    warmup: Annotated[int, typer.Option(help="Steps before the discriminators have a say.")] = 4000,
    threads: Threads = 1, device: Device = "auto", compiled: Compiled = False,
) -> None:  # fmt: skip
    """Learn to make waves, at last against discriminators, on codes that stay."""
    from ..config import CodecConfig
    from ..train.codec import trained_codec
    from ..train.data import Pack
    from ..train.decoder import DecoderOptions, DecoderTrainer
    from ..train.loop import saved_trainer

    here = _begin(pack, threads, device)
    made = trained_codec(CodecConfig.from_file(config), codec).to(here)
    if context is not None:
        state = saved_trainer(context)
        made.decoder.load_state_dict(state["decoder"] | state["average"])
    options = DecoderOptions(steps=steps, warmup=warmup, compiled=compiled)
    trainer = DecoderTrainer(made, Pack(pack), _codes(pack, guessed), options)
    _take(trainer, start)
    _run(trainer, steps, out)


def talker(
    pack: PackDir,
    text: Text, out: Out, config: Config, guessed: Guessed = None, start: StartTalker = None, steps: Steps = 10000,
    threads: Threads = 2, device: Device = "auto", compiled: Compiled = False, fp32: Exact = False,
    peak: Annotated[float, typer.Option(help="The highest learning rate.")] = 1e-3,
    excerpts: Annotated[float, typer.Option(help="Share of the clips of which only a run of words is shown.")] = 0.15,
    cloned: Annotated[float, typer.Option(help="Share of named or described clips whose voice a vector tells.")] = 0.35,
    described: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Share of the speech that is of described voices; else as much as one speaker's."),
    ] = None,
    beginning: Annotated[
        float, typer.Option(min=0, help="As how many frames a clip's first one counts: it chooses the voice, others copy it.")
    ] = 1.0,
    tokens: Annotated[int, typer.Option(min=100, help="Positions a batch, of text and frames.")] = 2000,
    accumulate: Annotated[int, typer.Option(min=1, help="Batches a step.")] = 1,
    listen: Annotated[Path | None, typer.Option(help="Sentences, a line each, to be spoken now and then: OUT/samples.")] = None,
    listen_every: Annotated[int, typer.Option(min=1, help="Steps.")] = 500,
    codec: Annotated[str | None, typer.Option(help="A model whose codec makes the samples' waves.")] = None,
) -> None:  # fmt: skip
    """Learn to speak texts in codes: preset voices, instructions, and voices by description, as the clips have them.

    A config with `speaker_encoder_config` adds voices of recordings: the speaker encoder learns along, unless vectors.npy
    beside the clips says what one that is taught by itself would tell. `torchrun --nproc-per-node N -m qwen_tts train talker …`
    trains with N processes.
    """
    import numpy as np
    import torch

    from ..config import ModelConfig
    from ..resolve import resolve
    from ..speaker.ecapa import SpeakerEncoder
    from ..talker.talker import Talker
    from ..text import TextTokenizer
    from ..train import spread
    from ..train.data import Alignment, Codes, Pack
    from ..train.talker import TalkerOptions, TalkerTrainer

    with spread.processes(device) as place:
        here = _begin(pack, threads, place)
        torch.manual_seed(0)
        sizes = ModelConfig.from_file(config)
        options = TalkerOptions(
            steps=steps,
            tokens=tokens,
            accumulate=accumulate,
            peak=peak,
            compiled=compiled,
            bf16=not fp32,
            excerpts=excerpts,
            cloned=cloned,
            described=described,
            beginning=beginning,
        )
        alignment = Alignment(pack) if (pack / "aligned.f4").is_file() else None
        vectors = np.load(pack / "vectors.npy") if (pack / "vectors.npy").is_file() else None
        ears = None if vectors is not None else sizes.speaker_encoder_config
        encoder = None if ears is None else SpeakerEncoder(ears).to(here)
        said, tokenizer = None if guessed is None else Codes(guessed), TextTokenizer.from_dir(resolve(text))
        made = Talker(sizes.talker_config).to(here)
        trainer = TalkerTrainer(
            made, sizes, tokenizer, Pack(pack), Codes(pack), options, alignment, said, encoder, vectors
        )  # fmt: skip
        _take(trainer, start)
        listener = _listener(trainer, listen, codec, config, out) if listen is not None and spread.number() == 0 else None
        _run(trainer, steps, out, listener, listen_every)
        spread.together()


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
    from ..train.loop import saved_trainer
    from ..train.talker import TalkerOptions, TalkerTrainer, averaged

    here = _begin(pack, threads, device)
    sizes = ModelConfig.from_file(config)
    made = Talker(sizes.talker_config).to(here)
    made.load_state_dict(averaged(saved_trainer(talker)))
    options = TalkerOptions(steps=0, streaming_share=0, spelled=0, hidden=0, excerpts=0)
    trainer = TalkerTrainer(made, sizes, TextTokenizer.from_dir(resolve(text)), Pack(pack), Codes(pack), options)
    write_codes(guessed(trainer, temperature, seed, partial(tqdm, unit="batch", desc="guessing")), out)


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
    for name in manifests:
        file, _, hours = name.partition("=")
        left, path = float(hours) * 3600 if hours else float("inf"), Path(file)
        if not path.is_file():
            raise DataError(f"there is no file {path}")
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            try:
                row = json.loads(line)
                left -= row.get("seconds", 0)
                audio = path.parent / row["audio"]
                row = {"id": audio.stem, "instruct": ""} | row | {key: row[key] for key in ("text", "speaker", "language")}
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise DataError(f"{path}, line {number}: {error!r}; it needs audio, text, speaker and language") from None
            if left < 0:
                break
            yield row, audio


def _begin(pack: Path, threads: int, device: str) -> Any:
    """Where to train."""
    if not (pack / "clips.jsonl").is_file():
        raise OptionError(f"{pack} is no training set: make one with qwen-tts train pack")
    import torch

    from ..checkpoint import resolve_device

    torch.set_num_threads(threads)
    return resolve_device(device)


def _codec(name: str, config: Path | None) -> Any:
    """The directory of a model's codec; or, of a trained one's state.pt, its config.json and the codec."""
    from ..config import CodecConfig
    from ..resolve import resolve
    from ..train.codec import trained_codec

    if not Path(name).is_file():
        if config is not None:
            raise OptionError(f"{name} is a model, which has its codec's config; leave out --codec-config")
        return resolve(name) / "speech_tokenizer"
    if config is None:
        raise OptionError(f"{name} is of a training: give --codec-config, the config.json that it was trained with")
    return config, trained_codec(CodecConfig.from_file(config), Path(name))


def _codes(pack: Path, guessed: Path | None) -> list[Any]:
    from ..train.data import Codes

    return [Codes(folder) for folder in (pack, guessed) if folder]


def _take(trainer: Any, start: Path | str | None) -> None:
    """`start`: a state.pt, or a talker's model."""
    from ..checkpoint import load_model
    from ..train.loop import saved_trainer

    if start is None:
        return
    if Path(start).is_file() or isinstance(start, Path):
        trainer.begin_with(saved_trainer(Path(start)))
        return
    model = load_model(start, "cpu", "float32")
    parts = {"talker": model.talker} | ({"speaker_encoder": model.speaker_encoder} if model.speaker_encoder else {})
    trainer.begin_with({name: part.state_dict() for name, part in parts.items()} | {"averages": {name: {} for name in parts}})


def _listener(trainer: Any, sentences: Path, codec: str | None, config: Path, out: Path) -> Any:
    from ..checkpoint import load_codec
    from ..config import GenerationConfig
    from ..resolve import resolve
    from ..train.listen import Listener

    if codec is None:
        raise OptionError("to listen takes a codec as well: give --codec, a model whose codec has the clips' codes")
    if not sentences.is_file():
        raise OptionError(f"there is no file {sentences}; it is to have a sentence a line")
    lines = [line.strip() for line in sentences.read_text("utf-8").splitlines() if line.strip()]
    sampling = config.with_name("generation_config.json")
    return Listener(
        trainer, load_codec(resolve(codec) / "speech_tokenizer", trainer.device),
        GenerationConfig.from_file(sampling) if sampling.is_file() else GenerationConfig(), lines, out / "samples",
    )  # fmt: skip


def _run(trainer: Any, steps: int, out: Path, listen: Any = None, listen_every: int = 500) -> None:
    from ..train.loop import train

    train(trainer, steps, out, listen=listen, listen_every=listen_every)
