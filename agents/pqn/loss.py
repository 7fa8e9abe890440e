"""What PQN minimises, and right beside it the derivative, by hand.   B rows, A actions."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from drl.nn.ops import Array, Ops


class QFit(NamedTuple):
    """∂L/∂Q of a minibatch, and what was computed on the way to it."""

    dq: Array  # (B, A)
    td_error: Array  # (B,) δ = Q(s, a) − R
    loss: Callable[[], float]


def squared_td_error(ops: Ops, q: Array, a: Array, returns: Array) -> QFit:
    """L = ½ mean (Q(s, a) − R)²;   ∂L/∂Q(s, k) = (1/B) (Q(s, a) − R) · 1[k = a].

    Gallici et al. 2024 (PQN), Algorithm 1: R is a constant, no derivative goes through it.

    q        Q(s, ·): (B, A)
    a        actions taken, from 0: (B,)
    returns  R, the λ-returns: (B,)
    """
    delta = ops.gather(q, a) - returns  # δ: (B,)
    dq = ops.scatter(a, delta * (1 / len(delta)), q.shape[1])  # (B, A)
    return QFit(dq, delta, lambda: 0.5 * float(ops.mean(delta * delta)))
