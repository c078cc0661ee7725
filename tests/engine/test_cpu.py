"""The quantised CPU engine: its numbers, its rows, what it keeps, and what it says where it cannot run."""

import ctypes
import platform
import random
import threading
import time
from collections.abc import Callable
from functools import cache

import pytest
import torch

from qwen_tts.bench.product import product
from qwen_tts.cores import TAKEN, core_taken
from qwen_tts.engine import bindings, choose, weight_cache
from qwen_tts.engine.cpu import CpuEngine
from qwen_tts.engine.eager import EagerEngine
from qwen_tts.engine.forced import forced_logits
from qwen_tts.engine.pack import GROUP, pack_matrix, size
from qwen_tts.errors import OptionError
from qwen_tts.native import compile
from qwen_tts.sampling import SamplingOptions
from qwen_tts.talker.talker import Talker
from tests import naive, utterances

needs_kernel = pytest.mark.skipif(compile.obstacle() is not None, reason=str(compile.obstacle()))
GREEDY = (SamplingOptions(do_sample=False), SamplingOptions(do_sample=False))
SAMPLED = (SamplingOptions(repetition_penalty=1.05), SamplingOptions(top_k=5, top_p=0.9))


def unpacked(weights: torch.Tensor, scales: torch.Tensor, bits: int) -> torch.Tensor:
    """The numbers that packed weights stand for, [outputs, inputs], filled up."""
    if bits < 8:
        pairs, fours = weights[:, :, :4], weights[:, :, 4:]
        low = torch.stack((pairs & 15, pairs >> 4), dim=3).flatten(2, 3)  # [tiles, groups, 8, 16, 4]
        high = torch.stack([fours >> shift & 3 for shift in (0, 2, 4, 6)], dim=3).flatten(2, 3)
        weights = low | high << 4 if bits == 6 else low
    whole = weights.int() - 2 ** (bits - 1)
    numbers = whole.permute(0, 3, 1, 2, 4).flatten(3) * scales.float().transpose(1, 2)[..., None]  # [tiles, 16, groups, 32]
    return numbers.flatten(2).flatten(0, 1)


def in_8_bits(x: torch.Tensor) -> torch.Tensor:
    """Vectors as the kernel sees them, [tokens, inputs] filled up."""
    grouped = torch.nn.functional.pad(x, (0, -x.shape[1] % GROUP)).unflatten(1, (-1, GROUP))
    scale = grouped.abs().amax(-1, keepdim=True) / 127
    return (torch.round(grouped / scale.clamp(min=1e-30)) * scale).flatten(1)


@needs_kernel
@pytest.mark.parametrize("bits", [32, 8, 6, 4])
@pytest.mark.parametrize(("outputs", "inputs", "count"), [(16, 32, 1), (40, 24, 3), (33, 100, 7), (64, 256, 5)])
def test_a_product_is_that_of_the_packed_numbers(bits, outputs, inputs, count):
    generator = torch.Generator().manual_seed(outputs)
    weight, x = torch.randn(outputs, inputs, generator=generator), torch.randn(count, inputs, generator=generator)
    weight[0], x[:, :3] = 0, 20.0  # a group of zeros; outliers
    made, _ = product(bindings.load(compile.library()), weight, bits, x)
    expected = x @ weight.T if bits == 32 else (in_8_bits(x) @ unpacked(*pack_matrix(weight, bits), bits).T)[:, :outputs]
    torch.testing.assert_close(made, expected, rtol=1e-5, atol=2e-4)


@pytest.mark.parametrize(("bits", "most"), [(8, 0.008), (6, 0.025), (4, 0.11)])
def test_packing_costs_little(bits, most):
    weight = torch.randn(64, 256, generator=torch.Generator().manual_seed(0))
    error = unpacked(*pack_matrix(weight, bits), bits) - weight
    assert error.norm() / weight.norm() < most


OLDER = {"x86_64": {"x86-64": "", "x86-64-v3": "avx2"}, "aarch64": {"armv8-a": "", "armv8.2-a+dotprod": "asimddp"}}
HERE = OLDER.get(platform.machine(), {})  # processors of this family, and what tells that this one can run their code


@pytest.fixture(scope="module")
def translated(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], ctypes.CDLL]:
    """The kernel as another processor would have it."""
    folder = tmp_path_factory.mktemp("translated")

    @cache
    def kernel(processor: str) -> ctypes.CDLL:
        compile.build(folder / f"{processor}.so", (f"-march={processor}",))
        return bindings.load(folder / f"{processor}.so")

    return kernel


