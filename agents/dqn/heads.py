"""What the network's outputs say of the return, and how they are fitted: here, its mean.

A head reads Q(s, ·) out of the outputs and gives ∂L/∂output for a target.  The distributional
heads are in agents.dqn.categorical and agents.dqn.quantiles; the agent does not know which it has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from drl.nn import Network
from drl.nn.layers import Pullback
from drl.nn.losses import Huber
from drl.nn.ops import Array, Ops


class Target(NamedTuple):
    """What the return should be: r + discount · Z, with Z a number, or N of them, per example."""

    r: Array  # (B,)
    discount: Array  # (B,) γᵏ(1 − terminated)
    z: Array  # (B,) or (B, N): the head's own description of Z(s′)


class Fit(NamedTuple):
    """How the outputs have to move, and what was seen on the way."""

    dz: Array  # ∂L/∂output, of the output's shape
    error: Array  # (B,) how wrong each example was: the replay's priorities
    td_error: Callable[[], Array]  # (B,) Q(s, a; θ) − E[target]
    q: Callable[[], Array]  # (B, A) Q(s, ·; θ)
    loss: Callable[[], float]  # L


class Head(Protocol):
    """What the network's outputs mean, and ∂L/∂output for a target.

    `z` is whatever the head makes of the outputs for a batch; only the head looks inside."""

    def outputs(self, net: Network, x: Array) -> Array:
        """z(x, ·) of every action, without a way back."""

    def mean(self, z: Array) -> Array:
        """Q(x, ·) = E[Z(x, ·)]: (B, A)."""

    def at(self, z: Array, a: Array) -> Array:
        """z of one action for each example, a (B,), as a Target holds it."""

    def mix(self, z: Array, policy: Array) -> Array:
        """Σ_a π(a) z(·, a), policy (B, A): z where the action is drawn from π."""

    def within(self, z: Array, low: float, high: float) -> Array:
        """A Target's z with the returns that it describes kept within [low, high]."""

    def forward(self, net: Network, x: Array) -> tuple[Any, Pullback]:
        """What `fit` needs, and the network's pullback for its `dz`."""

    def fit(self, z: Any, a: Array, target: Target, weight: Array) -> Fit:
        """∂L/∂output, non-zero only at the actions taken; weight (B,) of each example in L."""

    def state(self) -> dict[str, Any]:
        """All that the next update depends on."""

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from there."""


class QHead:
    """Q(s, a) = E[return], one output for each action: L = E[huber(Q(s, a) − y)].

    y = r + discount · Z, Z = Q(s′, a′).   Mnih et al. 2015.
    """

    def __init__(self, ops: Ops, actions: int) -> None:
        self.ops, self.actions = ops, actions
        self.huber = Huber(ops)

    def outputs(self, net: Network, x: Array) -> Array:
        return net(x)  # (B, A)

    def mean(self, z: Array) -> Array:
        return z

    def at(self, z: Array, a: Array) -> Array:
        return self.ops.gather(z, a)

    def mix(self, z: Array, policy: Array) -> Array:
        return self.ops.sum(z * policy, axis=1)

    def within(self, z: Array, low: float, high: float) -> Array:
        return self.ops.clip(z, low, high)

    def forward(self, net: Network, x: Array) -> tuple[Array, Pullback]:
        return net.forward(x)

    def fit(self, z: Array, a: Array, target: Target, weight: Array) -> Fit:
        y = target.r + target.discount * target.z
        delta = self.ops.gather(z, a) - y  # TD error (B,)
        dq = self.huber.gradient(delta, weight)
        return Fit(
            dz=self.ops.scatter(a, dq, self.actions),
            error=delta,
            td_error=lambda: delta,
            q=lambda: z,
            loss=lambda: float(self.huber.value(delta)),
        )

    def state(self) -> dict[str, Any]:
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        pass


def best(head: Head, net: Network, obs: np.ndarray) -> np.ndarray:
    """argmax_a Q(s, a; θ), with the noise that is in the network's layers: (N, *shape) → (N,)."""
    ops = net.ops
    return ops.numpy(ops.argmax(head.mean(head.outputs(net, obs)), axis=1))


def greedy(head: Head, net: Network, obs: np.ndarray) -> np.ndarray:
    """The same without noise."""
    net.resample(None)
    return best(head, net, obs)
