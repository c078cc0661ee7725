"""On a real GPU: recorded frames are those of eager, nothing waits inside a frame, low precision stays within bounds.

Run them there with `bash scripts/gpu.sh`; without a GPU they are skipped.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from qwen_tts.codec.codec import Codec
from qwen_tts.config import CodecConfig, ModelConfig
from qwen_tts.engine.cuda_codec import graph_codec
from qwen_tts.engine.cuda_graph import CudaGraphEngine, without_graphs
from qwen_tts.engine.eager import EagerEngine
from qwen_tts.prompt import Prompt
from qwen_tts.sampling import SamplingOptions
from qwen_tts.talker.frames import GenerationOptions, generate_frames
from qwen_tts.talker.talker import Talker

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")

RELEASED = Path(__file__).parents[1] / "released"
GREEDY = (SamplingOptions(do_sample=False), SamplingOptions(do_sample=False))
SAMPLED = (SamplingOptions(repetition_penalty=1.05), SamplingOptions(top_p=0.9))
DEVICE = "cuda"


def talker(dtype: torch.dtype) -> Talker:
    """The released 0.6B shapes with fewer layers, and weights that make a talker with preferences."""
    config: dict[str, Any] = json.loads((RELEASED / "0.6B-CustomVoice.config.json").read_text("utf-8"))
    config["talker_config"]["num_hidden_layers"] = 6
    torch.manual_seed(0)
    with torch.device(DEVICE):
        made = Talker(ModelConfig.from_dict(config).talker_config).eval().requires_grad_(False)
    for head in (made.codec_head, *made.code_predictor.lm_head):
        head.weight.mul_(3)
    return made.to(dtype)


def prompt(length: int, talker: Talker, seed: int = 0) -> Prompt:
    generator, like = torch.Generator().manual_seed(seed), talker.codec_head.weight
    rows = torch.randn(length + 4, like.shape[1], generator=generator).to(like)
    return Prompt(rows[:length], rows[length : length + 3], rows[-1], 8)


@pytest.fixture(autouse=True)
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """TF32 off: convolutions and products in full fp32, so that two orders of the same sums can be compared."""
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


@pytest.mark.parametrize("options", [GREEDY, SAMPLED], ids=["greedy", "sampled"])
@pytest.mark.parametrize("batch", [1, 3])
def test_fp32_frames_equal_eager(options, batch):
    model = talker(torch.float32)
    prompts = [prompt(10 + 7 * row, model, row) for row in range(batch)]
    wanted = GenerationOptions(*options, max_new_tokens=40, frames_per_token=None, stop_loops=False)
    made = []
    for engine in (EagerEngine(model), without_graphs(model), CudaGraphEngine(model)):
        stream = generate_frames(engine, prompts, wanted, list(range(batch)))
        made.append(([(codes[active].tolist(), active.tolist()) for codes, active in stream], stream.finish_reasons))
    assert made[2] == made[1] == made[0]


def test_rows_join_and_leave_and_lengths_change():
    model = talker(torch.float32)
    engines = EagerEngine(model), CudaGraphEngine(model, places=(32, 64, 128))
    states = [engine.init_state(4, 100) for engine in engines]
    generator, rows = torch.Generator().manual_seed(1), set[int]()
    for step in range(50):
        for engine, state in zip(engines, states, strict=True):
            if step in (0, 4, 9):
                engine.prefill(state, [step // 4], [prompt(12 + step, model, step)], [SAMPLED])  # type: ignore[arg-type]
            if step == 20:
                engine.release(state, [1])  # type: ignore[arg-type]
        rows = (rows | ({step // 4} if step in (0, 4, 9) else set())) - ({1} if step == 20 else set())
        uniforms = torch.rand(4, model.config.num_code_groups, generator=generator)
        expected, made = (e.step(s, uniforms).cpu() for e, s in zip(engines, states, strict=True))  # type: ignore[arg-type]
        assert made[sorted(rows)].equal(expected[sorted(rows)]), step


def test_nothing_waits_inside_a_frame():
    model = talker(torch.bfloat16)
    engine = CudaGraphEngine(model)
    state = engine.init_state(2, 100)
    engine.prefill(state, [0, 1], [prompt(10, model)] * 2, [SAMPLED] * 2)
    uniforms = torch.rand(2, model.config.num_code_groups)
    engine.step(state, uniforms)
    torch.cuda.set_sync_debug_mode("error")
    try:
        waiting = [engine.launch(state, uniforms) for _ in range(2)]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert all(read().shape == uniforms.shape for read in waiting)


@torch.inference_mode()
def test_bf16_stays_near_fp32():
    exact_model, low_model = talker(torch.float32), talker(torch.bfloat16)
    x = torch.randn(2, 40, exact_model.config.hidden_size, generator=torch.Generator().manual_seed(0)).to(DEVICE)
    prompts = [[Prompt(part.to(m.codec_head.weight), part[:0].to(m.codec_head.weight), part[0].to(m.codec_head.weight), 8)
                for part in x] for m in (exact_model, low_model)]  # fmt: skip
    states = []
    for model, own in zip((exact_model, low_model), prompts, strict=True):
        engine = CudaGraphEngine(model)
        state = engine.init_state(2, 100)
        engine.prefill(state, [0, 1], own, [GREEDY] * 2)
        engine.step(state, torch.zeros(2, model.config.num_code_groups))
        states.append(state)
    torch.cuda.synchronize()
    for name in ("keys", "values"):
        one, other = (getattr(s.cache, name)[-1, :, :, :40].float().flatten() for s in states)  # of the last layer
        assert torch.cosine_similarity(one, other, dim=0) > 0.999


@torch.inference_mode()
@pytest.mark.parametrize("tf32", [False, True])
def test_the_codec_replayed_is_the_codec(tf32, monkeypatch):
    config = CodecConfig.from_dict(json.loads((RELEASED / "speech_tokenizer.config.json").read_text("utf-8")))
    torch.manual_seed(0)
    with torch.device(DEVICE):
        codec = Codec(config).eval().requires_grad_(False)
    for name, buffer in codec.named_buffers():
        if name.endswith("embedding_sum"):
            buffer.normal_()
    groups = config.decoder_config.num_quantizers
    codes = torch.randint(0, config.decoder_config.codebook_size, (2, 31, groups), device=DEVICE)
    expected = codec.decode(codes).cpu()
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", tf32)  # what a user gets who changes nothing
    graphed = graph_codec(codec)
    state = graphed.decoder.init_state(2)
    made = torch.cat([graphed.decoder(piece, state) for piece in codes.split([1, 2, 4, 8, 16], dim=1)], dim=-1)
    noise = (made - expected).square().mean() / expected.var()
    assert -10 * noise.log10() > (45 if tf32 else 80)  # dB
