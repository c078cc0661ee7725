"""`qwen-tts voices`: whom and what a model can speak."""

import typer

from .speech import Model


def voices(model: Model = "tiny") -> None:
    """List a model's voices and languages."""
    from ..config import ModelConfig
    from ..prompt import supported_languages, supported_speakers
    from ..resolve import resolve

    config = ModelConfig.of(model, resolve(model))
    dialects = config.talker_config.spk_is_dialect
    lines = []
    for name in supported_speakers(config):
        dialect = dialects.get(name)
        lines.append(f"  {name}" + (f" ({dialect.replace('_', ' ')})" if dialect else ""))
    if not lines:
        made = {"base": "a recording (generate_voice_clone)", "voice_design": "a description (--instruct)"}
        lines.append(f"  none of its own: its voices come from {made.get(config.tts_model_type, 'elsewhere')}")
    typer.echo("\n".join([f"voices of {model}:", *lines, "languages:", *(f"  {name}" for name in supported_languages(config))]))
