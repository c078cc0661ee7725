"""The transformer step by step equals the whole sequence, for every layout of its cache."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_tts.nn.kv_cache import KVCache
from qwen_tts.nn.transformer import Transformer, TransformerConfig

WIDTH = 16


def make(window: int | None = None, layer_norm: bool = False) -> Transformer:
    torch.manual_seed(1)
    config = TransformerConfig(
        WIDTH, 24, 2, 4, 2, 8, 1e-6, 1e4, qk_norm=not layer_norm, layer_norm=layer_norm, layer_scale=0.5, window=window
    )
    return Transformer(config).requires_grad_(False)


def new_cache(model: Transformer, batch: int, capacity: int = 64) -> KVCache:
    return model.init_state(batch, capacity, "cpu", torch.float32)


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=6),
    window=st.sampled_from([None, 1, 2, 5, 100]),
    layer_norm=st.booleans(),
)
def test_chunks_equal_one_pass(sizes: list[int], window: int | None, layer_norm: bool) -> None:
    model = make(window, layer_norm)
    x = torch.randn(2, sum(sizes), WIDTH)
    cache = new_cache(model, 2, 80)
    made = torch.cat([model(piece, cache) for piece in x.split(sizes, dim=1)], dim=1)
    assert torch.allclose(made, model(x), atol=1e-5)


@pytest.mark.parametrize("window", [None, 4])
def test_causal_and_no_further_back_than_the_window(window: int | None) -> None:
    model = make(window)
    x = torch.randn(1, 20, WIDTH, requires_grad=True)
    model(x)[0, 10].sum().backward()
    assert x.grad is not None
    touched = x.grad[0].abs().sum(-1) > 0
    reach = 10 if window is None else 2 * (window - 1)  # two layers
    assert touched.tolist() == [10 - reach <= i <= 10 for i in range(20)]


def test_rows_of_unequal_length_give_what_each_gives_alone() -> None:
    model = make()
    first, later = torch.randn(3, 7, WIDTH), torch.randn(3, 2, WIDTH)
    lengths = torch.tensor([7, 3, 5])
    cache = new_cache(model, 3)
    model(first, cache, lengths)
    together = model(later, cache)
    for row, length in enumerate(lengths):
        alone = model(torch.cat((first[row, :length], later[row]))[None])[0, length:]
        assert torch.allclose(together[row], alone, atol=1e-5)


@pytest.mark.parametrize("window", [None, 4])
def test_a_reset_row_starts_afresh_and_leaves_the_others_alone(window: int | None) -> None:
    model = make(window)
    x, more = torch.randn(2, 6, WIDTH), torch.randn(2, 3, WIDTH)
    cache = new_cache(model, 2)
    model(x, cache)
    cache.reset(torch.tensor([0]))
    made = model(more, cache)
    assert torch.allclose(made[0], model(more[:1])[0], atol=1e-5)
    assert torch.allclose(made[1], model(torch.cat((x, more), 1))[1, 6:], atol=1e-5)


def test_a_saved_cache_gives_the_same_next_step() -> None:
    model = make(4)
    cache = new_cache(model, 2)
    model(torch.randn(2, 9, WIDTH), cache)
    saved, x = cache.clone(), torch.randn(2, 1, WIDTH)
    assert torch.equal(model(x, cache), model(x, saved))
