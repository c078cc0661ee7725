"""Runs this repository's package on the tasks of `run_official.py` and keeps the same stages under the same keys.

The public class speaks; a recording engine in place of its own notes the prompts and the codes. Hidden states and logits are
computed a second time, teacher-forced over the official codes in one pass: so they test training's view as well, and one
differing code does not make all that follows incomparable.

    run_ours.py CHECKPOINTS OFFICIAL OUT
"""

import argparse
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tasks
import torch
from results import Arrays, load, save
from tasks import FRAMES, RATE, Task
from torch import Tensor

from qwen_tts import Qwen3TTSModel, Qwen3TTSTokenizer
from qwen_tts.engine import Engine, EngineState
from qwen_tts.mel import mel_spectrogram
from qwen_tts.prompt import Prompt
from qwen_tts.text import TextTokenizer
from qwen_tts.voice import VoiceClonePromptItem

UNLIMITED: dict[str, Any] = {"frames_per_token": None, "stop_loops": False, "max_silence": None}  # as officially: no guards


class RecordingEngine:
    """An engine that notes what goes in and out."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.talker = engine, engine.talker
        self.prompts: Sequence[Prompt] = ()
        self.steps: list[Tensor] = []

    def prefill(self, state: EngineState, rows: Sequence[int], prompts: Sequence[Prompt], sampling: Any) -> None:
        self.prompts, self.steps = prompts, []
        self.engine.prefill(state, rows, prompts, sampling)

    def step(self, state: EngineState, uniforms: Tensor) -> Tensor:
        self.steps.append(self.engine.step(state, uniforms).clone())
        return self.steps[-1]

    def feed(self, state: EngineState, row: int, text: Tensor) -> None:
        self.engine.feed(state, row, text)

    def init_state(self, batch: int, capacity: int) -> EngineState:
        return self.engine.init_state(batch, capacity)

    def release(self, state: EngineState, rows: Sequence[int]) -> None:
        self.engine.release(state, rows)

    def codes(self, row: int) -> Tensor:
        """[T, Q] of one row, up to where it ended."""
        frames = torch.stack([step[row] for step in self.steps])
        ends = (frames[:, 0] == self.talker.config.codec_eos_token_id).nonzero()
        return frames[: int(ends[0])] if len(ends) else frames


@torch.inference_mode()
def stages(engine: RecordingEngine, row: int, official: Arrays) -> Arrays:
    talker, prompt = engine.talker, engine.prompts[row]
    codes = torch.from_numpy(official["codes"])
    hidden = talker(prompt.teacher_forced(talker.embed_codes(codes[None])[0])[None])[0]  # [L + T, D]
    predicting = hidden[len(prompt.embeddings) - 1 :]  # [T + 1, D]
    kept = official["code_logits"].shape[0]
    found = {
        "prompt": prompt.embeddings,
        "trailing": prompt.step_text(len(official["trailing"])),
        "hidden": hidden,
        "logits": talker.logits(predicting),
        "code_logits": talker.code_logits(predicting[:kept], codes[:kept]),
        "codes": engine.codes(row),
    }
    return {name: value.numpy() for name, value in found.items()}


def given(task: Task, row: int, text: TextTokenizer, voices: list[VoiceClonePromptItem]) -> Arrays:
    """Ids in the wrapping that the official package puts around them, and the voice."""
    im_end, newline = text.instruct_ids("")[-2], text.role_ids[2:]
    target = [*text.role_ids, *text.target_ids(task.texts[row]), im_end, *newline, *text.role_ids]
    found: Arrays = {"text_ids": np.array(target)}
    if task.instructs and task.instructs[row]:
        found["instruct_ids"] = np.array(text.instruct_ids(task.instructs[row]))
    if voices:
        voice = voices[row]
        found["speaker_vector"] = voice.ref_spk_embedding.numpy()
        if voice.ref_text is not None and voice.ref_code is not None:
            found["ref_ids"] = np.array([*text.role_ids, *text.reference_ids(voice.ref_text), im_end, *newline])
            found["reference_codes"] = voice.ref_code.numpy()
    return found


def run_task(task: Task, model: Qwen3TTSModel, engine: RecordingEngine, official: Arrays) -> Arrays:
    options: dict[str, Any] = {"max_new_tokens": FRAMES + 1, "non_streaming_mode": not task.streaming_text} | UNLIMITED
    options |= task.sampling or {"do_sample": False, "subtalker_dosample": False}
    options["seed"] = [tasks.SEED + row for row in range(len(task.texts))]
    texts, languages, instructs = list(task.texts), list(task.languages), list(task.instructs) or None
    voices: list[VoiceClonePromptItem] = []
    if task.method == "clone":
        for reference in task.references:
            source = (tasks.recording(reference), reference.rate)
            voices += model.create_voice_clone_prompt(source, reference.text, reference.text is None)
        waves, _ = model.generate_voice_clone(texts, languages, voice_clone_prompt=voices, **options)
    elif task.method == "custom":
        waves, _ = model.generate_custom_voice(texts, list(task.speakers), languages, instructs, **options)
    else:
        waves, _ = model.generate_voice_design(texts, instructs or "", languages, **options)
    found: Arrays = {}
    for row, wave in enumerate(waves):
        theirs = {name.removeprefix(f"{row}/"): value for name, value in official.items() if name.startswith(f"{row}/")}
        parts = given(task, row, model.loaded.text, voices) | stages(engine, row, theirs) | {"wave": wave}
        found |= {f"{row}/{name}": value for name, value in parts.items()}
    return found


def run_tasks(todo: list[Task], checkpoints: Path, official: Path, out: Path) -> None:
    for name in dict.fromkeys(task.model for task in todo):
        model = Qwen3TTSModel.from_pretrained(checkpoints / name, engine="eager")
        engine = RecordingEngine(model.engine)
        model = Qwen3TTSModel(model.loaded, engine=engine)  # type: ignore[arg-type]
        for task in (task for task in todo if task.model == name):
            save(out, task.file, run_task(task, model, engine, load(official, task.file)))
            print(f"{task.model}: {task.name}", flush=True)


def run_codec(directory: Path, lengths: tuple[int, ...], frame_counts: tuple[int, ...]) -> Arrays:
    tokenizer = Qwen3TTSTokenizer.from_pretrained(directory)
    codec, found = tokenizer.codec, {}
    groups, count = codec.config.encoder_valid_num_quantizers, codec.config.decoder_config.codebook_size
    sounds = [tasks.sound(n) for n in lengths]
    batch = torch.zeros(len(sounds), max(lengths))
    for row, (n, wave) in enumerate(zip(lengths, sounds, strict=True)):
        found[f"encode {n}"] = tokenizer.encode(wave, sr=RATE).audio_codes[0].numpy()
        batch[row, :n] = torch.from_numpy(wave)
    for n, codes in zip(lengths, codec.encode(batch).numpy(), strict=True):
        found[f"encode {n} in a batch"] = codes[: -(-n // codec.config.encode_downsample_rate)]
    for frames in frame_counts:
        codes = tasks.random_codes(frames, groups, count)
        found[f"decode {frames}"] = tokenizer.decode({"audio_codes": [codes]})[0][0]
        found[f"decode windowed {frames}"] = codec.decode_windowed(torch.from_numpy(codes)[None])[0].numpy()
    pair = [tasks.random_codes(frames, groups, count) for frames in frame_counts[:2]]
    for frames, wave in zip(frame_counts, tokenizer.decode({"audio_codes": pair})[0], strict=False):
        found[f"decode {frames} in a batch"] = wave
    return found


@torch.inference_mode()
def run_speaker(directory: Path, seconds: tuple[float, ...]) -> Arrays:
    encoder, found = Qwen3TTSModel.from_pretrained(directory).loaded.speaker_encoder, {}
    assert encoder is not None
    for length in seconds:
        mel = mel_spectrogram(torch.from_numpy(tasks.sound(round(length * RATE)))[None])
        found[f"mel {length}"], found[f"vector {length}"] = mel[0].numpy(), encoder(mel)[0].numpy()
    return found


def run_text(directory: Path, texts: tuple[str, ...]) -> Arrays:
    found: Arrays = {}
    for split in ("mistral", "qwen"):
        text = TextTokenizer.from_dir(directory, split)
        found |= {f"{split} {index}": np.array(text.target_ids(words)) for index, words in enumerate(texts)}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    for name in ("checkpoints", "official", "out"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", "the speech of text")  # that it was ended by `max_new_tokens`
    for kind in ("0.6B-Base", "1.7B-Base"):
        save(args.out, f"speaker-{kind}", run_speaker(args.checkpoints / kind, tasks.SPEAKER_SECONDS))
    save(args.out, "text", run_text(args.checkpoints / "0.6B-Base", tasks.TEXTS))
    save(args.out, "codec", run_codec(args.checkpoints / "codec", tasks.SOUND_LENGTHS, tasks.FRAME_COUNTS))
    run_tasks(tasks.all_tasks(), args.checkpoints, args.official, args.out)


if __name__ == "__main__":
    main()