@pytest.fixture(params=HERE)
def older(request: pytest.FixtureRequest, translated: Callable[[str], ctypes.CDLL]) -> ctypes.CDLL:
    if HERE[request.param] not in compile._processor():
        pytest.skip(f"this is no {request.param}")
    return translated(request.param)


@needs_kernel
def test_older_processors_compute_the_same(older):
    new = bindings.load(compile.library())
    weight, x = torch.randn(48, 320) * 3, torch.randn(7, 320)
    for bits in (8, 6, 4, 32):
        made, expected = (product(kernel, weight, bits, x)[0] for kernel in (older, new))
        torch.testing.assert_close(made, expected, rtol=1e-5, atol=1e-4)


@needs_kernel
@pytest.mark.parametrize("bits", [8, 6, 4])
def test_the_greatest_numbers_are_summed_exactly(older, bits):
    most = 2.0 ** (bits - 1) - 1
    weight, x = torch.full((16, 32), most), torch.full((4, 32), 127.0)  # scales of 1: what is packed is what is here
    weight[1::2], x[1], x[2, ::2] = -most, -127.0, -127.0
    for kernel in (older, bindings.load(compile.library())):
        assert torch.equal(product(kernel, weight, bits, x)[0], x @ weight.T)


@needs_kernel
@pytest.mark.skipif("avx2" not in compile._processor(), reason="this processor lacks AVX2")
def test_a_compiler_makes_good_code_of_narrower_vectors(translated):
    weight, x = torch.randn(512, 2048), torch.randn(1, 2048)
    kernels = translated("x86-64-v3"), bindings.load(compile.library())
    old, new = (product(kernel, weight, 6, x, times=200)[1] for kernel in kernels)
    assert old < 5 * new  # 1.5 times; 13 times while vectors were wider than registers


