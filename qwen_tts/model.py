"""`Qwen3TTSModel`: the official calls, each with a streaming twin. It shapes arguments; `stream.py` does the work."""

import os
from collections.abc import Sequence
from copy import copy
from functools import partial
from typing import Self, Unpack

import torch

from .arguments import GenerationKeywords, Texts, each, instruct_ids, require, texts, voice_layout
from .audio import AudioSource
from .background import in_background
from .checkpoint import LoadedModel, check_attention, load_model, resolve_device, resolve_dtype
from .chunks import ChunkStream
from .engine import Engine
from .engine.choose import check_engine, choose_engine, codec_beside
from .errors import OptionError
from .long_text import speech
from .prompt import resolve_speaker, supported_languages, supported_speakers
from .resolve import HubKeywords
from .result import Result, collect
from .stream import RAMP, Pipeline, stream
from .voice import VoiceClonePromptItem, create_voice
from .voice_store import VoiceSources, VoiceStore

Each = str | list[str] | list[str | None] | None
Voices = VoiceSources | None
CANNOT_FOLLOW = ("0b6",)  # sizes of custom_voice models that were not trained on instructions


class Qwen3TTSModel:
    """A model and its voices. Made by `from_pretrained`; one instance serves any number of calls and streams.

    `voices` is the directory that names of voices resolve in: `model.voices.save("anna", item)`. `engine` and `codec` are what
    its speech is made with, and what `batching.Scheduler` takes.
    """

    def __init__(self, loaded: LoadedModel, voices: VoiceStore | None = None, engine: Engine | None = None) -> None:
        self.loaded, self.config, self.voices = loaded, loaded.config, voices or VoiceStore()
        self.engine = choose_engine("auto", loaded.talker) if engine is None else engine
        self.codec = codec_beside(self.engine, loaded.codec)
        self._speak: Pipeline = partial(stream, self.engine, self.codec)

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        device_map: str | int | torch.device | None = None,
        dtype: str | torch.dtype | None = None,
        attn_implementation: str | None = None,
        *,
        engine: str = "auto",
        voices_dir: str | os.PathLike[str] | None = None,
        **hub: Unpack[HubKeywords],
    ) -> Self:
        """Loads a model, from a hub if it is not here.

        Args:
            pretrained_model_name_or_path: "tiny", the built-in model, a model directory in the official layout, or a name on a
                hub such as "Qwen/Qwen3-TTS-12Hz-1.7B-Base".
            device_map: "cpu" (the default), "cuda:0", a torch.device, or "auto".
            dtype: of the language model: a torch dtype or its name; by default float32 on a CPU, bfloat16 elsewhere. The
                codec and the speaker encoder always compute in float32.
            attn_implementation: taken as officially; it is PyTorch's own attention in every case.
            engine: how the language model is computed: "eager", the reference; "cpu-int8", "cpu-int6", "cpu-int4", "cpu-fp32";
                "cuda-graph"; or "auto", the fastest that is as good as the reference.
            voices_dir: where names of voices resolve; by default in the folder of the user's data.
            hub: revision, cache_dir, local_files_only, force_download, token, source: see `HubKeywords`.
        Raises:
            OptionError: unknown name, device, dtype, attention, engine or keyword; an engine that cannot run here.
            DownloadError: the model cannot be had from a hub.
            ConfigError, CheckpointError: a file is missing, damaged, or does not fit the config.
        """
        check_attention(attn_implementation)
        check_engine(engine)
        kind, asked = resolve_dtype(dtype, resolve_device(device_map)), dtype not in (None, "auto")
        loaded = load_model(pretrained_model_name_or_path, device_map, dtype, as_stored=True, **hub)
        return cls(loaded, VoiceStore(voices_dir), choose_engine(engine, loaded.talker, kind, asked))

    def shared(self, speak: Pipeline) -> Self:
        """The same model, all of whose calls are spoken by `speak`: by `batching.Scheduler.stream`, together with others'."""
        twin = copy(self)
        twin._speak = speak
        return twin

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return self.loaded.device

    @property
    def sample_rate(self) -> int:
        """Of all audio that comes out, Hz."""
        return self.loaded.codec.config.output_sample_rate

    def get_supported_speakers(self) -> list[str]:
        """Names of the preset voices, sorted; empty for a model that has none."""
        return supported_speakers(self.config)

    def get_supported_languages(self) -> list[str]:
        """Names that `language` may have, sorted, "auto" among them."""
        return supported_languages(self.config)

    def generate_custom_voice(
        self,
        text: str | list[str],
        speaker: str | list[str],
        language: Each = None,
        instruct: Each = None,
        non_streaming_mode: bool = True,
        *,
        retries: int = 1,
        **options: Unpack[GenerationKeywords],
    ) -> Result:
        """Speaks with a preset voice.

        Args:
            text: what to say, or a list. The other arguments are one for all texts, or a list of as many.
            speaker: of `get_supported_speakers()`, in any case.
            language: of `get_supported_languages()`, in any case; None lets the model tell from the text.
            instruct: how to say it; only for models that follow instructions.
            non_streaming_mode: the layout of the prompt: the whole text first, or text beside the speech.
            retries: how often a text is spoken anew, with a seed that follows from its own, whose speech ran away: "budget",
                "loop" or "silence" ended it. Speech that ended by itself is never touched.
            options: see `GenerationKeywords`.
        Returns:
            `(waves, rate)`: float32 waves [N], -1..1, one for each text, and their rate in Hz; as a `Result`, whose `details`
            tell for each text why it ended, its frames, codes and times. A warning tells of a wave that did not end by itself.
        Raises:
            TextError: a text is empty or too long.
            OptionError: anything else that is not legal; the message says what is.
        """
        return collect(self.stream_custom_voice(text, speaker, language, instruct, non_streaming_mode, **options), retries)

    def stream_custom_voice(
        self,
        text: Texts,
        speaker: str | list[str],
        language: Each = None,
        instruct: Each = None,
        non_streaming_mode: bool = True,
        *,
        schedule: Sequence[int] = RAMP,
        **options: Unpack[GenerationKeywords],
    ) -> ChunkStream:
        """As `generate_custom_voice`, in chunks while they are made.

        Args:
            text: what to say, or a list; each a string, or an iterator of strings that are spoken while more of them come.
                Such a text is always laid out beside the speech (as with `non_streaming_mode=False`).
            schedule: codec frames in the first chunk, the second ...; the last number holds for all that follow.
        Returns:
            An iterator of `AudioChunk`; all rows in turn. Closing it ends the work. Together the chunks of a text are the
            wave that `generate_custom_voice` gives for the same seed with `retries=0`: what was heard cannot be taken back.
        """
        require(self.loaded, "custom_voice")
        spoken = texts(text)
        wishes = [instruct_ids(self.loaded, wish) for wish in each("instruct", instruct, len(spoken))]
        if any(wishes) and self.config.tts_model_size in CANNOT_FOLLOW:
            raise OptionError("this model cannot follow an instruction: leave instruct out, or use a larger model")
        layouts = []
        for name, wish in zip(each("speaker", speaker, len(spoken)), wishes, strict=True):
            resolve_speaker(self.config, name)
            layouts.append({"speaker": name, "instruct_ids": wish})
        return speech(self.loaded, self._speak, spoken, language, layouts, non_streaming_mode, options, schedule)

    def generate_voice_design(
        self,
        text: str | list[str],
        instruct: str | list[str],
        language: Each = None,
        non_streaming_mode: bool = True,
        *,
        retries: int = 1,
        **options: Unpack[GenerationKeywords],
    ) -> Result:
        """Speaks with a voice made up from a description.

        Args:
            text: what to say, or a list.
            instruct: the voice in words; one for all texts, or a list of as many.
            language, non_streaming_mode, retries, options: as for `generate_custom_voice`.
        Returns and raises:
            As `generate_custom_voice`.
        """
        return collect(self.stream_voice_design(text, instruct, language, non_streaming_mode, **options), retries)

    def stream_voice_design(
        self,
        text: Texts,
        instruct: str | list[str],
        language: Each = None,
        non_streaming_mode: bool = True,
        *,
        schedule: Sequence[int] = RAMP,
        **options: Unpack[GenerationKeywords],
    ) -> ChunkStream:
        """As `generate_voice_design`, in chunks while they are made: see `stream_custom_voice`."""
        require(self.loaded, "voice_design")
        spoken = texts(text)
        layouts = [{"instruct_ids": instruct_ids(self.loaded, wish)} for wish in each("instruct", instruct, len(spoken))]
        return speech(self.loaded, self._speak, spoken, language, layouts, non_streaming_mode, options, schedule)

    def generate_voice_clone(
        self,
        text: str | list[str],
        language: Each = None,
        ref_audio: AudioSource | list[AudioSource] | None = None,
        ref_text: Each = None,
        x_vector_only_mode: bool | list[bool] = False,
        voice_clone_prompt: Voices = None,
        non_streaming_mode: bool = False,
        *,
        retries: int = 1,
        **options: Unpack[GenerationKeywords],
    ) -> Result:
        """Speaks with the voice of a recording.

        Args:
            text: what to say, or a list.
            language, non_streaming_mode, retries, options: as for `generate_custom_voice`.
            ref_audio, ref_text, x_vector_only_mode: the voice, as for `create_voice_clone_prompt`.
            voice_clone_prompt: or the voice as that call returned it, a voice's name or the path of its file; one for all
                texts, or a list of as many.
        Returns and raises:
            As `generate_custom_voice`; and AudioError for a recording that cannot be used.
        """
        voice = (ref_audio, ref_text, x_vector_only_mode, voice_clone_prompt)
        return collect(self.stream_voice_clone(text, language, *voice, non_streaming_mode, **options), retries)

    def stream_voice_clone(
        self,
        text: Texts,
        language: Each = None,
        ref_audio: AudioSource | list[AudioSource] | None = None,
        ref_text: Each = None,
        x_vector_only_mode: bool | list[bool] = False,
        voice_clone_prompt: Voices = None,
        non_streaming_mode: bool = False,
        *,
        schedule: Sequence[int] = RAMP,
        **options: Unpack[GenerationKeywords],
    ) -> ChunkStream:
        """As `generate_voice_clone`, in chunks while they are made: see `stream_custom_voice`."""
        require(self.loaded, "base")
        spoken = texts(text)
        if (ref_audio is None) == (voice_clone_prompt is None) or (ref_audio is None and ref_text is not None):
            raise OptionError("give the voice once: ref_audio with ref_text, or voice_clone_prompt alone")
        name, given = "voice_clone_prompt", voice_clone_prompt
        if ref_audio is not None:
            name, given = "ref_audio", self.create_voice_clone_prompt(ref_audio, ref_text, x_vector_only_mode)
        elif given is not None:
            given = self.voices.resolve(given)
        voices = each(name, given, len(spoken))
        alone = each("x_vector_only_mode", x_vector_only_mode, len(spoken)) if ref_audio is None else ()
        if any(wish and voice.icl_mode for wish, voice in zip(alone, voices, strict=False)):
            raise OptionError("this voice speaks in context: make it by create_voice_clone_prompt(…, x_vector_only_mode=True)")
        layouts = [voice_layout(self.loaded, voice) for voice in voices]
        return speech(self.loaded, self._speak, spoken, language, layouts, non_streaming_mode, options, schedule, voices)

    def create_voice_clone_prompt(
        self,
        ref_audio: AudioSource | list[AudioSource],
        ref_text: Each = None,
        x_vector_only_mode: bool | list[bool] = False,
    ) -> list[VoiceClonePromptItem]:
        """Makes voices from recordings, to be used again and again.

        Args:
            ref_audio: anything that `audio.load_audio` reads, or a list.
            ref_text: what is said in it; one for all, or a list of as many.
            x_vector_only_mode: take only the speaker vector: it needs no transcript, but follows the voice less closely.
        Returns:
            One voice for each recording.
        Raises:
            OptionError: this is not a base model, or the lengths differ.
            AudioError: a recording cannot be read or is too short.
            TextError: a transcript is missing.
        """
        require(self.loaded, "base")
        sources = ref_audio if isinstance(ref_audio, list) else [ref_audio]
        said = each("ref_text", ref_text, len(sources), "ref_audio")
        modes = each("x_vector_only_mode", x_vector_only_mode, len(sources), "ref_audio")
        return [create_voice(self.loaded, *args) for args in zip(sources, said, modes, strict=True)]

    astream_custom_voice = in_background(stream_custom_voice)
    astream_voice_design = in_background(stream_voice_design)
    astream_voice_clone = in_background(stream_voice_clone)
