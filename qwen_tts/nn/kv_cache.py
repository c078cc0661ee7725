"""Keys and values of the past, one row per stream; rows may stand at different positions.

Two layouts of one class. Without a window, slot = position, and rows grow until `capacity`:

    row 0  k0 k1 k2 k3 .  .  .      position 4
    row 1  k0 k1 .  .  .  .  .      position 2

With a window W, slot = position mod W: a ring that holds the last W positions.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(slots=True)
class KVCache:
    """Updated in place. keys, values: [layers, B, H, slots, head_dim]; position: int64 [B], tokens seen per row.

    `high` is the host's upper bound of `position`: attention looks at no more slots than that.
    """

    keys: Tensor
    values: Tensor
    position: Tensor
    window: int | None
    high: int = 0

    @classmethod
    def empty(
        cls, layers: int, batch: int, heads: int, head_dim: int, capacity: int, window: int | None,
        device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32,
    ) -> "KVCache":  # fmt: skip
        slots = capacity if window is None else window
        shape = (layers, batch, heads, slots, head_dim)
        keys, values = (torch.zeros(shape, device=device, dtype=dtype) for _ in range(2))
        return cls(keys, values, torch.zeros(batch, dtype=torch.int64, device=device), window)

    @property
    def slots(self) -> int:
        return self.keys.shape[3]

    def query_positions(self, steps: int) -> Tensor:
        """Positions of the next `steps` tokens: [B, steps]."""
        return self.position[:, None] + torch.arange(steps, device=self.position.device)

    def mask(self, steps: int) -> Tensor | None:
        """What the next `steps` tokens may look at: bool [B, 1, steps, keys], or None for everything.

        The order of keys is that of `extend`.
        """
        queries = self.query_positions(steps)[:, None, :, None]  # [B, 1, steps, 1]
        if self.window is None:
            if steps == 1 and self.position.shape[0] == 1:
                return None
            return torch.arange(self._end(steps), device=self.position.device) <= queries
        ring = torch.arange(self.slots, device=self.position.device)
        last = self.position[:, None] - 1
        held = last - (last - ring) % self.slots  # position in each slot; negative: never written  [B, slots]
        keys = torch.cat((held, self.query_positions(steps)), dim=1)[:, None, None, :]
        return (keys >= 0) & (keys <= queries) & (keys > queries - self.window)

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Adds new keys and values [B, H, steps, head_dim] of one layer; returns all that the mask speaks of."""
        steps = keys.shape[2]
        if self.window is None:
            self._write(layer, keys, values, self.query_positions(steps))
            end = self._end(steps)
            return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]
        seen = torch.cat((self.keys[layer], keys), dim=2), torch.cat((self.values[layer], values), dim=2)
        kept = min(steps, self.slots)
        slots = self.query_positions(steps)[:, -kept:] % self.slots
        self._write(layer, keys[:, :, -kept:], values[:, :, -kept:], slots)
        return seen

    def _end(self, steps: int) -> int:
        """One more than the last slot that the next `steps` tokens may fill. Rows that stand still do not count in `high`."""
        return min(self.high + steps, self.slots)

    def _write(self, layer: int, keys: Tensor, values: Tensor, slots: Tensor) -> None:
        index = slots[:, None, :, None].expand_as(keys)
        self.keys[layer].scatter_(2, index, keys)
        self.values[layer].scatter_(2, index, values)

    def advance(self, steps: int, lengths: Tensor | None = None) -> None:
        """After all layers: `lengths` [B] of the `steps` tokens were real in each row (the first ones); None: all."""
        assert lengths is None or self.window is None, "padding would overwrite what a ring still needs"
        self.position += steps if lengths is None else lengths
        self.high = self.high + steps if self.window is not None else self._end(steps)

    def reset(self, rows: Tensor | None = None) -> None:
        """Empties the given rows (int64 indices), or all."""
        if rows is None:
            self.position.zero_()
            self.high = 0
        else:
            self.position[rows] = 0
            self.high = int(self.position.max())

    def first(self, rows: int) -> "KVCache":
        """The first rows, as views; but `high` is a copy."""
        return KVCache(self.keys[:, :rows], self.values[:, :rows], self.position[:rows], self.window, self.high)

    def copy_row(self, row: int, target: "KVCache", place: int) -> None:
        """Writes a row over row `place` of `target`, which has as many slots in use or more."""
        used = int(self.position[row]) if self.window is None else self.slots
        target.keys[:, place, :, :used] = self.keys[:, row, :, :used]
        target.values[:, place, :, :used] = self.values[:, row, :, :used]
        target.position[place] = self.position[row]
        target.high = int(target.position.max()) if self.window is None else max(target.high, self.high)

    def clone(self) -> "KVCache":
        return KVCache(self.keys.clone(), self.values.clone(), self.position.clone(), self.window, self.high)
