"""`qwen-tts train codec|context|decoder|talker`: a model from nothing, by stages. What goes between them: `train_sets.py`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import DataError, OptionError
from .train_options import Config, Device, PackDir, Peak, Seed, Text, Threads, begin

Out = Annotated[Path, typer.Argument(metavar="OUT", help="A folder for log.jsonl and state.pt; if they are there, it goes on.")]
CodecState = Annotated[Path, typer.Argument(help="state.pt of `qwen-tts train codec`.")]
Guessed = Annotated[Path | None, typer.Option(help="A folder of codes as a talker says them, for half of the clips.")]
Start = Annotated[Path | None, typer.Option(help="state.pt of an earlier training to begin with; its rates begin anew.")]
StartTalker = Annotated[str | None, typer.Option(help="A model, or state.pt of an earlier training, to begin with.")]
Steps = Annotated[int, typer.Option(min=1)]
Compiled = Annotated[bool, typer.Option(help="torch.compile: faster, after some minutes.")]
Exact = Annotated[bool, typer.Option("--fp32", help="Without bfloat16.")]


def codec(
    pack: PackDir, out: Out, config: Config, start: Start = None, steps: Steps = 12000,
    peak: Peak = 6e-4, threads: Threads = 2,
    device: Device = "auto", compiled: Compiled = False, fp32: Exact = False, seed: Seed = 0,
) -> None:  # fmt: skip
    """Learn what codes are: the encoder and the codebooks. Phonetic targets beside the pack are for codebook 0."""
    from ..codec.codec import Codec
    from ..config import CodecConfig
    from ..train.codec import CodecOptions, CodecTrainer, PhoneticTargets
    from ..train.data import Pack

    here = begin(pack, threads, device, seed)
    options = CodecOptions(steps, peak=peak, seed=seed, compiled=compiled, bf16=not fp32)
    options = replace(options, quantise_from=0) if start else options
    targets = PhoneticTargets(pack) if (pack / "phonetic.f16").is_file() else None
    trainer = CodecTrainer(Codec(CodecConfig.from_file(config)).to(here), Pack(pack), targets, options)
    _take(trainer, start)
    _run(trainer, steps, out)


def context(
    pack: PackDir,
    codec: CodecState,
    out: Out,
    config: Config,
    guessed: Guessed = None,
    steps: Steps = 3000,
    threads: Threads = 1,
    device: Device = "auto",
    seed: Seed = 0,
) -> None:
    """Learn the decoder below audio rates, from spectra, on codes that stay."""
    from ..config import CodecConfig
    from ..train.codec import CodecOptions, CodecTrainer, trained_codec
    from ..train.context import ContextOptions, ContextTrainer
    from ..train.data import Pack
    from ..train.loop import saved_trainer

    here = begin(pack, threads, device, seed)
    made = trained_codec(CodecConfig.from_file(config), codec).to(here)
    clips = Pack(pack)
    stage = CodecTrainer(made, clips, None, CodecOptions(steps=0))
    stage.spectral.load_state_dict(saved_trainer(codec)["spectral"])
    _run(ContextTrainer(stage, _codes(clips, guessed), ContextOptions(steps=steps, seed=seed)), steps, out)


def decoder(
    pack: PackDir, codec: CodecState, out: Out, config: Config,
    context: Annotated[Path | None, typer.Option(help="state.pt of `qwen-tts train context`.")] = None,
    guessed: Guessed = None, start: Start = None, steps: Steps = 5000,
    warmup: Annotated[int, typer.Option(help="Steps before the discriminators have a say.")] = 4000,
    threads: Threads = 1, device: Device = "auto", compiled: Compiled = False, seed: Seed = 0,
) -> None:  # fmt: skip
    """Learn to make waves, at last against discriminators, on codes that stay."""
    from ..config import CodecConfig
    from ..train.codec import trained_codec
    from ..train.data import Pack
    from ..train.decoder import DecoderOptions, DecoderTrainer
    from ..train.loop import fill, saved_trainer

    here = begin(pack, threads, device, seed)
    made = trained_codec(CodecConfig.from_file(config), codec).to(here)
    if context is not None:
        state = saved_trainer(context, "decoder")
        fill(made.decoder, state["decoder"] | state["average"], context)
    options = DecoderOptions(steps=steps, warmup=warmup, compiled=compiled, seed=seed)
    clips = Pack(pack)
    trainer = DecoderTrainer(made, clips, _codes(clips, guessed), options)
    _take(trainer, start)
    _run(trainer, steps, out)


def talker(
    pack: PackDir,
    text: Text, out: Out, config: Config, guessed: Guessed = None, start: StartTalker = None, steps: Steps = 10000,
    threads: Threads = 2, device: Device = "auto", compiled: Compiled = False, fp32: Exact = False,
    peak: Peak = 1e-3,
    excerpts: Annotated[float, typer.Option(help="Share of the clips of which only a run of words is shown.")] = 0.15,
    cloned: Annotated[float, typer.Option(help="Share of named or described clips whose voice a vector tells.")] = 0.35,
    described: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Share of the speech that is of described voices; else as much as one speaker's."),
    ] = None,
    beginning: Annotated[
        float, typer.Option(min=0, help="As how many frames a clip's first one counts: it chooses the voice, others copy it.")
    ] = 1.0,
    beginnings: Annotated[int, typer.Option(min=0, help="So many first frames of nameless voices beside each batch.")] = 0,
    vector_noise: Annotated[float, typer.Option(min=0, help="How wrong given speaker vectors are, of parts of size 1.")] = 0.25,
    heard: Annotated[Path | None, typer.Option(help="A folder of the codes as a codec hears them, to go on from.")] = None,
    in_context: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the cloned ones that go on from speech whose words are known.")
    ] = 0.5,
    tokens: Annotated[int, typer.Option(min=100, help="Positions a batch, of text and frames.")] = 2000,
    accumulate: Annotated[int, typer.Option(min=1, help="Batches a step.")] = 1,
    listen: Annotated[Path | None, typer.Option(help="Sentences, a line each, to be spoken now and then: OUT/samples.")] = None,
    listen_every: Annotated[int, typer.Option(min=1, help="Steps.")] = 500,
    codec: Annotated[str | None, typer.Option(help="A model whose codec has the clips' codes, for --listen, --alike.")] = None,
    alike: Annotated[bool, typer.Option("--alike", help="Codes that stand for similar vectors learn from each other.")] = False,
    seed: Seed = 0,
) -> None:  # fmt: skip
    """Learn to speak texts in codes: preset voices, instructions, and voices by description, as the clips have them.

    A config with `speaker_encoder_config` adds voices of recordings: the speaker encoder learns along, unless vectors.npy
    beside the clips says what one that is taught by itself would tell. `torchrun --nproc-per-node N -m qwen_tts train talker …`
    trains with N processes.
    """
    import numpy as np

    from ..checkpoint import codec_folder, load_codec
    from ..config import ModelConfig
    from ..resolve import resolve
    from ..speaker.ecapa import SpeakerEncoder
    from ..talker.talker import Talker
    from ..text import TextTokenizer
    from ..train import spread
    from ..train.alike import told_vectors
    from ..train.data import Alignment, Codes, Pack
    from ..train.talker import TalkerTrainer
    from ..train.talker_batches import TalkerBatches
    from ..train.talker_options import TalkerOptions

    with spread.processes(device) as place:
        here = begin(pack, threads, place, seed)
        sizes = ModelConfig.from_file(config)
        options = TalkerOptions(
            steps=steps,
            tokens=tokens,
            accumulate=accumulate,
            peak=peak,
            seed=seed,
            compiled=compiled,
            bf16=not fp32,
            excerpts=excerpts,
            cloned=cloned,
            described=described,
            beginning=beginning,
            beginnings=beginnings,
            vector_noise=vector_noise,
            in_context=in_context,
        )
        alignment = Alignment(pack) if (pack / "aligned.f4").is_file() else None
        vectors = np.load(pack / "vectors.npy") if (pack / "vectors.npy").is_file() else None
        ears = None if vectors is not None else sizes.speaker_encoder_config
        encoder = None if ears is None else SpeakerEncoder(ears).to(here)
        said, tokenizer = None if guessed is None else Codes(guessed), TextTokenizer.from_dir(resolve(text))
        made = Talker(sizes.talker_config).to(here)
        if (alike or listen is not None) and codec is None:
            raise OptionError(
                "--alike and --listen take a codec as well: give --codec, a model whose codec has the clips' codes"
            )
        sentences = listen if spread.number() == 0 else None  # only the first process listens
        sounds = load_codec(codec_folder(resolve(codec)), here) if codec is not None and (alike or sentences) else None
        told = told_vectors(sounds.decoder) if alike and sounds is not None else None
        by_ear = None if heard is None else Codes(heard)
        batches = TalkerBatches(
            made, sizes, tokenizer, Pack(pack), Codes(pack), options, alignment, said, encoder, vectors, by_ear
        )
        trainer = TalkerTrainer(batches, told)
        _take(trainer, start)
        listener = _listener(trainer, sentences, sounds, config, out) if sentences is not None else None
        _run(trainer, steps, out, listener, listen_every)
        spread.together()


def _codes(pack: Any, guessed: Path | None) -> list[Any]:
    """The codes of a pack's clips; then these as a talker says them, if they are given."""
    from ..train.data import Codes
    from ..train.matching import check

    own, said = Codes(pack.folder), None if guessed is None else Codes(guessed)
    check(pack, own, guessed=said)
    return [own] if said is None else [own, said]


