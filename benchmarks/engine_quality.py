"""How close the fast CPU engines come to the reference in fp32: every code predicted from the reference's own, right ones.

Cosine of logits by stage, how often the likeliest code is the same, and how often the same random number draws the same code.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from report import publish, table
from torch import Tensor

from qwen_tts.bench.random_model import NAMES, SENTENCE, write_random_model
from qwen_tts.checkpoint import LoadedModel, load_model
from qwen_tts.engine.choose import CPU_BITS, choose_engine
from qwen_tts.engine.eager import EagerEngine
from qwen_tts.engine.forced import forced_logits
from qwen_tts.prompt import build_layout, embed
from qwen_tts.sampling import SamplingOptions, SamplingRows, sample


def utterance(model: LoadedModel, engine: EagerEngine, frames: int) -> tuple[Tensor, Tensor]:
    """What the reference says: the talker's inputs [T, D], and the frames [N, Q] that the last N of them predict."""
    config, talker = model.config, engine.talker
    speaker = next(iter(config.talker_config.spk_id), None)
    ids = model.text.target_ids(SENTENCE)
    layout = build_layout(config, text_ids=ids, role_ids=model.text.role_ids, speaker=speaker, streaming_text=False)
    prompt = embed(layout, talker)
    state = engine.init_state(1, len(prompt.embeddings) + frames)
    engine.prefill(state, [0], [prompt], [(SamplingOptions(), SamplingOptions())])
    generator = torch.Generator().manual_seed(0)
    groups = config.talker_config.num_code_groups
    codes = torch.cat([engine.step(state, torch.rand(1, groups, generator=generator)) for _ in range(frames)])
    inputs = talker.embed_codes(codes[None])[0] + prompt.pad
    return torch.cat((prompt.embeddings, inputs))[:-1].float().contiguous(), codes


def compare(ours: Tensor, theirs: Tensor) -> list[float]:
    """Mean and least cosine, share of equal likeliest codes, share of equal drawn codes; logits [N, V]."""
    cosine = torch.nn.functional.cosine_similarity(ours, theirs, dim=-1)
    rows = SamplingRows([SamplingOptions()] * len(ours))
    uniforms = torch.rand(len(ours), generator=torch.Generator().manual_seed(1))
    drawn = (sample(ours, uniforms, rows) == sample(theirs, uniforms, rows)).float().mean()
    return [
        float(cosine.mean()),
        float(cosine.min()),
        float((ours.argmax(-1) == theirs.argmax(-1)).float().mean()),
        float(drawn),
    ]


def engines(model: LoadedModel, frames: int) -> dict[str, list[float]]:
    """What `compare` finds for each engine and stage."""
    reference, found = EagerEngine(model.talker), {}
    sequence, codes = utterance(model, reference, frames)
    expected = forced_logits(reference, sequence, codes)
    for name in CPU_BITS:
        made = forced_logits(choose_engine(name, model.talker), sequence, codes)  # type: ignore[arg-type]
        for stage, ours, theirs in zip(("code 0", "other codes"), made, expected, strict=True):
            found[f"{name}, {stage}"] = compare(ours.flatten(0, -2), theirs.flatten(0, -2))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=NAMES, default="0.6b", help="random weights in this shape")
    parser.add_argument("--model", default="tiny", help="trained weights: a custom voice model, its directory or name")
    parser.add_argument("--frames", type=int, default=40)
    args = parser.parse_args()
    rows, result = [], {}
    with TemporaryDirectory() as folder:
        write_random_model(args.shape, Path(folder))
        for weights, place in ((f"{args.shape}, random", folder), (args.model, args.model)):
            for name, found in engines(load_model(place), args.frames).items():
                rows.append([f"{weights}: {name}", *(f"{value:.5f}" for value in found)])
                result[f"{weights} {name}"] = [round(value, 5) for value in found]
    head = ["weights, engine", "cosine, mean", "least", "same likeliest", "same drawn"]
    options = f"--shape {args.shape} --model {args.model} --frames {args.frames}"
    publish("engine_quality", "CPU engines against the reference", table(head, rows), result, options)


if __name__ == "__main__":
    main()