def teacher_forced(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The inputs of an utterance that the reference made, and its frames."""
    talker, prompt = utterances.talker(), utterances.prompt(6)
    frames, _ = naive.frames(talker, prompt, SAMPLED, seed=5, most=count)
    spoken = talker.embed_codes(frames[None])[0]
    text = torch.cat((prompt.trailing, prompt.pad.expand(count, -1)))[: len(frames)]
    return torch.cat((prompt.embeddings, spoken + text))[:-1].contiguous(), frames


@needs_kernel
@pytest.mark.parametrize(
    ("bits", "closeness", "agreement"), [(32, 0.999999, 1.0), (8, 0.999, 0.9), (6, 0.995, 0.8), (4, 0.95, 0.5)]
)
def test_logits_are_close_to_the_reference(bits, closeness, agreement):
    sequence, frames = teacher_forced(20)
    expected = forced_logits(EagerEngine(utterances.talker()), sequence, frames)
    made = forced_logits(CpuEngine(utterances.talker(), bits), sequence, frames)
    for ours, theirs in zip(made, expected, strict=True):
        assert torch.nn.functional.cosine_similarity(ours, theirs, dim=-1).mean() > closeness
        assert (ours.argmax(-1) == theirs.argmax(-1)).float().mean() >= agreement


@needs_kernel
@pytest.mark.parametrize("bits", [8, 6, 4])
def test_rows_join_and_leave_and_nobody_notices(bits):
    engine = CpuEngine(utterances.talker(), bits)
    uniforms = torch.rand(12, 3, 4, generator=torch.Generator().manual_seed(3))
    alone = engine.init_state(1, 60)
    engine.prefill(alone, [0], [utterances.prompt(5)], [SAMPLED])
    expected = [engine.step(alone, u[1:2])[0].tolist() for u in uniforms]
    state = engine.init_state(3, 60)
    engine.prefill(state, [1], [utterances.prompt(5)], [SAMPLED])
    made = []
    for number, u in enumerate(uniforms):
        if number == 3:
            engine.prefill(state, [2, 0], [utterances.prompt(9), utterances.prompt(2)], [GREEDY, SAMPLED])
        if number == 8:
            engine.release(state, [0])
        made.append(engine.step(state, u)[1].tolist())
    assert made == expected


@needs_kernel
@pytest.mark.parametrize("threads", [2, 3, 5])
def test_threads_may_come_late_and_leave_cores_to_others(threads):
    """Whoever does the work, and whenever: it is the same work."""
    uniforms = torch.rand(12, 3, 4, generator=torch.Generator().manual_seed(3))

    def speech(engine: CpuEngine) -> list[list[list[int]]]:
        state = engine.init_state(3, 60)
        engine.prefill(state, [0, 1, 2], [utterances.prompt(n) for n in (5, 9, 2)], [SAMPLED, GREEDY, SAMPLED])
        return [engine.step(state, u).tolist() for u in uniforms]

    alone, many = CpuEngine(utterances.talker(), 8, threads=1), CpuEngine(utterances.talker(), 8, threads=threads)
    expected, rng, over, together = speech(alone), random.Random(0), threading.Event(), many._together

    def unevenly(work):
        def late(thread):
            if rng.random() < 0.3:
                time.sleep(0.003 * rng.random())  # of the first one, too
            work(thread)

        together(late)

    def others():
        while not over.is_set():
            with core_taken():
                time.sleep(0.001 * rng.random())
            time.sleep(0.001 * rng.random())

    many._together = unevenly
    busy = threading.Thread(target=others)
    busy.start()
    try:
        for _ in range(3):
            assert speech(many) == expected
    finally:
        over.set()
        busy.join()
    assert TAKEN.value == 0
    with core_taken(), core_taken(), core_taken(), core_taken(), core_taken():
        assert speech(many) == expected  # by the first thread


@needs_kernel
def test_weights_are_kept_and_made_anew_where_they_are_damaged(tmp_path, monkeypatch):
    monkeypatch.setenv("QWEN_TTS_CACHE", str(tmp_path))
    first = weight_cache.packed_weights(utterances.talker(), 8).clone()
    (file,) = (tmp_path / "engines").iterdir()
    whole = file.read_bytes()
    assert len(whole) == 32 + size(utterances.talker(), 8)
    monkeypatch.setattr(weight_cache, "pack", None)  # not called again
    assert weight_cache.packed_weights(utterances.talker(), 8).equal(first)
    monkeypatch.undo()
    monkeypatch.setenv("QWEN_TTS_CACHE", str(tmp_path))
    for damaged in (whole[:-1], whole + b"x", whole[:100] + bytes([whole[100] ^ 1]) + whole[101:], b""):
        file.write_bytes(damaged)
        assert weight_cache.packed_weights(utterances.talker(), 8).equal(first)
        assert file.read_bytes() == whole


def test_other_weights_have_another_key():
    keys = {weight_cache.key(utterances.talker(seed=seed), bits) for seed in (0, 1) for bits in (4, 8)}
    assert len(keys) == 4


def test_a_cache_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("QWEN_TTS_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="made anew each time"):
        weight_cache.packed_weights(utterances.talker(), 4)


@pytest.fixture
def no_compiler(tmp_path, monkeypatch):
    monkeypatch.setenv("QWEN_TTS_CACHE", str(tmp_path))
    monkeypatch.setattr(compile, "compilers", lambda: iter(()))
    cached = (compile.library, compile.obstacle, choose._say_once)
    for function in cached:
        function.cache_clear()
    yield
    for function in cached:
        function.cache_clear()


def test_without_a_compiler_auto_says_once_that_it_is_slow(no_compiler):
    with pytest.warns(UserWarning, match=r"no C compiler.*qwen-tts\[cpu\].*'eager'") as told:
        engines = [choose.choose_engine("auto", utterances.talker()) for _ in range(2)]
    assert [type(engine) for engine in engines] == [EagerEngine, EagerEngine] and len(told) == 1


def test_without_a_compiler_an_explicit_engine_is_an_error(no_compiler):
    with pytest.raises(OptionError, match=r"no C compiler; install a C compiler, or the extra: pip install 'qwen-tts\[cpu\]'"):
        choose.choose_engine("cpu-int8", utterances.talker())


@needs_kernel
def test_auto_is_as_exact_as_the_reference_for_a_small_model():
    engine = choose.choose_engine("auto", utterances.talker())
    assert isinstance(engine, CpuEngine) and engine.talker is utterances.talker()
    assert type(choose.choose_engine("auto", utterances.talker(), torch.float32, asked=True)) is EagerEngine


@needs_kernel
def test_auto_takes_six_bits_for_a_large_model(monkeypatch):
    monkeypatch.setattr(choose, "LARGE", 0)
    monkeypatch.setitem(choose.BUILDERS, "cpu-int6", lambda talker: "six bits")
    assert choose.choose_engine("auto", utterances.talker()) == "six bits"


def test_engines_that_cannot_do_what_was_asked_say_so():
    with pytest.raises(OptionError, match="unknown engine 'fast'; legal are auto, eager"):
        choose.choose_engine("fast", utterances.talker())
    with pytest.raises(OptionError, match="leave out dtype"):
        choose.choose_engine("cpu-int4", utterances.talker(), torch.bfloat16, asked=True)
    with torch.device("meta"):
        elsewhere = Talker(utterances.config().talker_config)
    with pytest.raises(OptionError, match="it is on meta"):
        choose.choose_engine("cpu-int8", elsewhere)
