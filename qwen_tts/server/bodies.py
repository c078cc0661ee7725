"""The fields of a speech request as OpenAI's and vLLM-Omni's clients send them, with ours; and what they mean."""

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from ..arguments import GenerationKeywords
from ..errors import OptionError
from .plan import SpeechRequest
from .recordings import Reference, embedding
from .refusals import Refusal
from .sound import Sound

Name = Annotated[str, Field(max_length=256)]
FormatName = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
Rate = Literal[8000, 16000, 22050, 24000, 44100, 48000]
OURS = {"seed", "speed", "reading"}  # keywords that have fields of their own
SAMPLING = sorted(set(GenerationKeywords.__annotations__) - OURS)
# Fields that only clients of vLLM-Omni send; its default format is wav, OpenAI's is mp3.
VLLM = {"task_type", "ref_audio", "ref_text", "x_vector_only_mode", "speaker_embedding", "max_new_tokens", "references"}
VLLM |= {"initial_codec_chunk_frames", "non_streaming_mode", "stream", "extra_params", "word_timestamps"}


class VoiceObject(BaseModel):
    """A voice by its id."""

    id: Name


class SpokenReference(BaseModel):
    """A recording with what is said in it."""

    audio_path: str
    text: str | None = None


class Speech(BaseModel):
    """All about the speech but the text. Unknown fields are passed over, and named in the header x-qwen-tts-ignored."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)

    model: Name | None = None
    voice: Name | VoiceObject | None = Field(None, validation_alias=AliasChoices("voice", "speaker"))
    instructions: str | None = None
    response_format: FormatName | None = None
    speed: float | None = Field(None, ge=0.25, le=4)
    stream_format: Literal["audio", "sse"] | None = None
    stream: bool | None = None
    sample_rate: Rate | None = None
    task_type: Literal["CustomVoice", "VoiceDesign", "Base"] | None = None
    language: Name | None = None
    ref_audio: str | list[str] | None = None
    ref_text: str | None = None
    x_vector_only_mode: bool | None = None
    speaker_embedding: list[float] | None = Field(None, max_length=65_536)
    references: list[SpokenReference] | None = None
    max_new_tokens: int | None = Field(None, ge=1, le=32_768)
    temperature: float | None = Field(None, ge=0, le=100)
    top_k: int | None = Field(None, ge=0, le=1_000_000)
    top_p: float | None = Field(None, ge=0, le=1)
    repetition_penalty: float | None = Field(None, gt=0, le=100)
    seed: int | None = Field(None, ge=0, lt=2**63)
    initial_codec_chunk_frames: int | None = Field(None, ge=1, le=1000)
    non_streaming_mode: bool | None = None
    word_timestamps: bool | None = None
    reading: bool | None = None
    extra_params: dict[str, Any] | None = None

    def format(self) -> str:
        """The format that is meant, where none is named."""
        return self.response_format or ("wav" if self.model_fields_set & VLLM else "mp3")

    def request(self) -> SpeechRequest:
        """What is wanted.

        Raises:
            QwenTTSError: fields that contradict each other.
        """
        if self.word_timestamps:
            raise Refusal(400, "word_timestamps cannot be had here; leave it out", "word_timestamps")
        voice = self.voice.id if isinstance(self.voice, VoiceObject) else self.voice
        sampling = {name: value for name in SAMPLING if (value := getattr(self, name, None)) is not None}
        return SpeechRequest(
            self.model, self.task_type, voice, self.reference(), self.language, self.instructions, self.seed,
            sampling | self._extra_sampling(), self.non_streaming_mode, self.initial_codec_chunk_frames, self.reading,
            Sound(self.format(), self.sample_rate, speed=self.speed or 1.0),
        )  # fmt: skip

    def reference(self) -> Reference | None:
        """The voice that comes with the request, if there is one."""
        given = [name for name in ("ref_audio", "speaker_embedding", "references") if getattr(self, name)]
        if len(given) > 1:
            raise OptionError(f"give the voice once: {' or '.join(given)}")
        if not given:
            if self.ref_text and self.task_type not in (None, "Base"):
                raise OptionError("'ref_text' is only valid for Base task")
            if self.ref_text:
                raise OptionError("Base task requires 'ref_audio' or 'speaker_embedding' for voice cloning")
            return None
        if self.task_type not in (None, "Base"):
            raise OptionError(f"'{given[0]}' is only valid for Base task")
        if self.speaker_embedding:
            return Reference(embedding=embedding(self.speaker_embedding), vector_only=True)
        audio, text = self._recording()
        alone = bool(self.x_vector_only_mode)
        if not alone and not (text and text.strip()):
            raise OptionError("Base task requires non-empty 'ref_text' unless 'x_vector_only_mode' is enabled")
        return Reference(audio, None if alone else text, alone)

    def _recording(self) -> tuple[str, str | None]:
        if self.references:
            found = [(reference.audio_path, reference.text) for reference in self.references]
        else:
            found = [
                (audio, self.ref_text)
                for audio in ([self.ref_audio] if isinstance(self.ref_audio, str) else self.ref_audio or [])
            ]
        if len(found) != 1:
            raise OptionError(f"a voice is made from one recording, not {len(found)}")
        return found[0]

    def _extra_sampling(self) -> dict[str, Any]:
        known = {name: value for name, value in (self.extra_params or {}).items() if name in SAMPLING}
        if bad := [name for name, value in known.items() if value is not None and not isinstance(value, int | float)]:
            raise Refusal(400, f"extra_params: {bad[0]} must be a number", "extra_params")
        return known

    def unheard(self) -> list[str]:
        """Fields that mean nothing here."""
        extra = [f"extra_params.{name}" for name in self.extra_params or {} if name not in SAMPLING]
        return sorted(self.model_extra or {}) + extra


class SpeechBody(Speech):
    """A request for speech."""

    input: str
