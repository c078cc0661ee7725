"""Runs the official package on every task and keeps what it computed on the way. Run under its own interpreter.

It is driven through its public methods; forward hooks look at what passes. One file a task, keys `<row>/<stage>`.

    run_official.py CHECKPOINTS OUT [--golden]
"""

import argparse
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tasks
import torch
from qwen_tts.core.models.modeling_qwen3_tts import mel_spectrogram
from results import Arrays, save
from tasks import FRAMES, RATE, Task
from transformers import AutoTokenizer

from qwen_tts import Qwen3TTSModel, Qwen3TTSTokenizer

CODE_LOGIT_FRAMES = 8  # the predictor's logits of this many frames are kept


class Recorder:
    """What passed through a model during one call of a public method."""

    def __init__(self, model: Any) -> None:
        self.inputs: dict[str, Any] = {}
        self.prompt: dict[str, Any] = {}
        self.hidden: list[torch.Tensor] = []  # [B, L, D], then [B, 1, D] a frame
        self.logits: list[torch.Tensor] = []  # [B, V] each
        self.code_logits: list[torch.Tensor] = []  # [B, V of the predictor] each, Q - 1 a frame
        self.codes: list[torch.Tensor] = []  # [T, Q] each
        talker = model.talker
        talker.model.register_forward_hook(lambda _m, _i, out: self.hidden.append(out.last_hidden_state))
        talker.register_forward_hook(lambda _m, _i, out: self.logits.append(out.logits[:, -1]))
        talker.code_predictor.register_forward_hook(lambda _m, _i, out: self.code_logits.append(out.logits[:, -1]))
        whole, inner = model.generate, talker.generate

        def generate(**kwargs: Any) -> Any:
            for seen in (self.hidden, self.logits, self.code_logits):
                seen.clear()
            self.inputs = kwargs
            result = whole(**kwargs)
            self.codes = result[0]
            return result

        def talk(**kwargs: Any) -> Any:
            self.prompt = kwargs
            return inner(**kwargs)

        model.generate, talker.generate = generate, talk

    def row(self, index: int) -> Arrays:
        """Stages of one row, without the padding of the batch."""
        length = int(self.prompt["attention_mask"][index].sum())
        codes = self.codes[index]
        frames, steps = codes.shape[0], codes.shape[1] - 1
        hidden = torch.cat([self.hidden[0][index, -length:], *(step[index] for step in self.hidden[1 : frames + 1])])
        kept = self.code_logits[: min(frames, CODE_LOGIT_FRAMES) * steps]
        found = {
            "prompt": self.prompt["inputs_embeds"][index, -length:],
            "trailing": self.prompt["trailing_text_hidden"][index],
            "hidden": hidden,
            "logits": torch.stack([step[index] for step in self.logits[: frames + 1]]),
            "code_logits": torch.stack([step[index] for step in kept]).unflatten(0, (-1, steps)),
            "codes": codes,
        }
        return {name: value.numpy() for name, value in found.items()} | self._given(index)

    def _given(self, index: int) -> Arrays:
        found: Arrays = {"text_ids": self.inputs["input_ids"][index][0].numpy()}
        for name in ("ref_ids", "instruct_ids"):
            ids = (self.inputs.get(name) or {index: None})[index]
            if ids is not None:
                found[name] = ids[0].numpy()
        if voices := self.inputs.get("voice_clone_prompt"):
            found["speaker_vector"] = voices["ref_spk_embedding"][index].numpy()
            if voices["ref_code"][index] is not None:
                found["reference_codes"] = voices["ref_code"][index].numpy()
        return found


class Uniforms:
    """In place of torch.multinomial: the inverse of the distribution function at numbers that both sides know.

    One generator a row, Q numbers a frame: the first for the talker, the others for the predictor.
    """

    def __init__(self, rows: int, groups: int) -> None:
        self.generators = [torch.Generator().manual_seed(tasks.SEED + row) for row in range(rows)]
        self.groups, self.calls = groups, 0
        self.numbers = torch.empty(0)

    def __call__(self, probabilities: torch.Tensor, num_samples: int) -> torch.Tensor:
        assert num_samples == 1
        place = self.calls % self.groups
        if place == 0:
            self.numbers = torch.stack([torch.rand(self.groups, generator=g) for g in self.generators])
        self.calls += 1
        cumulative = probabilities.double().cumsum(-1)
        wanted = self.numbers[:, place, None].double() * cumulative[:, -1:]
        return torch.searchsorted(cumulative, wanted, right=True)


@contextlib.contextmanager
def drawing(draw: Callable[..., torch.Tensor]) -> Iterator[None]:
    """Hugging Face's generation draws its tokens with `torch.multinomial`; within this context it draws with `draw`."""
    multinomial = torch.multinomial
    torch.multinomial = draw
    try:
        yield
    finally:
        torch.multinomial = multinomial


