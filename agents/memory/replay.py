"""Replay memory: a ring of transitions.  Lin 1992; Mnih et al. 2015."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from agents.memory.storage import ObservationStorage
from drl.state import fill, whole

BLOCK = 64  # batches whose random numbers are drawn in one call: 3 µs a batch become 1


class Batch(NamedTuple):
    """Transitions, one a row.  The arrays are the memory's own and change at the next sample."""

    s: Any  # (B, *shape) observation
    a: Any  # (B,) int64, action
    r: Any  # (B,) reward, summed with γ over the n steps where n > 1
    discount: Any  # (B,) γᵏ(1 − terminated): what the bootstrap is multiplied with
    s_next: Any  # (B, *shape) observation after the k steps
    weight: Any  # (B,) of the example in the loss
    rows: Any  # (B,) where the memory keeps them


class Sampler(Protocol):
    """Which rows of the ring make a batch."""

    nbytes: int  # of memory
    wants_error: bool  # whether `learnt` does anything: on a GPU, knowing means waiting for it

    def add(self, rows: np.ndarray) -> None:
        """These rows hold new transitions."""

    def drop(self, row: int) -> None:
        """This row is no longer kept."""

    def draw(self, oldest: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """(B,) rows of the `count` transitions from number `oldest` on, (B,) weights."""

    def learnt(self, rows: np.ndarray, error: np.ndarray) -> None:
        """How wrong the network was about them: (B,)."""

    def state(self) -> dict[str, Any]: ...

    def load_state(self, state: dict[str, Any]) -> None: ...


class UniformSampler:
    """Every transition with the same probability, with replacement."""

    wants_error = False

    def __init__(self, buffer_size: int, batch_size: int, rng: np.random.Generator) -> None:
        self.buffer_size, self.rng = buffer_size, rng
        self.weight = np.ones(batch_size, np.float32)
        self._uniform = np.zeros((BLOCK, batch_size))
        self.nbytes = self._uniform.nbytes
        self._drawn = BLOCK  # batches of `_uniform` already used

    def add(self, rows: np.ndarray) -> None:
        pass

    def drop(self, row: int) -> None:
        pass

    def draw(self, oldest: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        if self._drawn == BLOCK:
            self.rng.random(out=self._uniform)
            self._drawn = 0
        numbers = (self._uniform[self._drawn] * count).astype(np.int64)
        self._drawn += 1
        if oldest:
            numbers += oldest
            numbers %= self.buffer_size
        return numbers, self.weight

    def learnt(self, rows: np.ndarray, error: np.ndarray) -> None:
        pass

    def state(self) -> dict[str, Any]:
        return {
            "uniform": self._uniform.copy(),
            "drawn": self._drawn,
            "rng": self.rng.bit_generator.state,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        fill(self._uniform, state["uniform"], "replay uniform", 0, 1 - 2**-53)
        self._drawn = whole(state, "drawn", high=BLOCK)
        self.rng.bit_generator.state = state["rng"]


class ReplayBuffer:
    """The last `buffer_size` transitions.

    A transition keeps its discount γᵏ(1 − terminated), so the target needs no flags:
    y = r + discount · bootstrap(s′).  A truncated one keeps γᵏ: the episode was cut, the
    environment goes on.

    keeper   how observations are kept (agents.memory.storage)
    sampler  which transitions make a batch: Uniform, or agents.memory.prioritized
    """

    def __init__(
        self, buffer_size: int, batch_size: int, storage: ObservationStorage, sampler: Sampler
    ) -> None:
        if buffer_size < 1 or batch_size < 1:
            raise ValueError(
                f"replay needs buffer_size and batch_size ≥ 1, got {buffer_size} and {batch_size}"
            )
        self.buffer_size, self.batch_size, self.storage, self.sampler = (
            buffer_size,
            batch_size,
            storage,
            sampler,
        )
        self.s = np.zeros((buffer_size, *storage.key_shape), storage.key_dtype)
        self.s_next = np.zeros_like(self.s)
        self.rest = np.zeros((buffer_size, 3), np.float32)  # a, r, discount: one gather, not three
        self.terminal = np.zeros(buffer_size, bool)  # no episode goes on; discount 0 may be γ = 0
        self.added = 0  # transitions ever seen
        self.oldest = 0  # number of the first one still kept
        self._s = np.zeros((batch_size, *storage.key_shape), storage.key_dtype)
        self._s_next, self._a = np.zeros_like(self._s), np.zeros(batch_size, np.int64)

    def __len__(self) -> int:
        return self.added - self.oldest

    @property
    def nbytes(self) -> int:
        """Memory of the full ring, in bytes; the system hands it out as it fills."""
        own = self.s.nbytes + self.s_next.nbytes + self.rest.nbytes + self.terminal.nbytes
        own += 2 * self._s.nbytes
        return own + self.storage.nbytes + self.sampler.nbytes

    def add(
        self, s: np.ndarray, a: np.ndarray, r: np.ndarray, discount: np.ndarray,
        s_next: np.ndarray, terminal: np.ndarray,
    ) -> None:  # fmt: skip
        """Append N transitions, the oldest making room.

        s, s_next: (N, *key_shape), the keeper's keys; the others (N,); terminal: bool, the episode
        ended for good.
        """
        count = len(a)
        start = self.added % self.buffer_size
        rows = np.arange(start, start + count)
        if start + count > self.buffer_size:
            rows %= self.buffer_size
        self.s[rows] = s
        self.s_next[rows] = s_next
        rest = self.rest
        rest[rows, 0] = a
        rest[rows, 1] = r
        rest[rows, 2] = discount
        self.terminal[rows] = terminal
        self.added += count
        self.oldest = max(self.oldest, self.added - self.buffer_size)
        self.sampler.add(rows)
        self._drop_lost()

    def _drop_lost(self) -> None:
        """Transitions whose images have made room for newer ones."""
        lost = self.storage.lost
        while lost > 0 and len(self) and self.s[self.oldest % self.buffer_size].flat[0] < lost:
            self.sampler.drop(self.oldest % self.buffer_size)
            self.oldest += 1

    def sample(self) -> Batch:
        """`batch_size` transitions."""
        rows, weight = self.sampler.draw(self.oldest, len(self))
        self.s.take(rows, axis=0, out=self._s, mode="clip")
        self.s_next.take(rows, axis=0, out=self._s_next, mode="clip")
        rest = self.rest.take(rows, axis=0, mode="clip")
        self._a[:] = rest[:, 0]
        decode = self.storage.decode
        return Batch(
            decode(self._s), self._a, rest[:, 1], rest[:, 2], decode(self._s_next), weight, rows
        )

    def learnt(self, batch: Batch, error: Callable[[], np.ndarray]) -> None:
        """How wrong the network was about a batch of ours: (B,), fetched for who wants it."""
        if self.sampler.wants_error:
            self.sampler.learnt(batch.rows, error())

    def peek(self, count: int) -> np.ndarray:
        """Up to `count` of the stored observations, evenly spread; draws no random number."""
        numbers = np.linspace(0, max(len(self) - 1, 0), min(count, max(len(self), 1)))
        rows = (self.oldest + numbers.astype(np.int64)) % self.buffer_size
        return self.storage.decode(self.s[rows])

    def terminal_fraction(self) -> float:
        """Share of the stored transitions that end an episode for good."""
        return (
            float(self.terminal[: min(self.added, self.buffer_size)].mean()) if self.added else 0.0
        )

    def age_mean(self) -> float:
        """Mean number of transitions added since those stored were."""
        return max(0, len(self) - 1) / 2

    def state(self) -> dict[str, Any]:
        """Views of what is kept, not copies: large, and to be saved before the next `add`."""
        filled = min(self.added, self.buffer_size)
        return {
            "added": self.added,
            "oldest": self.oldest,
            "s": self.s[:filled],
            "s_next": self.s_next[:filled],
            "rest": self.rest[:filled],
            "terminal": self.terminal[:filled],
            "storage": self.storage.state(),
            "sampler": self.sampler.state(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """ValueError where shapes or buffer_size are others."""
        added = whole(state, "added")
        filled = min(added, self.buffer_size)
        for name in ("s", "s_next", "rest", "terminal"):
            fill(getattr(self, name)[:filled], state[name], f"replay {name}")
        self.added, self.oldest = added, whole(state, "oldest", added - filled, added)
        self.storage.load_state(state["storage"])
        self.sampler.load_state(state["sampler"])
