"""`qwen-tts batch`: the offline example of the models' documentation, on this engine: prompts in, a folder of WAV files out."""

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import OptionError, TextError

if TYPE_CHECKING:
    from ..model import Qwen3TTSModel
    from ..result import Result


class Query(StrEnum):
    """What is done, as the released models' names end."""

    custom_voice = "CustomVoice"
    voice_design = "VoiceDesign"
    base = "Base"


class Mode(StrEnum):
    """How a recording is used: with its transcript, or its speaker vector alone."""

    icl = "icl"
    xvec_only = "xvec_only"


# The recording of the models' own example, and what is said in it.
AUDIO = "https://qianwen-res.oss-cn-beijing.aliyuncs.com/Qwen3-TTS-Repo/clone.wav"
SAID = "Okay. Yeah. I resent you. I love you. I respect you. But you know what? You blew it! And thanks to you."
# Text, language, speaker, and an instruction (for VoiceDesign: the voice).
SAMPLES: dict[Query, list[tuple[str, str, str | None, str | None]]] = {
    Query.custom_voice: [
        ("今天的会议改到下午三点，请大家不要迟到。", "Chinese", "Vivian", "语气有些着急"),
        ("I found the key under the mat, right where you said it would be.", "English", "Ryan", "Relieved, almost laughing."),
        ("The train leaves in ten minutes.", "English", "Aiden", None),
    ],
    Query.voice_design: [
        ("别怕，外面只是下雨了。", "Chinese", None, "温柔的中年女声，语速缓慢，像在哄孩子入睡。"),
        ("Ladies and gentlemen, welcome aboard.", "English", None, "A calm woman in her forties, warm and unhurried."),
    ],
    Query.base: [
        ("Leave the window open; it is going to be a warm night.", "English", None, None),
        ("Nobody told me that the shop would be closed today.", "English", None, None),
    ],
}

QueryType = Annotated[Query, typer.Option("--query-type", "-q", help="What to do.")]
UseBatch = Annotated[bool, typer.Option("--use-batch-sample", help="All samples at once, in place of the first alone.")]
ModeTag = Annotated[Mode, typer.Option("--mode-tag", help="Base: clone with the transcript, or by the speaker vector alone.")]
Model = Annotated[str | None, typer.Option(help="By default the released 1.7B model of this kind.")]
Prompts = Annotated[Path | None, typer.Option("--txt-prompts", help="A file of texts, one a line, in place of the samples.")]
Count = Annotated[int | None, typer.Option("--num-prompts", min=1, help="Only so many of them, begun again if they are fewer.")]
OutputDir = Annotated[Path, typer.Option("--output-dir", help="Where output_0.wav and so on go.")]
BatchSize = Annotated[int | None, typer.Option("--batch-size", min=1, help="Texts that are spoken together; by default all.")]
AudioPath = Annotated[str, typer.Option("--audio-path", "-a", help="Base: the recording.", show_default=False)]
RefText = Annotated[str | None, typer.Option(help="Base: what is said in it.")]
Device = Annotated[str, typer.Option(help='"cpu", "cuda:0", or "auto": a GPU if there is one.')]
Engine = Annotated[str, typer.Option(help='How steps run; "auto" is the best of this machine.')]
Seed = Annotated[int | None, typer.Option(help="The same seed gives the same speech.")]
MaxNewTokens = Annotated[int | None, typer.Option(help="The most frames of one text, plus one.")]


def batch(
    query_type: QueryType,
    use_batch_sample: UseBatch = False,
    mode_tag: ModeTag = Mode.icl,
    model: Model = None,
    txt_prompts: Prompts = None,
    num_prompts: Count = None,
    output_dir: OutputDir = Path("output_audio"),
    batch_size: BatchSize = None,
    audio_path: AudioPath = AUDIO,
    ref_text: RefText = None,
    device: Device = "auto",
    engine: Engine = "auto",
    seed: Seed = None,
    max_new_tokens: MaxNewTokens = None,
) -> None:
    """Speak samples, or a file of texts, into a folder."""
    rows = _rows(query_type, use_batch_sample, txt_prompts, num_prompts)
    transcript = ref_text or (SAID if audio_path == AUDIO else None)
    if query_type is Query.base and mode_tag is Mode.icl and transcript is None:
        raise OptionError("cloning with the transcript needs it: --ref-text, or take --mode-tag xvec_only")
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OptionError(f"cannot make the folder {output_dir}: {error.strerror}") from None
    from ..audio import write_audio
    from ..model import Qwen3TTSModel

    loaded = Qwen3TTSModel.from_pretrained(
        model or f"Qwen/Qwen3-TTS-12Hz-1.7B-{query_type.value}", device_map=device, engine=engine
    )
    shared: dict[str, Any] = {"max_new_tokens": max_new_tokens}
    if query_type is Query.base:
        alone = mode_tag is Mode.xvec_only
        shared["voice_clone_prompt"] = loaded.create_voice_clone_prompt(audio_path, None if alone else transcript, alone)
    started, seconds, size = time.perf_counter(), 0.0, batch_size or len(rows)
    for first in range(0, len(rows), size):
        options = shared | {"seed": None if seed is None else seed + first}
        result = _speak(loaded, query_type, rows[first : first + size], options)
        for number, wave in enumerate(result.waves, first):
            write_audio(output_dir / f"output_{number}.wav", wave, result.rate)
            seconds += len(wave) / result.rate
    spent = time.perf_counter() - started
    typer.echo(f"{output_dir}: {len(rows)} files, {seconds:.2f} s of audio in {spent:.2f} s", err=True)


def _rows(
    query: Query, several: bool, file: Path | None, count: int | None
) -> list[tuple[str, str | None, str | None, str | None]]:
    """Text, language, speaker and instruction of each utterance."""
    samples: list[tuple[str, str | None, str | None, str | None]] = list(SAMPLES[query])
    if file is not None:
        try:
            texts = [line.strip() for line in file.read_text("utf-8-sig").splitlines() if line.strip()]
        except (OSError, UnicodeDecodeError) as error:
            raise TextError(f"cannot read {file}: {error}") from None
        if not texts:
            raise TextError(f"{file} holds no text")
        samples = [(text, None, samples[0][2], samples[0][3] if query is Query.voice_design else None) for text in texts]
    elif not several:
        samples = samples[:1]
    return [samples[i % len(samples)] for i in range(count or len(samples))]


def _speak(model: "Qwen3TTSModel", query: Query, rows: list[Any], options: dict[str, Any]) -> "Result":
    texts, languages, speakers, wishes = (list(column) for column in zip(*rows, strict=True))
    if query is Query.base:
        return model.generate_voice_clone(texts, languages, **options)
    if query is Query.voice_design:
        return model.generate_voice_design(texts, wishes, languages, **options)
    speakers = [name if name.lower() in model.get_supported_speakers() else None for name in speakers]
    if None in speakers:
        raise OptionError(
            f"the samples are for the released speakers; this model has {', '.join(model.get_supported_speakers())}"
        )
    return model.generate_custom_voice(texts, speakers, languages, wishes, **options)
