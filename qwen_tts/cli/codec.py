"""`qwen-tts codec`: audio to a file of codes, and back."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import OptionError

codec = typer.Typer(no_args_is_help=True, help="Turn audio into codes, and codes into audio.")

Model = Annotated[str, typer.Option(help='"tiny", the built-in model, or a directory of a model or of a codec.')]
Output = Annotated[Path, typer.Option("--output", "-o", help="The file to write.")]
FORMATS = (".safetensors", ".npy")
KEY = "audio_codes"


@codec.command()
def encode(audio: Annotated[str, typer.Argument(help="A file or a URL.")], output: Output, model: Model = "tiny") -> None:
    """Audio to codes: a .safetensors or .npy file of integers [frames, codes of a frame]."""
    from ..files import writable

    real, obstacle = writable(output)
    if real.suffix not in FORMATS:
        raise OptionError(f"{output}: codes go into a file that ends in {' or '.join(FORMATS)}")
    if obstacle:
        raise OptionError(f"cannot write {output}: {obstacle}")
    from ..tokenizer import Qwen3TTSTokenizer

    tokenizer = Qwen3TTSTokenizer.from_pretrained(model)
    codes = tokenizer.encode(audio).audio_codes[0].cpu().numpy()
    _write(real, codes)
    seconds = len(codes) * tokenizer.get_encode_downsample_rate() / tokenizer.get_input_sample_rate()
    typer.echo(f"{output}: {len(codes)} frames of {codes.shape[1]} codes, {seconds:.2f} s", err=True)


@codec.command()
def decode(codes: Annotated[Path, typer.Argument(help="What `encode` wrote.")], output: Output, model: Model = "tiny") -> None:
    """Codes to audio."""
    from ..audio import check_output, write_audio

    check_output(output)
    stored = _read(codes)
    from ..tokenizer import Qwen3TTSTokenizer

    tokenizer = Qwen3TTSTokenizer.from_pretrained(model)
    waves, rate = tokenizer.decode({KEY: stored})
    write_audio(output, waves[0], rate)
    typer.echo(f"{output}: {len(waves[0]) / rate:.2f} s of audio", err=True)


def _write(path: Path, codes: Any) -> None:
    import numpy as np
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    from ..files import whole_file

    codes = codes.astype(np.int32)
    try:
        with whole_file(path) as partial:
            if path.suffix == ".npy":
                with partial.open("wb") as file:
                    np.save(file, codes)
            else:
                save_file({KEY: codes}, partial)
    except (OSError, SafetensorError) as error:
        raise OptionError(f"cannot write {path}: {error}") from None


def _read(path: Path) -> Any:
    import numpy as np
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        if path.suffix == ".npy":
            return np.load(path)  # refuses pickles
        if path.suffix == ".safetensors":
            found = load_file(path)
            if KEY not in found:
                raise ValueError(f"it holds {', '.join(found) or 'nothing'}, and no {KEY}")
            return found[KEY]
    except (OSError, ValueError, EOFError, SafetensorError) as error:
        raise OptionError(f"{path} cannot be read as codes ({error})") from None
    raise OptionError(f"{path}: codes come in a file that ends in {' or '.join(FORMATS)}")
