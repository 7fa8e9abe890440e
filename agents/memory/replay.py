"""Replay memory: the newest transitions, in a ring, and which of them make a batch.

Lin 1992; Mnih et al. 2015.  Shapes: B transitions of a batch, N environments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from agents.memory.growing import with_rows
from agents.memory.masks import bytes_of, unpacked, unset
from agents.memory.storage import ObservationStorage
from drl.nn.memory import GIB
from drl.state import fill, whole

BLOCK = 64  # batches whose random numbers are drawn in one call: 3 µs a batch become 1
COLUMNS = ("s", "action", "reward", "discount", "s_next", "terminal")  # of a ReplayBuffer


class Batch(NamedTuple):
    """B transitions.  The arrays are the memory's own and change at the next sample."""

    s: Any  # (B, *shape) observation
    a: Any  # (B, *action_shape) action
    r: Any  # (B,) reward, summed with γ over the n steps where n > 1
    discount: Any  # (B,) γᵏ(1 − terminated): what the bootstrap is multiplied with
    s_next: Any  # (B, *shape) observation after the k steps
    weight: Any  # (B,) of the example in the loss
    rows: Any  # (B,) where the memory keeps them
    mask: Any = None  # (B, A) bool, the actions that s allows; None: all
    next_mask: Any = None  # (B, A) bool, the actions that s_next allows; None: all


