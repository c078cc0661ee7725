"""The stand-in for CUDA graphs lets pass what a graph can hold and catches each thing that it cannot."""

from collections.abc import Callable

import pytest
import torch
from fake_capture import CaptureError, FakeCapture
from torch import Tensor

from qwen_tts.engine.cuda_capture import Buffers

X, OUT = torch.arange(6.0).reshape(2, 3), torch.zeros(2, 3)
WEIGHT, INDEX = torch.ones(3, 3), torch.tensor([1, 0])


def test_what_a_graph_can_hold_passes():
    state = torch.zeros(2)

    def step() -> None:
        state.add_(1)
        OUT.copy_((X @ WEIGHT)[INDEX] + state[:, None])
        OUT[:, 0] = 0
        OUT.scatter_(1, INDEX[:, None], 5.0)

    capture = FakeCapture()
    replay = capture.record(step, Buffers((state,), (OUT,)))
    assert state.tolist() == [0, 0]  # the warm-up left nothing behind
    replay()
    replay()
    assert state.tolist() == [2, 2]
    assert (capture.recorded, capture.replayed) == (1, 2)


FAULTS: dict[str, Callable[[], object]] = {
    "item": lambda: OUT.add_(X.max().item()),
    "int": lambda: OUT[int(INDEX[0])].zero_(),
    "branch": lambda: OUT.zero_() if X.sum() > 0 else OUT.fill_(1),
    "mask": lambda: OUT.sum() + X[X > 2].sum(),
    "mask write": lambda: OUT.__setitem__(X > 2, 0.0),
    "nonzero": lambda: X.nonzero(),
    "list": lambda: X[:, [0, 1]],
    "tensor": lambda: OUT + torch.tensor([1.0, 2.0, 3.0]),
    "random": lambda: OUT.copy_(torch.rand(2, 3)),
    "generator": lambda: torch.rand(2, 3, generator=torch.Generator()),
    "device": lambda: X.to("meta"),
    "equal": lambda: X.equal(OUT),
    "write": lambda: X.mul_(1),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught_when_it_is_recorded(fault):
    with pytest.raises(CaptureError):
        FakeCapture().record(lambda: FAULTS[fault](), Buffers((), (OUT,)))


class Changing:
    """Python-side state that a graph would not see."""

    def __init__(self) -> None:
        self.position, self.x = 0, X

    def slice(self) -> None:
        OUT[: self.position % 2 + 1].zero_()

    def scalar(self) -> None:
        OUT.add_(self.position)

    def longer(self) -> None:
        for _ in range(self.position + 1):
            OUT.zero_()

    def other_memory(self) -> None:
        OUT.copy_(self.x)


@pytest.mark.parametrize("what", ["slice", "scalar", "longer", "other_memory"])
def test_what_depends_on_the_host_is_caught_when_it_is_replayed(what):
    changing = Changing()
    replay = FakeCapture().record(getattr(changing, what), Buffers((), (OUT,)))
    replay()
    changing.position, changing.x = 1, X.clone()
    with pytest.raises(CaptureError, match="recorded"):
        replay()


def test_a_buffer_that_was_replaced_is_caught():
    held: list[Tensor] = [torch.zeros(3)]
    replay = FakeCapture().record(lambda: held[0].add_(1), Buffers((held[0],)))
    held[0] = torch.zeros(3)
    with pytest.raises(CaptureError, match="registered"):
        replay()
