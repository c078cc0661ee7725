"""One more preset voice: a base model learns to speak like one person, and is written out as a custom voice model.

The prompt is the one of a custom voice, with the mean of the references' speaker vectors in the voice's place; in the written
model that vector is the voice's row of the codec embedding. So training reads, position by position, what speaking will read.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from ..checkpoint import INDEX, LoadedModel
from ..config import ModelConfig, read_json
from ..errors import OptionError
from ..files import whole_folder
from ..nn.lora import adapt, merge
from ..prompt import Prompt, embed
from . import spread
from .code_losses import code_losses
from .loop import learning_rate
from .voice_clips import Example, digest, prompt_layout

ROW = 3000  # of the codec embedding, as the official script; a smaller one takes its last free row


@dataclass(frozen=True, slots=True)
class TuneOptions:
    steps: int
    batch: int = 2  # clips at once
    accumulate: int = 4  # batches a step, of each process
    peak: float = 2e-5
    warmup: int = 10
    rest_weight: float = 0.3  # of the later codes' loss
    decay: float = 0.01
    lora: int | None = None  # rank of adapters; None trains every weight of the layers
    bf16: bool = True
    seed: int = 0


class VoiceTrainer:
    """Trains the talker's layers, heads and predictor; embeddings stay, and so does everything that hears.

    `model.talker` is changed: take one in fp32 that nobody speaks with.
    """

    def __init__(self, model: LoadedModel, examples: list[Example], vector: Tensor, options: TuneOptions) -> None:
        self.model, self.talker, self.examples, self.options = model, model.talker, examples, options
        self.vector, self.clips = vector.to(model.device), digest(examples)
        self.talker.train().requires_grad_(False)
        layers = [*self.talker.model.layers, *self.talker.code_predictor.model.layers]
        heads = [self.talker.codec_head, self.talker.code_predictor.lm_head, self.talker.model.norm]
        torch.manual_seed(options.seed)
        for part in layers if options.lora else [*layers, *heads, self.talker.code_predictor.model.norm]:
            if options.lora:
                adapt(part, options.lora, 2.0 * options.lora)
            else:
                part.requires_grad_(True)
        self.trained = {name: p for name, p in self.talker.named_parameters() if p.requires_grad}
        groups = [
            {"params": [p for p in self.trained.values() if p.ndim > 1], "weight_decay": options.decay},
            {"params": [p for p in self.trained.values() if p.ndim <= 1], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW([group for group in groups if group["params"]], lr=options.peak)

    def prompt(self, example: Example) -> Prompt:
        return embed(prompt_layout(self.model, example.text, example.language), self.talker, self.vector)

    def losses(self, examples: list[Example], rng: np.random.Generator) -> dict[str, Tensor]:
        """`code_losses` of these clips."""
        inputs, first, codes = [], [], []
        for example in examples:
            prompt, frames = self.prompt(example), example.codes.to(self.model.device)
            inputs.append(prompt.teacher_forced(self.talker.embed_codes(frames[None])[0]))
            first.append(len(prompt.embeddings) - 1)
            codes.append(frames)
        padded = nn.utils.rnn.pad_sequence(inputs, batch_first=True)
        with torch.autocast(self.model.device.type, torch.bfloat16, enabled=self.options.bf16):
            return code_losses(self.talker, padded, first, codes, rng)

    def step(self, step: int) -> dict[str, float]:
        o = self.options
        rng = np.random.default_rng((o.seed, step))
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(step, o.steps, o.peak, o.warmup)
        self.optimizer.zero_grad(set_to_none=True)
        figures = {"code0": 0.0, "rest": 0.0}
        for part in range(o.accumulate):
            place = (step * o.accumulate + part) * spread.count() + spread.number()
            losses = self.losses(self._drawn(place), rng)
            ((losses["code0"] + o.rest_weight * losses["rest"]) / o.accumulate).backward()
            figures = {name: figures[name] + losses[name].item() / o.accumulate for name in figures}
        spread.average_gradients(list(self.trained.values()))
        norm = nn.utils.clip_grad_norm_(list(self.trained.values()), 1.0)
        self.optimizer.step()
        return figures | {"norm": norm.item()}

    def _drawn(self, number: int) -> list[Example]:
        """The clips of a batch; every epoch goes through all of them once, in another order."""
        size, count = min(self.options.batch, len(self.examples)), len(self.examples)
        places = range(number * size, (number + 1) * size)
        orders = {p // count: np.random.default_rng((self.options.seed, 1, p // count)).permutation(count) for p in places}
        return [self.examples[orders[place // count][place % count]] for place in places]

    def state_dict(self) -> dict[str, Any]:
        trained = {name: p.detach() for name, p in self.trained.items()}
        return {"trained": trained, "optimizer": self.optimizer.state_dict(), "clips": self.clips}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        shapes, found = ({name: p.shape for name, p in of.items()} for of in (self.trained, state["trained"]))
        if shapes != found:
            raise ValueError("its weights or its adapters' rank differ")
        if state["clips"] != self.clips:
            raise ValueError("its clips differ")
        for name, value in state["trained"].items():
            self.trained[name].data.copy_(value)
        self.optimizer.load_state_dict(state["optimizer"])

    def write(self, base: Path, name: str, out: Path) -> None:
        """Writes the model with its new voice as a directory that appears whole; training cannot go on afterwards.

        Raises:
            OptionError: there is something at `out` already, or no row is left for a voice.
        """
        merge(self.talker)
        write_voice_model(base, self.talker.state_dict(), {name: self.vector.cpu()}, out)


def free_row(config: ModelConfig) -> int:
    """A row of the codec embedding that means nothing yet."""
    talker = config.talker_config
    named = {
        talker.codec_pad_id,
        talker.codec_bos_id,
        talker.codec_eos_token_id,
        talker.codec_think_id,
        talker.codec_nothink_id,
    }
    named |= {talker.codec_think_bos_id, talker.codec_think_eos_id, *talker.codec_language_id.values(), *talker.spk_id.values()}
    codes = talker.code_predictor_config.vocab_size
    free = [row for row in range(codes, talker.vocab_size) if row not in named]
    if not free:
        raise OptionError("the model's codec embedding has no free row for another voice")
    return ROW if ROW in free else free[-1]


def write_voice_model(base: Path, talker: dict[str, Tensor], voices: dict[str, Tensor], out: Path) -> None:
    """A custom voice model: a base model's files with another talker, whose embedding holds the voices' vectors [D].

    Raises:
        OptionError: there is something at `out` already, or no row is left for a voice.
    """
    if out.exists():
        raise OptionError(f"{out} is there already: choose another name")
    config = read_json(base / "config.json")
    table = talker["model.codec_embedding.weight"].clone()
    for name, vector in voices.items():
        row = free_row(ModelConfig.from_dict(config))
        table[row] = vector.to(table)
        config["talker_config"].setdefault("spk_id", {})[name.lower()] = row
        config["talker_config"].setdefault("spk_is_dialect", {})[name.lower()] = False
    config["tts_model_type"] = "custom_voice"
    config.pop("speaker_encoder_config", None)
    tensors = talker | {"model.codec_embedding.weight": table}
    stored = {f"talker.{name}": tensor.detach().bfloat16().cpu().contiguous().clone() for name, tensor in tensors.items()}
    with whole_folder(out) as partial:
        shutil.copytree(base, partial, ignore=shutil.ignore_patterns("model*.safetensors", INDEX, ".*"), dirs_exist_ok=True)
        shutil.copytree(base / "speech_tokenizer", partial / "speech_tokenizer", dirs_exist_ok=True)  # with its weights
        (partial / "config.json").write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", "utf-8")
        save_file(stored, partial / "model.safetensors", metadata={"format": "pt"})