class Sampler(Protocol):
    """Which rows of the ring make a batch."""

    nbytes: int  # of memory
    needs_error: bool
    """Whether `update_priorities` does anything: on a GPU, to know an error is to wait for it."""

    def add(self, rows: np.ndarray) -> None:
        """These rows hold new transitions."""

    def drop(self, row: int) -> None:
        """This row is no longer kept."""

    def draw(self, oldest: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """(B,) rows of the `count` transitions from number `oldest` on, (B,) weights."""

    def update_priorities(self, rows: np.ndarray, error: np.ndarray) -> None:
        """The error (B,) that an update has found in the transitions of these rows (B,)."""

    def state(self) -> dict[str, Any]: ...

    def load_state(self, state: dict[str, Any]) -> None: ...


class UniformSampler:
    """P(i) = 1/n for each of the n transitions, drawn with replacement."""

    needs_error = False

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

    def update_priorities(self, rows: np.ndarray, error: np.ndarray) -> None:
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
    """The last `buffer_size` transitions (s, action, reward, discount, s′).

    A transition keeps its discount γᵏ(1 − terminated), so the target needs no flags:
    y = reward + discount · bootstrap(s′).  A truncated one keeps γᵏ: the episode was cut, the
    environment goes on.

    Each column is an array with a row for each transition; transition number n lies in row
    n % buffer_size.

    buffer_size   transitions kept
    batch_size    transitions of a batch, B
    storage       how observations are kept (agents.memory.storage)
    sampler       which transitions make a batch: UniformSampler, PrioritizedSampler
    action_shape  of one action: () for a number, (d,) for d torques
    action_dtype  of an action's numbers
    actions       A, the width of a mask; masks are kept from the first one that is given
    expected      transitions that will be kept, where they are fewer than `buffer_size`: room is
                  made for them at once, and for more as they come

    ValueError where a size is below 1.
    """

    def __init__(
        self, buffer_size: int, batch_size: int, storage: ObservationStorage, sampler: Sampler,
        action_shape: tuple[int, ...] = (), action_dtype: Any = np.int64, actions: int = 0,
        expected: int | None = None,
    ) -> None:  # fmt: skip
        if buffer_size < 1 or batch_size < 1:
            raise ValueError(
                f"replay needs buffer_size and batch_size ≥ 1, got {buffer_size} and {batch_size}"
            )
        self.buffer_size, self.batch_size = buffer_size, batch_size
        self.storage, self.sampler = storage, sampler
        rows = buffer_size if expected is None else min(buffer_size, expected)
        self.s = np.zeros((rows, *storage.key_shape), storage.key_dtype)
        self.s_next = np.zeros(self.s.shape, self.s.dtype)  # zeros_like would touch every page
        self.action = np.zeros((rows, *action_shape), action_dtype)
        self.reward = np.zeros(rows, np.float32)  # summed with γ over the n steps
        self.discount = np.zeros(rows, np.float32)  # γᵏ(1 − terminated)
        self.terminal = np.zeros(rows, bool)  # the episode ended; discount 0 may be γ = 0
        self.actions = actions
        # (rows, 2, bytes) of s and of s_next, packed; None: none were given
        self.masks: np.ndarray | None = None
        self.added = 0  # transitions ever seen
        self.oldest = 0  # number of the first one still kept
        columns = (self.s, self.action, self.reward, self.discount, self.s_next)
        self._batch = [np.zeros((batch_size, *c.shape[1:]), c.dtype) for c in columns]

    def __len__(self) -> int:
        return self.added - self.oldest

    @property
    def rows(self) -> int:
        """Transitions that there is room for by now."""
        return len(self.action)

    @property
    def nbytes(self) -> int:
        """Bytes of all rows, with masks; the system hands them out as they fill."""
        own: int = sum(getattr(self, name).nbytes for name in COLUMNS)
        own += sum(array.nbytes for array in self._batch)
        return own + self.mask_bytes + self.storage.nbytes + self.sampler.nbytes

    @property
    def bytes_each(self) -> float:
        """Bytes that a transition takes, with masks."""
        return (self.nbytes - sum(array.nbytes for array in self._batch)) / self.rows

    def words(self) -> str:
        """How large it becomes, in one line."""
        masks = self.mask_bytes / GIB
        more = f", {masks:.3f} more where actions are masked" if masks >= 0.001 else ""
        when = f"when its {self.buffer_size:,} transitions are full"
        if self.rows < self.buffer_size:
            when = f"for the {self.rows:,} transitions of the run, fewer than `buffer_size`"
        return f"replay memory: {self.nbytes / GIB - masks:.3f} GiB {when}{more}"

    @property
    def mask_bytes(self) -> int:
        """Of these, those that are taken where actions are masked, which the first step tells."""
        return self.rows * 2 * bytes_of(self.actions)

    def add(
        self, s: np.ndarray, action: np.ndarray, reward: np.ndarray, discount: np.ndarray,
        s_next: np.ndarray, terminal: np.ndarray, masks: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        """Append N transitions, the oldest making room.

        s, s_next         (N, *key_shape), the storage's keys of the observations
        action            (N, *action_shape)
        reward, discount  (N,)
        terminal          (N,) bool, the episode ended by termination
        masks             (N, 2, bytes) of s and s_next, packed (agents.memory.masks); None: all
                          actions are allowed
        """
        count = len(action)
        start = self.added % self.buffer_size
        rows = np.arange(start, start + count)
        if start + count > self.buffer_size:
            rows %= self.buffer_size
        if start + count > self.rows:
            self._make_room(min(start + count, self.buffer_size))
        self.s[rows] = s
        self.s_next[rows] = s_next
        self.action[rows] = action
        self.reward[rows] = reward
        self.discount[rows] = discount
        self.terminal[rows] = terminal
        if masks is not None and self.masks is None:
            self.masks = self._no_masks()
        if self.masks is not None:
            self.masks[rows] = 255 if masks is None else masks
        self.added += count
        self.oldest = max(self.oldest, self.added - self.buffer_size)
        self.sampler.add(rows)
        self._drop_overwritten()

    def _make_room(self, rows: int) -> None:
        """For so many transitions."""
        for name in COLUMNS if self.masks is None else (*COLUMNS, "masks"):
            setattr(self, name, with_rows(getattr(self, name), rows, self.buffer_size))

    def _drop_overwritten(self) -> None:
        """Drop the transitions whose images have made room for newer ones."""
        kept = self.storage.first_kept
        while kept > 0 and len(self) and self.s[self.oldest % self.buffer_size].flat[0] < kept:
            self.sampler.drop(self.oldest % self.buffer_size)
            self.oldest += 1

    def sample(self) -> Batch:
        """`batch_size` transitions, as the sampler draws them."""
        rows, weight = self.sampler.draw(self.oldest, len(self))
        s, action, reward, discount, s_next = self._batch
        self.s.take(rows, axis=0, out=s, mode="clip")
        self.s_next.take(rows, axis=0, out=s_next, mode="clip")
        self.action.take(rows, axis=0, out=action, mode="clip")
        self.reward.take(rows, axis=0, out=reward, mode="clip")
        self.discount.take(rows, axis=0, out=discount, mode="clip")
        decode = self.storage.decode
        mask = next_mask = None
        if self.masks is not None:
            mask, next_mask = unpacked(self.masks[rows], self.actions).swapaxes(0, 1)
        return Batch(
            decode(s), action, reward, discount, decode(s_next), weight, rows, mask, next_mask
        )  # fmt: skip

    def _no_masks(self) -> np.ndarray:
        return unset((self.rows, 2), self.actions)

    def update_priorities(self, batch: Batch, error: Callable[[], np.ndarray]) -> None:
        """The error (B,) that an update has found in a batch of this memory; asked for only where
        the sampler needs it."""
        if self.sampler.needs_error:
            self.sampler.update_priorities(batch.rows, error())

    def peek(self, count: int) -> np.ndarray:
        """Up to `count` of the stored observations, evenly spread: (count, *shape).   Draws no
        random number."""
        numbers = np.linspace(0, max(len(self) - 1, 0), min(count, max(len(self), 1)))
        rows = (self.oldest + numbers.astype(np.int64)) % self.buffer_size
        return self.storage.decode(self.s[rows])

    def terminal_fraction(self) -> float:
        """Share of the stored transitions that end an episode by termination."""
        return float(self.terminal[: self._filled].mean()) if self.added else 0.0

    def reward_range(self) -> tuple[float, float]:
        """Least and greatest stored (n-step) reward; 0 for both where nothing is stored."""
        stored = self.reward[: len(self)]
        return (float(stored.min()), float(stored.max())) if len(stored) else (0.0, 0.0)

    def age_mean(self) -> float:
        """Mean number of transitions added since a stored one was."""
        return max(0, len(self) - 1) / 2

    @property
    def _filled(self) -> int:
        """Rows that have been written to."""
        return min(self.added, self.buffer_size)

    def state(self) -> dict[str, Any]:
        """Views of the stored rows, not copies: large, and to be saved before the next `add`."""
        columns = {name: getattr(self, name)[: self._filled] for name in COLUMNS}
        if self.masks is not None:
            columns["masks"] = self.masks[: self._filled]
        return columns | {
            "added": self.added,
            "oldest": self.oldest,
            "storage": self.storage.state(),
            "sampler": self.sampler.state(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """ValueError where shapes, dtypes or buffer_size are others."""
        added = whole(state, "added")
        filled = min(added, self.buffer_size)
        self.masks = None
        self._make_room(min(filled, len(state["action"])))
        for name in COLUMNS:
            limits = self.storage.key_range if name in ("s", "s_next") else ()
            fill(getattr(self, name)[:filled], state[name], f"replay {name}", *limits)
        if "masks" in state:
            self.masks = self._no_masks()
            fill(self.masks[:filled], state["masks"], "replay masks")
        self.added, self.oldest = added, whole(state, "oldest", added - filled, added)
        self.storage.load_state(state["storage"])
        self.sampler.load_state(state["sampler"])
