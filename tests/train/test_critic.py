"""The critic of the decoder's amplitudes (recipes/tiny/critic.py)."""

import torch
from critic import Critic, judged, wish
from harmonics import BANDS, HARMONICS
from torch import Tensor
from torch.nn import functional as F

NODES = 48


def pictures(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Formants that are sharp, the same ones blurred, and the pitch."""
    generator = torch.Generator().manual_seed(seed)
    rough = F.interpolate(torch.rand((4, 1, 12, HARMONICS + BANDS), generator=generator), (NODES, HARMONICS + BANDS))[:, 0] * 4
    blurred = F.avg_pool2d(F.pad(rough[:, None], (2, 2, 0, 0), mode="replicate"), (1, 5), 1)[:, 0]
    return rough, blurred, torch.full((4, NODES), 150.0)


def test_what_is_blurred_is_wished_sharp() -> None:
    torch.manual_seed(0)
    critic = Critic()
    optimizer = torch.optim.Adam(critic.parameters(), lr=3e-3)
    for step in range(60):
        sharp, blurred, pitch = pictures(step)
        loss = judged(critic, blurred, sharp, pitch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    sharp, blurred, pitch = pictures(1000)
    assert judged(critic, blurred, sharp, pitch) < 0.35  # 0.5 is to know nothing
    wished = wish(critic, blurred, sharp, pitch)
    contrast = [
        (picture - picture.mean(-1, keepdim=True)).square().mean()
        for picture in (blurred - 1e-2 * wished / wished.std(), blurred)
    ]
    assert contrast[0] > contrast[1]
    assert -(wished * (sharp - blurred)).sum() > 0  # the way it wishes is the way to the truth


def test_harmonics_lie_where_their_pitch_puts_them() -> None:
    where = Critic().where(torch.tensor([[100.0, 200.0]]))[0]
    assert torch.allclose(where[0, 1:HARMONICS:2], where[1, : HARMONICS // 2])  # every second one an octave below
    assert where[0, HARMONICS] == 0 and where[0, -1] == 1
    assert torch.isclose(
        where[0, HARMONICS - 1] * torch.log1p(torch.tensor(12_000 / 700)), torch.log1p(torch.tensor(4_800 / 700))
    )
