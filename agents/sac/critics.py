"""What the outputs of a critic mean: what is bootstrapped from them, how they are fitted, and what
the policy climbs.

Shapes: B examples, C critics side by side in one network, M values of each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from drl.nn.losses import SortedQuantileHuber
from drl.nn.ops import Array, Ops


class Fit(NamedTuple):
    """The loss of a batch, and its derivative."""

    loss: Callable[[], float]
    dz: Array  # (B, C·M) ∂L/∂z
    error: Array  # (B,) how wrong: the replay's priorities
    q: Array  # (B, C) each critic's mean


class Critic(Protocol):
    """z = (B, C·M), the network's outputs, critic by critic."""

    critics: int  # C
    values: int  # M

    def bootstrap(self, z: Array) -> Array:
        """Z(s′, a′), cautiously: (B, K), as many values as are fitted to."""

    def fit(self, z: Array, y: Array, weight: Array) -> Fit:
        """z fitted to targets y (B, K), examples weighted by weight (B,)."""

    def q(self, z: Array) -> tuple[Array, Callable[[Array], Array]]:
        """Q (B,) that the policy climbs, and its pullback: ∂L/∂Q (B,) → ∂L/∂z."""


class TwinQ:
    """Q₁ and Q₂; the smaller is bootstrapped, and climbed.   Fujimoto et al. 2018, eq. 10.

    L = ½ Σ_i mean_b w (Q_i − y)²,  ∂L/∂Q_i = w (Q_i − y)/B.
    """

    critics, values = 2, 1

    def __init__(self, ops: Ops) -> None:
        self.ops = ops

    def bootstrap(self, z: Array) -> Array:
        smaller, _ = self._smaller(z)
        return smaller[:, None]  # min_i Q_i(s′, a′): (B, 1)

    def fit(self, z: Array, y: Array, weight: Array) -> Fit:
        ops, delta = self.ops, z - y  # (B, 2)
        dz = delta * (weight[:, None] / len(z))  # ∂L/∂Q_i = w (Q_i − y)/B
        return Fit(
            lambda: float(0.5 * ops.sum(delta * dz)), dz, 0.5 * ops.sum(ops.abs(delta), axis=1), z
        )

    def q(self, z: Array) -> tuple[Array, Callable[[Array], Array]]:
        smaller, first = self._smaller(z)

        def backward(dq: Array) -> Array:  # min_i passes its gradient to the smaller one
            return self.ops.concat([(dq * first)[:, None], (dq * (1 - first))[:, None]])

        return smaller, backward

    def _smaller(self, z: Array) -> tuple[Array, Array]:
        """min_i Q_i, and 1 where that is Q₁, else 0: both (B,)."""
        q1, q2 = z[:, 0], z[:, 1]
        first = self.ops.asarray(q1 <= q2)
        return q1 * first + q2 * (1 - first), first


class FirstQ(TwinQ):
    """The smaller is bootstrapped, Q₁ is climbed.   Fujimoto et al. 2018, Algorithm 1."""

    def q(self, z: Array) -> tuple[Array, Callable[[Array], Array]]:
        def backward(dq: Array) -> Array:
            return self.ops.concat([dq[:, None], 0 * dq[:, None]])

        return z[:, 0], backward


class TruncatedQuantiles:
    """Q_i(s, a) as M quantiles each, C critics; the largest of all their values are not believed.

    Bootstrapped are the C·M − drop·C smallest values of all critics together.  L is the quantile
    Huber loss of each critic's quantiles θ against them, as a mean over its M.  Climbed is the mean
    of all values.   Kuznetsov et al. 2020, eq. 6 and 10.

    critics  C
    values   M
    drop     how many of M are left out for each critic
    """

    def __init__(self, ops: Ops, critics: int, values: int, drop: int) -> None:
        self.ops, self.critics, self.values = ops, critics, values
        self.kept = (values - drop) * critics
        self.tau = ops.asarray((np.arange(values * critics) % values + 0.5) / values)  # τ̂: (C·M,)
        self.loss = SortedQuantileHuber(ops)

    def bootstrap(self, z: Array) -> Array:
        return self.ops.sort(z)[:, : self.kept]  # (B, K)

    def fit(self, z: Array, y: Array, weight: Array) -> Fit:
        ops, each = self.ops, z.reshape(len(z), self.critics, self.values)
        dz = self.loss.gradient(z, y, self.tau)  # of a sum over C and M
        dz = dz * (weight[:, None] / self.values)
        q = ops.mean(each, axis=2)  # (B, C)
        error = ops.mean(ops.abs(q - ops.mean(y, axis=1)[:, None]), axis=1)
        return Fit(lambda: float(self.loss.value(z, y, self.tau)) / self.values, dz, error, q)

    def q(self, z: Array) -> tuple[Array, Callable[[Array], Array]]:
        outputs = z.shape[1]

        def backward(dq: Array) -> Array:
            return self.ops.zeros(len(dq), outputs) + dq[:, None] / outputs

        return self.ops.mean(z, axis=1), backward
