"""What the network's outputs say of the return Z(s, a), and how they are fitted: here, its mean.

A head reads Q(s, ·) out of the outputs and gives ∂L/∂output for a target.  The distributional
heads are in agents.dqn.categorical and agents.dqn.quantiles; the agent does not know which it has.

Shapes: B examples, A actions, N numbers that describe the return of one action.
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
    """The return that Z(s, a) is fitted to: r + discount · Z(s′), for each example."""

    r: Array  # (B,)
    discount: Array  # (B,) γᵏ(1 − terminated)
    z: Array  # (B,) or (B, N): the head's own description of Z(s′)


class Fit(NamedTuple):
    """∂L/∂output of a batch, and what was computed on the way to it."""

    dz: Array  # ∂L/∂output, of the output's shape
    error: Array  # (B,) how wrong the network is about each example: the replay's priorities
    td_error: Callable[[], Array]  # (B,) Q(s, a; θ) − E[target]
    q: Callable[[], Array]  # (B, A) Q(s, ·; θ)
    loss: Callable[[], float]  # L


class Head(Protocol):
    """What the network's outputs mean, and ∂L/∂output for a target.

    `z` is the head's description of the return Z(s, ·) for a batch; only the head looks inside.
    """

    condition: Array | None
    """What the network is given besides observations when actions are valued: IQN's fractions τ."""

    def outputs(self, net: Network, x: Array) -> Array:
        """z of every action at the observations x (B, *shape): (B, A) or (B, A, N)."""

    def mean(self, z: Array) -> Array:
        """Q(x, ·) = E[Z(x, ·)]: (B, A)."""

    def at(self, z: Array, a: Array) -> Array:
        """z of the actions a (B,), as a Target holds it: (B,) or (B, N)."""

    def mix(self, z: Array, policy: Array) -> Array:
        """Σ_a π(a) z(·, a) for the policy π (B, A), as a Target holds it: (B,) or (B, N)."""

    def within(self, z: Array, low: float, high: float) -> Array:
        """A Target's z with the returns that it describes kept within [low, high]."""

    def forward(self, net: Network, x: Array) -> tuple[Any, Pullback]:
        """What `fit` needs of the observations x (B, *shape), and the pullback of its `dz`."""

    def fit(self, z: Any, a: Array, target: Target, weight: Array) -> Fit:
        """∂L/∂output, non-zero only at the actions a (B,); weight (B,) of each example in L."""

    def state(self) -> dict[str, Any]:
        """All that the next update depends on."""

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from a `state()`.   ValueError or KeyError where it is another head's."""


class QHead:
    """Q(s, a) = E[Z(s, a)], one output for each action.   L = E[w · huber(Q(s, a) − y)].

    y = r + discount · Q(s′, a′).   Mnih et al. 2015, Algorithm 1 and Methods ("error clipping").
    """

    condition: Array | None = None

    def __init__(self, ops: Ops, actions: int) -> None:
        self.ops, self.actions = ops, actions
        self.huber = Huber(ops)

    def outputs(self, net: Network, x: Array) -> Array:
        return net(x)  # Q(x, ·): (B, A)

    def mean(self, z: Array) -> Array:
        return z  # (B, A)

    def at(self, z: Array, a: Array) -> Array:
        return self.ops.gather(z, a)  # Q(x, a): (B,)

    def mix(self, z: Array, policy: Array) -> Array:
        return self.ops.sum(z * policy, axis=1)  # Σ_a π(a) Q(x, a): (B,)

    def within(self, z: Array, low: float, high: float) -> Array:
        return self.ops.clip(z, low, high)  # (B,)

    def forward(self, net: Network, x: Array) -> tuple[Array, Pullback]:
        return net.forward(x)

    def fit(self, z: Array, a: Array, target: Target, weight: Array) -> Fit:
        y = target.r + target.discount * target.z  # r + discount · Z(s′): (B,)
        delta = self.ops.gather(z, a) - y  # δ = Q(s, a) − y: (B,)
        dq = self.huber.gradient(delta, weight)  # ∂L/∂Q(s, a) = (w/B) clip(δ, ±κ): (B,)
        return Fit(
            dz=self.ops.scatter(a, dq, self.actions),  # (B, A)
            error=delta,
            td_error=lambda: delta,
            q=lambda: z,
            loss=lambda: float(self.huber.value(delta)),
        )

    def state(self) -> dict[str, Any]:
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        pass


def best_action(ops: Ops, q: Array, mask: Array | None = None) -> Array:
    """argmax_a q(·, a) over the actions that the mask (B, A) allows: (B, A) → (B,)."""
    return ops.argmax(q if mask is None else ops.keep(q, mask, ops.lowest), axis=1)


def best(
    head: Head, net: Network, obs: np.ndarray, mask: np.ndarray | None = None
) -> np.ndarray:  # fmt: skip
    """argmax_a Q(s, a; θ), with the noise that is in the network's layers: (N, *shape) → (N,).

    mask  (N, A) bool, the actions to choose from; None: all
    """
    ops = net.ops
    allowed = None if mask is None else ops.booleans(mask)
    return ops.numpy(best_action(ops, head.mean(head.outputs(net, obs)), allowed))


def greedy(
    head: Head, net: Network, obs: np.ndarray, mask: np.ndarray | None = None
) -> np.ndarray:  # fmt: skip
    """argmax_a Q(s, a; θ), the network's layers without noise: (N, *shape) → (N,).

    mask  (N, A) bool, the actions to choose from; None: all
    """
    net.resample(None)
    return best(head, net, obs, mask)
