"""What a talker says while it learns: samples to hear, and how many of the words a recogniser hears otherwise."""

import warnings
from pathlib import Path

import torch
from tqdm import tqdm

from ..audio import write_audio
from ..checkpoint import LoadedModel
from ..codec.codec import Codec
from ..config import GenerationConfig
from ..errors import OptionError
from ..eval.metric import Clip, Metric
from ..model import Qwen3TTSModel
from ..reading.tongues import guess
from ..talker.talker import Talker
from .talker import TalkerTrainer

SLOWEST = 4  # frames a byte of text; whoever speaks longer has run away
LANGUAGES = {"en": "English", "zh": "Chinese"}


class Listener:
    """Speaks sentences with the averaged weights, each by the next of the config's speakers, and always with the same seeds.

    FOLDER/000500-02-serena.wav is the third sentence after 500 steps.
    """

    def __init__(
        self, trainer: TalkerTrainer, codec: Codec, sampling: GenerationConfig, sentences: list[str], folder: Path
    ) -> None:
        """
        Raises:
            OptionError: there is nothing to say, or nobody to say it.
        """
        self.trainer, self.codec, self.sampling, self.folder = trainer, codec, sampling, folder
        self.config, self.text = trainer.batches.config, trainer.batches.text
        self.sentences, self.speakers = sentences, list(self.config.talker_config.spk_id)
        if not sentences:
            raise OptionError("there is no sentence to speak: the file is empty")
        if not self.speakers:
            raise OptionError("the config names no speakers (spk_id), so nobody can be listened to")
        self.talker = Talker(self.config.talker_config).to(trainer.device).eval()
        self.languages = [guess(sentence) for sentence in sentences]
        self.measures = {name: measure for name in set(self.languages) if (measure := recogniser(name)) is not None}

    def __call__(self, step: int) -> dict[str, float]:
        """Figures for the log: "ended", the share of speech that ended by itself, and error rates where they can be had."""
        self.talker.load_state_dict(self.trainer.talker.state_dict() | self.trainer.averages["talker"].values)
        model = Qwen3TTSModel(LoadedModel(self.config, self.sampling, self.text, self.talker, None, self.codec))
        self.folder.mkdir(parents=True, exist_ok=True)
        clips, ended = [], 0
        with torch.random.fork_rng(), warnings.catch_warnings(action="ignore"):
            for number, text in enumerate(tqdm(self.sentences, desc="listening", leave=False)):
                speaker = self.speakers[number % len(self.speakers)]
                said = model.generate_custom_voice(
                    text, speaker, LANGUAGES.get(self.languages[number]), seed=number, retries=0,
                    max_new_tokens=20 + SLOWEST * len(text.encode()),
                )  # fmt: skip
                write_audio(self.folder / f"{step:06d}-{number:02d}-{speaker}.wav", said.waves[0], said.rate)
                clips.append(Clip(said.waves[0], said.rate, text))
                ended += said.details[0].finish_reason == "eos"
        figures = {"ended": ended / len(clips)}
        for language, measure in sorted(self.measures.items()):
            spoken = [clip for clip, its in zip(clips, self.languages, strict=True) if its == language]
            figures[measure.name.lower()] = measure(spoken).value
        return figures


def recogniser(language: str) -> Metric | None:
    """Of word errors in English, of character errors in Chinese, if its packages are installed; None otherwise."""
    try:
        if language == "en":
            from ..eval.wer import WordErrorRate

            return WordErrorRate()
        if language == "zh":
            from ..eval.cer import CharacterErrorRate

            return CharacterErrorRate()
    except ModuleNotFoundError:
        pass
    return None
