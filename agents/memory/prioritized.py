"""Prioritized replay: what surprised the network is replayed more often.  Schaul et al. 2016."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from drl.nn.compiled import compiled
from drl.nn.schedules import Schedule
from drl.state import fill, number, whole

FAN = 32  # children of a node; fewer mean more numbers at the top, more mean longer families
TOP = 4096  # numbers at the top at most, one sorted array: above 131,072 leaves in two descents
PAYS_AFTER = 4000  # batches drawn by a sampler: then the compiled loop is worth loading


def descend(level: np.ndarray, node: np.ndarray, mass: np.ndarray) -> None:
    """node (B,) ← the child in which its mass (B,) lies, mass ← how far into the child.

    level: (nodes · FAN,) the children of all nodes, FAN each.
    """
    ends = level.reshape(-1, FAN).take(node, axis=0).cumsum(axis=1)  # Σ_{j≤i} p_j: (B, FAN)
    np.minimum(mass, np.nextafter(ends[:, -1], 0), out=mass)  # rounding must not lead past
    child = (ends > mass[:, None]).argmax(axis=1)  # the first child that reaches the mass: (B,)
    mass -= np.where(child > 0, ends[np.arange(len(mass)), child - 1], 0.0)
    node *= FAN
    node += child


def descend_loop(level: np.ndarray, node: np.ndarray, mass: np.ndarray) -> None:
    """`descend` as a loop over the B nodes, to be compiled: the same leaves."""
    for i in range(node.size):
        family = level[node[i] * FAN : (node[i] + 1) * FAN]
        end = 0.0
        for p in family:
            end += p
        left = min(mass[i], np.nextafter(end, 0.0))
        child, before, end = 0, 0.0, family[0]
        while end <= left and child < FAN - 1:
            child += 1
            before = end
            end += family[child]
        mass[i] = left - before
        node[i] = node[i] * FAN + child


DESCEND_LOOP = "void(float64[::1], int64[::1], float64[::1])"


class SumTree:
    """Numbers p_0 … p_{n−1} ≥ 0, and a draw of i with probability p_i/Σ_k p_k in O(FAN log n).

    Schaul et al. 2016, appendix B.2.1.  Every node is the sum of its FAN children, up to a level of
    at most TOP nodes.  A changed leaf has its ancestors added up anew, so sums never drift from the
    leaves.  `set` touches O(FAN) numbers a leaf and level, `find` as many and the whole top once.

    size  n.   ValueError below 1.
    """

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"a sum tree needs at least 1 leaf, got {size}")
        self.size = size
        self.descend: Callable[..., None] = descend
        self.levels: list[np.ndarray] = []  # leaves first; all but the top padded to whole families
        while size > TOP:
            families = -(-size // FAN)
            self.levels.append(np.zeros(families * FAN))
            size = families
        self.levels.append(np.zeros(size))

    @property
    def leaves(self) -> np.ndarray:
        """p: (n,)."""
        return self.levels[0][: self.size]

    @property
    def total(self) -> float:
        """Σ_k p_k."""
        return float(self.levels[-1].sum())

    def set(self, leaves: np.ndarray, values: np.ndarray | float) -> None:
        """p[leaves] = values, leaves (B,); of equal leaves the last counts."""
        self.levels[0][leaves] = values
        for children, parents in zip(self.levels[:-1], self.levels[1:], strict=True):
            leaves = leaves // FAN
            parents[leaves] = children.reshape(-1, FAN).take(leaves, axis=0).sum(axis=1)

    def find(self, mass: np.ndarray) -> np.ndarray:
        """The leaf i with Σ_{j<i} p_j ≤ mass < Σ_{j≤i} p_j, for mass (B,) in [0, total): (B,)."""
        ends = self.levels[-1].cumsum()
        mass = np.minimum(mass, np.nextafter(ends[-1], 0))  # rounding must not lead past
        node = ends.searchsorted(mass, side="right")
        mass -= np.where(node > 0, ends[node - 1], 0.0)
        for level in reversed(self.levels[:-1]):
            self.descend(level, node, mass)
        return node

    def load_loop(self) -> None:
        """Descend by the compiled loop from here on, where numba is installed: the same leaves."""
        self.descend = compiled(descend_loop, DESCEND_LOOP) or descend


class PrioritizedSampler:
    """P(i) = p_i^α / Σ_k p_k^α with p_i = |error_i| + ε, and w_i = (N P(i))^−β / max_j (N P(j))^−β.

    Schaul et al. 2016, eq. 1, section 3.3 (proportional) and 3.4 (w_i corrects the bias of
    drawing by P).  A batch takes one transition of each of B equal parts of the mass (appendix
    B.2.1).  With the maximum over the batch, w_i = (p_i^α / min_j p_j^α)^−β, whatever N.  A new
    transition gets the largest priority yet, so that it is soon drawn.

    alpha  α: 0 draws uniformly
    beta   β, a schedule by batches drawn, to 1 at the end of training
    eps    ε
    """

    needs_error = True

    def __init__(
        self, buffer_size: int, batch_size: int, rng: np.random.Generator,
        alpha: float, beta: Schedule, eps: float = 1e-6,
    ) -> None:  # fmt: skip
        self.batch_size, self.rng = batch_size, rng
        self.alpha, self.beta, self.eps = alpha, beta, eps
        self.tree = SumTree(buffer_size)
        self.nbytes = sum(level.nbytes for level in self.tree.levels)
        self.largest = 1.0  # max_i p_i^α of all transitions ever
        self.drawn = 0  # batches
        self.until_loop = PAYS_AFTER  # batches to draw before the compiled loop is loaded

    def add(self, rows: np.ndarray) -> None:
        self.tree.set(rows, self.largest)

    def drop(self, row: int) -> None:
        self.tree.set(np.array([row]), 0.0)

    def draw(self, oldest: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        self.until_loop -= 1
        if self.until_loop == 0:
            self.tree.load_loop()
        parts = (np.arange(self.batch_size) + self.rng.random(self.batch_size)) / self.batch_size
        rows = self.tree.find(parts * self.tree.total)  # (B,)
        p = self.tree.leaves.take(rows)  # p_i^α: (B,)
        weight = (p / p.min()) ** -self.beta(self.drawn)  # w_i = (p_i^α / min_j p_j^α)^−β: (B,)
        self.drawn += 1
        return rows, weight.astype(np.float32)

    def update_priorities(self, rows: np.ndarray, error: np.ndarray) -> None:
        priority = (np.abs(error) + self.eps) ** self.alpha  # p_i^α = (|error_i| + ε)^α: (B,)
        self.largest = max(self.largest, float(priority.max()))
        self.tree.set(rows, priority)

    def state(self) -> dict[str, Any]:
        return {
            "leaves": self.tree.leaves.copy(),
            "largest": self.largest,
            "drawn": self.drawn,
            "rng": self.rng.bit_generator.state,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        leaves = np.zeros_like(self.tree.leaves)
        fill(leaves, state["leaves"], "priorities", 0, np.finfo(float).max)
        self.tree.set(np.arange(len(leaves)), leaves)
        self.largest, self.drawn = number(state, "largest", low=0), whole(state, "drawn")
        self.rng.bit_generator.state = state["rng"]
