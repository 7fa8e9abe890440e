"""Replay memory: a ring of transitions, sampled uniformly.  Lin 1992; Mnih et al. 2015."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from drl.state import fill

BLOCK = 64  # batches whose random numbers are drawn in one call: 3 µs a batch become 1


class Batch(NamedTuple):
    """Transitions, one a row.  The arrays are the memory's own and change at the next sample."""

    s: np.ndarray  # (B, *shape) observation
    a: np.ndarray  # (B,) int64, action
    r: np.ndarray  # (B,) reward, summed with γ over the n steps where n > 1
    discount: np.ndarray  # (B,) γᵏ(1 − terminated): what the bootstrap is multiplied with
    s_next: np.ndarray  # (B, *shape) observation after the k steps


class Replay:
    """The last `capacity` transitions.

    A transition keeps its discount γᵏ(1 − terminated), so the target needs no flags:
    y = r + discount · bootstrap(s′).  A truncated one keeps γᵏ: the episode was cut, the world
    goes on.
    """

    def __init__(
        self, capacity: int, shape: tuple[int, ...], dtype: Any, batch: int,
        rng: np.random.Generator,
    ) -> None:  # fmt: skip
        if capacity < 1 or batch < 1:
            raise ValueError(f"replay needs capacity and batch ≥ 1, got {capacity} and {batch}")
        self.capacity, self.batch, self.rng = capacity, batch, rng
        self.s = np.zeros((capacity, *shape), dtype)
        self.s_next = np.zeros((capacity, *shape), dtype)
        self.rest = np.zeros((capacity, 3), np.float32)  # a, r, discount: one gather, not three
        self.added = 0  # transitions ever seen
        self._uniform = np.zeros((BLOCK, batch))
        self._drawn = BLOCK  # batches of `_uniform` already used
        self._out = Batch(
            s=np.zeros((batch, *shape), dtype), a=np.zeros(batch, np.int64),
            r=np.zeros(0), discount=np.zeros(0), s_next=np.zeros((batch, *shape), dtype),
        )  # fmt: skip

    def __len__(self) -> int:
        return min(self.added, self.capacity)

    def add(
        self, s: np.ndarray, a: np.ndarray, r: np.ndarray, discount: np.ndarray,
        s_next: np.ndarray,
    ) -> None:  # fmt: skip
        """Append N transitions, the oldest making room.  s, s_next: (N, *shape); others (N,)."""
        count = len(a)
        start = self.added % self.capacity
        if start + count <= self.capacity:
            rows: Any = slice(start, start + count)
        else:
            rows = np.arange(start, start + count) % self.capacity
        self.s[rows] = s
        self.s_next[rows] = s_next
        rest = self.rest
        rest[rows, 0] = a
        rest[rows, 1] = r
        rest[rows, 2] = discount
        self.added += count

    def sample(self) -> Batch:
        """`batch` transitions, each uniform over what is stored, with replacement."""
        if self._drawn == BLOCK:
            self.rng.random(out=self._uniform)
            self._drawn = 0
        rows = (self._uniform[self._drawn] * len(self)).astype(np.int64)
        self._drawn += 1
        out = self._out
        self.s.take(rows, axis=0, out=out.s, mode="clip")
        self.s_next.take(rows, axis=0, out=out.s_next, mode="clip")
        rest = self.rest.take(rows, axis=0, mode="clip")
        out.a[:] = rest[:, 0]
        return Batch(out.s, out.a, rest[:, 1], rest[:, 2], out.s_next)

    def peek(self, count: int) -> np.ndarray:
        """Up to `count` of the stored observations, evenly spread; draws no random number."""
        rows = np.linspace(0, max(len(self) - 1, 0), min(count, max(len(self), 1)))
        return self.s[rows.astype(np.int64)]

    def terminal_fraction(self) -> float:
        """Share of the stored transitions that end an episode for good (discount 0)."""
        return float(np.mean(self.rest[: len(self), 2] == 0)) if self.added else 0.0

    def age_mean(self) -> float:
        """Mean number of transitions added since those stored were."""
        return max(0, len(self) - 1) / 2

    def state(self) -> dict[str, Any]:
        filled = len(self)
        return {
            "added": self.added,
            "s": self.s[:filled].copy(),
            "s_next": self.s_next[:filled].copy(),
            "rest": self.rest[:filled].copy(),
            "uniform": self._uniform.copy(),
            "drawn": self._drawn,
            "rng": self.rng.bit_generator.state,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        filled = min(state["added"], self.capacity)
        for name in ("s", "s_next", "rest"):
            fill(getattr(self, name)[:filled], state[name], f"replay {name}")
        fill(self._uniform, state["uniform"], "replay uniform")
        self.added, self._drawn = state["added"], state["drawn"]
        self.rng.bit_generator.state = state["rng"]
