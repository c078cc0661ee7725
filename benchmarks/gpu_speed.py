"""How fast a GPU speaks: released shapes with random weights, CUDA graphs against eager.

RTF = computing time / audio time of one of the streams that run side by side; below 1 is faster than real time. First audio is
from the call to the first chunk in the caller's hands, prompt included. All in bf16, the codec in fp32. Ends at once, with a
message, where there is no GPU.
"""

import argparse
import gc
import json
import shlex
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import torch
from report import publish, table

from qwen_tts.codec.codec import Codec
from qwen_tts.config import CodecConfig, ModelConfig
from qwen_tts.engine import Engine
from qwen_tts.engine.cuda_capture import NoCapture
from qwen_tts.engine.cuda_codec import graph_codec
from qwen_tts.engine.cuda_graph import CudaGraphEngine
from qwen_tts.engine.eager import EagerEngine
from qwen_tts.prompt import Prompt
from qwen_tts.sampling import SamplingOptions
from qwen_tts.stream import Utterance, stream
from qwen_tts.talker.frames import GenerationOptions
from qwen_tts.talker.talker import Talker

RELEASED = Path(__file__).parents[1] / "tests" / "released"
ENGINES = ("eager", "cuda-graph", "cuda-graph-compiled")
PROMPT, TRAILING = 24, 16  # positions and later text of a 12-word sentence
CODE0 = SamplingOptions(repetition_penalty=1.05)  # as released


def random_talker(shape: str, device: torch.device) -> Talker:
    """A talker of a released shape."""
    return randomised(ModelConfig.from_dict(json.loads((RELEASED / f"{shape}-Base.config.json").read_text("utf-8"))), device)


def randomised(config: ModelConfig, device: torch.device, dtype: torch.dtype = torch.bfloat16) -> Talker:
    """Random weights. Sampled with top-k it never ends by itself, so that all runs are equally long."""
    with torch.device("meta"):
        talker = Talker(config.talker_config)
    talker = talker.to(dtype).to_empty(device=device).eval().requires_grad_(False)
    torch.manual_seed(0)
    for name, parameter in talker.named_parameters():
        if "norm" in name:
            parameter.fill_(1)
        else:
            parameter.normal_(std=0.02)
    talker.codec_head.weight[config.talker_config.codec_eos_token_id] = 0
    return talker


def random_codec(device: torch.device) -> Codec:
    torch.manual_seed(0)
    with device:
        codec = Codec(CodecConfig.from_dict(json.loads((RELEASED / "speech_tokenizer.config.json").read_text("utf-8"))))
    for name, buffer in codec.named_buffers():
        if name.endswith("embedding_sum"):
            buffer.normal_()
    return codec.eval().requires_grad_(False)


def engine_and_codec(name: str, talker: Talker, codec: Codec) -> tuple[Engine, Codec]:
    if name == "eager":
        return EagerEngine(talker), codec
    capture = None if talker.codec_head.weight.is_cuda else NoCapture()
    return CudaGraphEngine(talker, capture, compiled=name.endswith("compiled")), graph_codec(codec, capture)


def utterances(talker: Talker, batch: int, frames: int) -> list[Utterance]:
    like = talker.codec_head.weight
    rows = (torch.randn(PROMPT + TRAILING + 1, like.shape[1], generator=torch.Generator().manual_seed(0)) * 0.1).to(like)
    prompt = Prompt(rows[:PROMPT], rows[PROMPT:-1], rows[-1], TRAILING)
    options = GenerationOptions(CODE0, max_new_tokens=frames + 1, frames_per_token=None, stop_loops=False)
    return [Utterance(prompt, options, seed=row, max_silence=None) for row in range(batch)]


def speak(engine: Engine, codec: Codec, batch: int, frames: int) -> tuple[float, float]:
    """Seconds to the first chunk, and to the end."""
    spoken = utterances(engine.talker, batch, frames)
    start, first, samples = time.perf_counter(), 0.0, 0
    for chunk in stream(engine, codec, spoken):
        first = first or time.perf_counter() - start
        samples += len(chunk.samples)
    expected = batch * frames * codec.config.decode_upsample_rate
    assert samples == expected, f"{samples} samples in place of {expected}: a row ended early"
    return first, time.perf_counter() - start


