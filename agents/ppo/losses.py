"""What PPO and A2C minimise, and right beside it the derivatives, by hand.

    L = L_π + c_V L_V − c_H H,   means over the B rows of a minibatch

    L_π   the policy's, by the log-probability of the action taken: here
    L_V   the value's, by V(s): here
    H     the policy's entropy: ∂L/∂H_b = −c_H/B, and the rest is the distribution's

The distributions (drl.nn.distributions) take ∂L/∂log π and ∂L/∂H on to the network's outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from drl.nn.ops import Array, Ops


class PolicyFit(NamedTuple):
    """∂L_π/∂log π of a minibatch, and what was computed on the way to it."""

    d_log_prob: Array  # ∂L/∂log π(a|s): (B,)
    log_ratio: Array  # log π(a|s) − log π_old(a|s): (B,)
    loss: Callable[[], float]  # L_π


class PolicyLoss(Protocol):
    """L_π and its derivative."""

    def __call__(
        self, ops: Ops, log_prob: Array, old_log_prob: Array, advantage: Array, clip: float
    ) -> PolicyFit:  # fmt: skip
        """log π(a|s), log π_old(a|s), A: (B,) each.   clip: ε."""


def clipped_surrogate(
    ops: Ops, log_prob: Array, old_log_prob: Array, advantage: Array, clip: float
) -> PolicyFit:
    """L_π = −mean min(r A, clip(r, 1 ± ε) A),   r = π(a|s)/π_old(a|s).

    ∂L/∂log π = −(1/B) r A · 1[r A ≤ clip(r, 1 ± ε) A].   Schulman et al. 2017 (PPO), eq. 7: an
    action whose probability has moved far enough in the direction of its advantage is let go.
    """
    log_ratio = log_prob - old_log_prob  # log r: (B,)
    ratio = ops.exp(log_ratio)  # r
    plain = ratio * advantage  # r A
    clipped = ops.clip(ratio, 1 - clip, 1 + clip) * advantage  # clip(r, 1 ± ε) A
    active = plain <= clipped  # where the minimum is r A
    return PolicyFit(
        plain * active * (-1 / len(advantage)),
        log_ratio,
        lambda: -float(ops.mean(clipped + (plain - clipped) * active)),
    )


def policy_gradient(
    ops: Ops, log_prob: Array, old_log_prob: Array, advantage: Array, clip: float
) -> PolicyFit:
    """L_π = −mean A log π(a|s);   ∂L/∂log π = −A/B.

    Mnih et al. 2016 (A3C), section 4, the advantage a constant.  Nothing is clipped.
    """
    return PolicyFit(
        advantage * (-1 / len(advantage)),
        log_prob - old_log_prob,
        lambda: -float(ops.mean(advantage * log_prob)),
    )


class ValueFit(NamedTuple):
    """∂L_V/∂V of a minibatch."""

    dv: Array  # (B,)
    loss: Callable[[], float]  # L_V


class ValueLoss(Protocol):
    """L_V and its derivative."""

    def __call__(self, ops: Ops, v: Array, old_v: Array, returns: Array) -> ValueFit:
        """V(s), V(s) when the rollout was over, R: (B,) each."""


def squared_error(ops: Ops, v: Array, old_v: Array, returns: Array) -> ValueFit:
    """L_V = mean (V − R)²;   ∂L/∂V = (2/B)(V − R)."""
    error = v - returns  # (B,)
    return ValueFit(error * (2 / len(error)), lambda: float(ops.mean(error * error)))


class ClippedSquaredError:
    """L_V = mean max((V − R)², (V_clip − R)²),   V_clip = V_old + clip(V − V_old, ±ε).

    ∂L/∂V = (2/B)(V − R) · 1[(V − R)² ≥ (V_clip − R)²].   As OpenAI's baselines have it: V moves by
    ε at most, in the unit of the rewards; a value that would go further is let go, unless it has
    gone the wrong way.

    clip  ε
    """

    def __init__(self, clip: float) -> None:
        self.clip = clip

    def __call__(self, ops: Ops, v: Array, old_v: Array, returns: Array) -> ValueFit:
        error, moved = v - returns, v - old_v  # V − R, V − V_old: (B,)
        held = old_v + ops.clip(moved, -self.clip, self.clip) - returns  # V_clip − R
        plain, clipped = error * error, held * held
        # within ±ε both are the same, but for rounding, which must not decide
        active = (plain >= clipped) | (ops.abs(moved) <= self.clip)
        return ValueFit(
            error * active * (2 / len(error)),
            lambda: float(ops.mean(clipped + (plain - clipped) * active)),
        )


def normalised(ops: Ops, a: Array) -> Array:
    """(A − mean A)/(std A + 1e-8) over a minibatch, std with n − 1;  one row is left as it is."""
    rows = len(a)
    if rows < 2:
        return a
    centred = a - ops.sum(a) / rows
    deviation = ops.norm(centred) / (rows - 1) ** 0.5
    return centred * (1 / (deviation + 1e-8))
