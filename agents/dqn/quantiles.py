"""The return Z(s, a) as quantiles: at fixed fractions (QR-DQN), or at any fractions τ (IQN).

Shapes: B examples, A actions, N quantiles of Z(s, a), M of the target.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from agents.dqn.heads import Fit, Target
from drl.nn import Network
from drl.nn.layers import Pullback
from drl.nn.losses import QuantileHuber
from drl.nn.ops import Array, Ops


def midpoints(count: int) -> np.ndarray:
    """τ̂_i = (2i − 1)/2N, i = 1 … N: (N,).

    Quantiles at these fractions describe a distribution best, in the 1-Wasserstein metric: Dabney
    et al. 2018 (QR-DQN), lemma 2.
    """
    return (np.arange(count) + 0.5) / count


class QuantileHead:
    """θ_i(s, a) ≈ the τ̂_i-quantile of Z(s, a), i = 1 … N;  Q(s, a) = (1/N) Σ_i θ_i(s, a).   QR-DQN.

    L is the quantile Huber loss of θ(s, a) against the values r + discount · θ_j(s′, a′).   Dabney
    et al. 2018 (QR-DQN), Algorithm 1.  The network has A·N outputs, action by action.  Priorities
    are |Q(s, a) − mean of the target's values|.

    count  N
    """

    condition: Array | None = None

    def __init__(self, ops: Ops, actions: int, count: int) -> None:
        self.ops, self.actions, self.count = ops, actions, count
        self.tau = ops.asarray(midpoints(count)[None])  # τ̂: (1, N)
        self.loss = QuantileHuber(ops)

    def outputs(self, net: Network, x: Array) -> Array:
        return self._by_action(net(x, self.condition))  # θ: (B, A, N)

    def mean(self, z: Array) -> Array:
        return self.ops.mean(z, axis=2)  # Q = (1/N) Σ_i θ_i: (B, A)

    def at(self, z: Array, a: Array) -> Array:
        return self.ops.gather(z, a)  # θ(x, a): (B, N)

    def mix(self, z: Array, policy: Array) -> Array:
        return self.ops.sum(z * policy[:, :, None], axis=1)  # Σ_a π(a) θ(x, a): (B, N)

    def within(self, z: Array, low: float, high: float) -> Array:
        return self.ops.clip(z, low, high)  # the τ-quantile of clip(Z) is clip(τ-quantile of Z)

    def forward(self, net: Network, x: Array) -> tuple[tuple[Array, Array], Pullback]:
        y, backward = net.forward(x)  # (B, A·N)
        return (self._by_action(y), self.tau), backward

    def fit(self, z: tuple[Array, Array], a: Array, target: Target, weight: Array) -> Fit:
        ops, (quantiles, tau) = self.ops, z  # (B, A, N); (1, N) or (B, N)
        theta = ops.gather(quantiles, a)  # θ(s, a): (B, N)
        t = target.r[:, None] + target.discount[:, None] * target.z  # r + discount · θ_j: (B, M)
        delta = ops.mean(theta, axis=1) - ops.mean(t, axis=1)  # Q(s, a) − E[target]: (B,)
        dtheta = self.loss.gradient(theta, t, tau) * weight[:, None]  # w ∂L/∂θ(s, a): (B, N)
        return Fit(
            dz=self._to_output(ops.scatter(a, dtheta, self.actions)),
            error=delta,
            td_error=lambda: delta,
            q=lambda: self.mean(quantiles),
            loss=lambda: float(self.loss.value(theta, t, tau)),
        )

    def _by_action(self, y: Array) -> Array:
        """The network's outputs (B, A·N) as quantiles (B, A, N)."""
        return y.reshape(-1, self.actions, self.count)

    def _to_output(self, dz: Array) -> Array:
        """∂L/∂quantiles (B, A, N) in the shape of the outputs, (B, A·N)."""
        return dz.reshape(-1, self.actions * self.count)

    def state(self) -> dict[str, Any]:
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        pass


class ImplicitQuantileHead(QuantileHead):
    """Z_τ(s, a) ≈ the τ-quantile of Z(s, a), for any fraction τ: an input of the network.   IQN.

    L = (1/M) Σ_i Σ_j of the quantile Huber loss at fractions τ_i ~ U(0, 1), i = 1 … N, drawn for
    each example.   Dabney et al. 2018 (IQN), eq. 3.  Actions and targets are valued at M fixed
    midpoints instead of random fractions: the same integral without its noise, and one state always
    gets one action (docs/deviations.md).  The network holds a drl.nn.embedding.QuantileEmbedding
    and has A outputs for each fraction.

    count  N, fractions drawn for each example
    fixed  M, midpoints
    rng    draws the fractions
    """

    def __init__(
        self, ops: Ops, actions: int, count: int, fixed: int, rng: np.random.Generator
    ) -> None:
        super().__init__(ops, actions, fixed)
        self.condition = self.tau  # (1, M)
        self.samples, self.rng = count, rng

    def forward(self, net: Network, x: Array) -> tuple[tuple[Array, Array], Pullback]:
        tau = self.ops.asarray(self.rng.random((len(x), self.samples)))  # τ ~ U(0, 1): (B, N)
        y, backward = net.forward(x, tau)  # (B·N, A)
        quantiles = y.reshape(-1, self.samples, self.actions).swapaxes(1, 2)  # Z_τ: (B, A, N)
        return (quantiles, tau), backward

    def _by_action(self, y: Array) -> Array:
        """The network's outputs (B·M, A) as quantiles (B, A, M)."""
        return y.reshape(-1, self.count, self.actions).swapaxes(1, 2)

    def _to_output(self, dz: Array) -> Array:
        """∂L/∂quantiles (B, A, N) in the shape of the outputs, (B·N, A)."""
        return dz.swapaxes(1, 2).reshape(-1, self.actions)

    def state(self) -> dict[str, Any]:
        return {"rng": self.rng.bit_generator.state}

    def load_state(self, state: dict[str, Any]) -> None:
        self.rng.bit_generator.state = state["rng"]