def frame_ms(engine: Engine, batch: int, steps: int) -> float:
    """Milliseconds of a frame of the language model alone, each waited for."""
    first = utterances(engine.talker, 1, steps)[0]
    state = engine.init_state(batch, PROMPT + steps + 2)
    engine.prefill(state, range(batch), [first.prompt] * batch, [(first.options.talker, first.options.predictor)] * batch)  # type: ignore[list-item]
    uniforms = torch.rand(batch, engine.talker.config.num_code_groups)
    engine.step(state, uniforms).cpu()
    start = time.perf_counter()
    for _ in range(steps):
        engine.step(state, uniforms).cpu()
    return (time.perf_counter() - start) / steps * 1000


@torch.inference_mode()
def codec_ms(codec: Codec, batch: int, frames: int, runs: int) -> float:
    """Milliseconds of a chunk of so many frames, its samples on the host."""
    device, config = next(codec.parameters()).device, codec.config.decoder_config
    codes = torch.randint(0, config.codebook_size, (batch, frames, config.num_quantizers), device=device)
    state, times = codec.decoder.init_state(batch), []
    for _ in range(runs + 2):
        start = time.perf_counter()
        codec.decoder(codes, state).cpu()
        times.append(time.perf_counter() - start)
    return statistics.median(times[2:]) * 1000


def measure(name: str, talker: Talker, codec: Codec, batch: int, frames: int, runs: int) -> dict[str, Any]:
    """One row of the table. A first run is not counted: it records graphs and sets libraries up. Eager, being slow, one."""
    cuda = talker.codec_head.weight.is_cuda
    gc.collect()
    if cuda:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    engine, own = engine_and_codec(name, talker, codec)
    start = time.perf_counter()
    speak(engine, own, batch, frames if name != "eager" else 8)
    warm_up = time.perf_counter() - start
    firsts, wholes = zip(*(speak(engine, own, batch, frames) for _ in range(runs if name != "eager" else 1)), strict=True)
    audio = frames * codec.config.decode_upsample_rate / codec.config.output_sample_rate
    rtf = statistics.median(wholes) / audio
    return {
        "engine": name,
        "batch": batch,
        "rtf": round(rtf, 4),
        "rtf_range": [round(min(wholes) / audio, 4), round(max(wholes) / audio, 4)],
        "audio_per_second": round(batch / rtf, 1),
        "ttfa_ms": round(statistics.median(firsts) * 1000, 1),
        "frame_ms": round(frame_ms(engine, batch, 40 if name != "eager" else 10), 2),
        "codec_1_ms": round(codec_ms(own, batch, 1, 5), 2),
        "codec_8_ms": round(codec_ms(own, batch, 8, 5), 2),
        "warm_up_s": round(warm_up, 1),
        "peak_memory_mb": round(torch.cuda.max_memory_reserved() / 2**20) if cuda else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", nargs="+", default=["0.6B", "1.7B"], choices=["0.6B", "1.7B"])
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 4, 16, 64])
    parser.add_argument("--engines", nargs="+", default=["eager", "cuda-graph"], choices=ENGINES)
    parser.add_argument("--frames", type=int, default=100, help="of each utterance (12.5 a second)")
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit(
            "gpu_speed.py needs an NVIDIA GPU and a CUDA build of PyTorch: torch.cuda.is_available() is False here. "
            "docs/gpu.md says how to run it; benchmarks/tiny_speed.py measures a CPU."
        )
    device, codec, results = torch.device("cuda:0"), random_codec(torch.device("cuda:0")), []
    for shape in args.shapes:
        talker = random_talker(shape, device)
        for batch in args.batches:
            for name in args.engines:
                results.append({"shape": shape, **measure(name, talker, codec, batch, args.frames, args.runs)})
                print(json.dumps(results[-1]), flush=True)
    columns = [key for key in results[0] if key != "rtf_range"]
    body = table(columns, [[str(result[key]) for key in columns] for result in results])
    gpu = torch.cuda.get_device_name(device)
    head = next((r for r in results if r["engine"] != "eager"), results[0])
    summary = {key: head[key] for key in ("rtf", "ttfa_ms", "engine", "peak_memory_mb")}
    summary |= {"gpu": gpu, "frames": args.frames, "runs": args.runs, "rows": results}
    publish("gpu_speed", f"Speed on {gpu}", body, summary, options=shlex.join(sys.argv[1:]))


if __name__ == "__main__":
    main()
