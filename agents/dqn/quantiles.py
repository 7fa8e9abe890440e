"""The return as quantiles: at fixed fractions (QR-DQN), or at any that is asked for (IQN)."""

from __future__ import annotations

from typing import Any

import numpy as np

from agents.dqn.heads import Fit, Target
from drl.nn import Network
from drl.nn.embedding import QuantileEmbedding
from drl.nn.layers import Pullback
from drl.nn.losses import QuantileHuber
from drl.nn.ops import Array, Ops


def midpoints(count: int) -> np.ndarray:
    """τ̂_i = (2i − 1)/2N, i = 1 … N: the fractions whose quantiles describe a distribution best.

    Dabney et al. 2018 (QR-DQN), lemma 2.   (N,)
    """
    return (np.arange(count) + 0.5) / count


class QuantileHead:
    """θ_i(s, a) ≈ the τ̂_i-quantile of Z(s, a), i = 1 … N; Q = their mean.   QR-DQN.

    Dabney et al. 2018 (QR-DQN), Algorithm 1: L is the quantile Huber loss of θ(s, a) against the
    N values r + discount · θ_j(s′, a′).  The network has A·N outputs, action by action.
    Priorities are |mean of the targets − Q(s, a)|.
    """

    def __init__(self, ops: Ops, actions: int, count: int) -> None:
        self.ops, self.actions, self.count = ops, actions, count
        self.tau = ops.asarray(midpoints(count)[None])  # (1, N)
        self.loss = QuantileHuber(ops)

    def outputs(self, net: Network, x: Array) -> Array:
        return self._by_action(net(x))  # (B, A, N)

    def mean(self, z: Array) -> Array:
        return self.ops.mean(z, axis=2)

    def at(self, z: Array, a: Array) -> Array:
        return self.ops.gather(z, a)

    def mix(self, z: Array, policy: Array) -> Array:
        return self.ops.sum(z * policy[:, :, None], axis=1)

    def within(self, z: Array, low: float, high: float) -> Array:
        return self.ops.clip(z, low, high)  # the τ-quantile of a clipped Z is Z's, clipped

    def forward(self, net: Network, x: Array) -> tuple[tuple[Array, Array], Pullback]:
        y, backward = net.forward(x)
        return (self._by_action(y), self.tau), backward

    def fit(self, z: tuple[Array, Array], a: Array, target: Target, weight: Array) -> Fit:
        ops, (quantiles, tau) = self.ops, z
        theta = ops.gather(quantiles, a)  # (B, N)
        t = target.r[:, None] + target.discount[:, None] * target.z  # (B, M)
        delta = ops.mean(theta, axis=1) - ops.mean(t, axis=1)
        dtheta = self.loss.gradient(theta, t, tau) * weight[:, None]
        return Fit(
            dz=self._to_output(ops.scatter(a, dtheta, self.actions)),
            error=delta,
            td_error=lambda: delta,
            q=lambda: self.mean(quantiles),
            loss=lambda: float(self.loss.value(theta, t, tau)),
        )

    def _by_action(self, y: Array) -> Array:
        return y.reshape(-1, self.actions, self.count)

    def _to_output(self, dz: Array) -> Array:
        return dz.reshape(-1, self.actions * self.count)

    def state(self) -> dict[str, Any]:
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        pass


class ImplicitQuantileHead(QuantileHead):
    """Z_τ(s, a) for any fraction τ, which is an input: IQN.   Dabney et al. 2018 (IQN), eq. 3.

    The network holds a QuantileEmbedding.  Learning asks for N fractions τ ~ U(0, 1) of each
    example; deciding, and the target, for `fixed` midpoints.  (The paper draws those at random
    too; the midpoints integrate the same function without the noise, and the same state always
    gets the same action.)
    """

    def __init__(
        self, ops: Ops, actions: int, count: int, fixed: int, rng: np.random.Generator
    ) -> None:
        super().__init__(ops, actions, fixed)
        self.samples, self.rng = count, rng

    def outputs(self, net: Network, x: Array) -> Array:
        embedding(net).tau = self.tau
        return self._by_action(net(x))

    def forward(self, net: Network, x: Array) -> tuple[tuple[Array, Array], Pullback]:
        tau = self.ops.asarray(self.rng.random((len(x), self.samples)))
        embedding(net).tau = tau
        y, backward = net.forward(x)
        quantiles = y.reshape(-1, self.samples, self.actions).swapaxes(1, 2)
        return (quantiles, tau), backward

    def _by_action(self, y: Array) -> Array:
        return y.reshape(-1, self.count, self.actions).swapaxes(1, 2)  # (B, A, N)

    def _to_output(self, dz: Array) -> Array:
        return dz.swapaxes(1, 2).reshape(-1, self.actions)  # (B·N, A)

    def state(self) -> dict[str, Any]:
        return {"rng": self.rng.bit_generator.state}

    def load_state(self, state: dict[str, Any]) -> None:
        self.rng.bit_generator.state = state["rng"]


def embedding(net: Network) -> QuantileEmbedding:
    """The network's embedding of τ.  ValueError where it has none."""
    for layer in net.layers:
        if isinstance(layer, QuantileEmbedding):
            return layer
    raise ValueError("an implicit quantile network needs a QuantileEmbedding")