def _take(trainer: Any, start: Path | str | None) -> None:
    """`start`: a state.pt, or a talker's model."""
    from ..checkpoint import load_model
    from ..train.loop import saved_trainer

    if start is None:
        return
    if Path(start).is_file() or isinstance(start, Path):
        state = saved_trainer(Path(start))
        try:
            trainer.begin_with(state)
        except (KeyError, RuntimeError) as error:
            raise DataError(f"{start} is of another training: {str(error).splitlines()[-1].strip()}") from None
        return
    model = load_model(start, "cpu", "float32")
    parts = {"talker": model.talker} | ({"speaker_encoder": model.speaker_encoder} if model.speaker_encoder else {})
    trainer.begin_with({name: part.state_dict() for name, part in parts.items()} | {"averages": {name: {} for name in parts}})


def _listener(trainer: Any, sentences: Path, codec: Any, config: Path, out: Path) -> Any:
    from ..config import GenerationConfig
    from ..train.listen import Listener

    if not sentences.is_file():
        raise OptionError(f"there is no file {sentences}; it is to have a sentence a line")
    lines = [line.strip() for line in sentences.read_text("utf-8").splitlines() if line.strip()]
    return Listener(trainer, codec, GenerationConfig.beside(config), lines, out / "samples")


def _run(trainer: Any, steps: int, out: Path, listen: Any = None, listen_every: int = 500) -> None:
    from ..train.loop import train

    train(trainer, steps, out, listen=listen, listen_every=listen_every)