def run_task(task: Task, model: Qwen3TTSModel, recorder: Recorder) -> Arrays:
    options: dict[str, Any] = {"text": list(task.texts), "language": list(task.languages), "max_new_tokens": FRAMES + 1}
    options["non_streaming_mode"] = not task.streaming_text
    options |= task.sampling or {"do_sample": False, "subtalker_dosample": False}
    uniforms = Uniforms(len(task.texts), model.model.config.talker_config.num_code_groups)
    with drawing(uniforms):
        if task.method == "clone":
            # Each recording by itself: encoded as a batch, the last frame of the shorter ones would differ.
            voices = [
                model.create_voice_clone_prompt((tasks.recording(r), r.rate), r.text, r.text is None)[0]
                for r in task.references
            ]
            waves, _ = model.generate_voice_clone(voice_clone_prompt=voices, **options)
        elif task.method == "custom":
            instruct = list(task.instructs) or None
            waves, _ = model.generate_custom_voice(speaker=list(task.speakers), instruct=instruct, **options)
        else:
            waves, _ = model.generate_voice_design(instruct=list(task.instructs), **options)
    found: Arrays = {}
    for index, wave in enumerate(waves):
        found |= {f"{index}/{stage}": value for stage, value in (recorder.row(index) | {"wave": wave}).items()}
    return found


def run_tasks(todo: list[Task], checkpoints: Path, out: Path, attention: str | None = None) -> None:
    for name in dict.fromkeys(task.model for task in todo):
        model = Qwen3TTSModel.from_pretrained(str(checkpoints / name), attn_implementation=attention)
        recorder = Recorder(model.model)
        for task in (task for task in todo if task.model == name):
            save(out, task.file, run_task(task, model, recorder))
            print(f"{task.model}: {task.name}", flush=True)


def run_codec(directory: Path, lengths: tuple[int, ...], frame_counts: tuple[int, ...]) -> Arrays:
    tokenizer = Qwen3TTSTokenizer.from_pretrained(str(directory))
    config, found = tokenizer.config, {}
    groups, count = config.encoder_valid_num_quantizers, config.decoder_config.codebook_size
    sounds = [tasks.sound(n) for n in lengths]
    for n, wave in zip(lengths, sounds, strict=True):
        found[f"encode {n}"] = tokenizer.encode(wave, sr=RATE).audio_codes[0].numpy()
    for n, codes in zip(lengths, tokenizer.encode(sounds, sr=RATE).audio_codes, strict=True):
        found[f"encode {n} in a batch"] = codes.numpy()
    for frames in frame_counts:
        codes = tasks.random_codes(frames, groups, count)
        found[f"decode {frames}"] = tokenizer.decode({"audio_codes": [codes]})[0][0]
    pair = [tasks.random_codes(frames, groups, count) for frames in frame_counts[:2]]
    for frames, wave in zip(frame_counts, tokenizer.decode({"audio_codes": pair})[0], strict=False):
        found[f"decode {frames} in a batch"] = wave
    return found


def run_speaker(directory: Path, seconds: tuple[float, ...]) -> Arrays:
    model, found = Qwen3TTSModel.from_pretrained(str(directory)).model, {}
    for length in seconds:
        wave = tasks.sound(round(length * RATE))
        mel = mel_spectrogram(torch.from_numpy(wave)[None], 1024, 128, RATE, 256, 1024, 0, 12_000)
        found[f"mel {length}"] = mel[0].T.numpy()
        found[f"vector {length}"] = model.extract_speaker_embedding(wave, RATE).numpy()
    return found


def run_text(directory: Path, texts: tuple[str, ...]) -> Arrays:
    """Ids of the text alone, under the split that the package uses for a directory and the one it uses for a hub's name."""
    found: Arrays = {}
    for split, fix in (("mistral", True), ("qwen", False)):
        tokenizer = AutoTokenizer.from_pretrained(str(directory), fix_mistral_regex=fix)
        for index, text in enumerate(texts):
            ids = tokenizer(f"<|im_start|>assistant\n{text}<|im_end|>\n<|im_start|>assistant\n")["input_ids"]
            found[f"{split} {index}"] = np.array(ids[3:-5])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("checkpoints", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--golden", action="store_true", help="the tasks of the golden files")
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.golden:
        run_tasks(tasks.golden_tasks(), args.checkpoints, args.out)
        save(args.out, "codec", run_codec(args.checkpoints / "golden-codec", *tasks.GOLDEN_CODEC))
        save(args.out, "speaker", run_speaker(args.checkpoints / "golden-1.7B-Base", tasks.GOLDEN_SECONDS))
        save(args.out, "text", run_text(args.checkpoints / "golden-1.7B-Base", tasks.GOLDEN_TEXTS))
        return
    for kind in ("0.6B-Base", "1.7B-Base"):
        save(args.out, f"speaker-{kind}", run_speaker(args.checkpoints / kind, tasks.SPEAKER_SECONDS))
    save(args.out, "text", run_text(args.checkpoints / "0.6B-Base", tasks.TEXTS))
    save(args.out, "codec", run_codec(args.checkpoints / "codec", tasks.SOUND_LENGTHS, tasks.FRAME_COUNTS))
    run_tasks(tasks.all_tasks(), args.checkpoints, args.out)
    run_tasks(tasks.eager_tasks(), args.checkpoints, args.out / "eager", attention="eager")


if __name__ == "__main__":
    main()
